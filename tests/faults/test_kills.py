"""SIGKILL of any one process at its work: the day still ends with its invariants true."""

import signal
from typing import Any

import pytest

from tests.support.database import MariaDb

pytestmark = pytest.mark.timeout(1_800)  # two whole days

IN_MARKET_HOURS = ("09:25", "10:40")  # entries have begun; exits are at work
MOMENTS = {
    "kis-gateway": ("07:20", *IN_MARKET_HOURS),
    "buy-scanner": IN_MARKET_HOURS,
    "buy-executor": IN_MARKET_HOURS,
    "sell-executor": IN_MARKET_HOURS,
    "price-monitor": IN_MARKET_HOURS,
    "scout-job": ("08:30", "10:30"),  # in the middle of a slot, as the clock waits for it
    "macro-council": ("07:30", "11:50"),
    "data-collector": ("07:20", "15:45", "16:00"),
    "daily-briefing": ("16:30", "17:00"),
    "command-handler": IN_MARKET_HOURS,
    "dashboard-api": IN_MARKET_HOURS,
    "kis-simulator": ("08:30", *IN_MARKET_HOURS),
    "redis": ("08:30", *IN_MARKET_HOURS),
}


def assert_invariants(report: dict[str, Any], output: str) -> None:
    assert report.get("ledger_matches") is True, output
    assert report["duplicate_orders"] == 0
    assert report["exchange_rate_refusals"] == 0
    assert all(service["healthy"] for service in report["services"].values())
    assert report["exit"] == 0, output


@pytest.mark.parametrize("name", MOMENTS)
def test_a_day_survives_the_kill_of(name: str, start_demo: Any) -> None:
    demo = start_demo()
    for at in MOMENTS[name]:
        demo.until(at)
        demo.kill(name)
    report = demo.finish()
    assert_invariants(report, demo.output())
    assert report["orders_filled"] > 0
    assert demo.processes_left() == []


def test_a_day_on_mariadb_survives_its_kill(mariadb_server: MariaDb, mariadb_url: str, start_demo: Any) -> None:
    demo = start_demo("--database", mariadb_url)
    for at in ("08:30", *IN_MARKET_HOURS):
        demo.until(at)
        mariadb_server.restart()
    report = demo.finish()
    assert_invariants(report, demo.output())
    assert report["orders_filled"] > 0


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
