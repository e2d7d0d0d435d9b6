"""SIGKILL of any one process in market hours: the day still ends with its invariants true."""

import signal
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(900)  # two whole days

PROCESSES = [
    "kis-gateway",
    "buy-scanner",
    "buy-executor",
    "sell-executor",
    "price-monitor",
    "scout-job",
    "kis-simulator",
    "redis",
]


def assert_invariants(report: dict[str, Any], output: str) -> None:
    assert report.get("ledger_matches") is True, output
    assert report["duplicate_orders"] == 0
    assert report["exchange_rate_refusals"] == 0
    assert all(service["healthy"] for service in report["services"].values())
    assert report["exit"] == 0, output


@pytest.mark.parametrize("name", PROCESSES)
def test_a_day_survives_the_kill_of(name: str, start_demo: Any) -> None:
    demo = start_demo()
    for at in ("09:25", "10:40"):  # entries have begun; exits are at work
        demo.until(at)
        demo.kill(name)
    report = demo.finish()
    assert_invariants(report, demo.output())
    assert report["orders_filled"] > 0
    assert demo.processes_left() == []


def test_after_the_runner_was_killed_the_next_start_ends_what_it_left_and_says_so(start_demo: Any) -> None:
    first = start_demo()
    first.until("09:25")
    first.process.kill()
    first.process.wait()
    second = start_demo()
    report = second.finish()
    assert "did not stop cleanly" in second.output()
    assert_invariants(report, second.output())
    assert second.processes_left() == []


def test_a_second_demo_in_the_same_folder_is_refused_and_the_first_goes_on(start_demo: Any) -> None:
    first = start_demo()
    first.until("09:05")
    second = start_demo()
    assert second.process.wait(30) == 2
    assert f"in use by process {first.process.pid}" in second.output()
    assert first.process.poll() is None


def test_ctrl_c_leaves_no_process(start_demo: Any) -> None:
    demo = start_demo()
    demo.until("09:05")
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(30) == 130
    assert demo.processes_left() == []
