"""A service process stops when told to, and ends by itself when a loop of it crashes."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from prime_jennie.domain.trading_strategy import LiveConfig, StrategyConfig, WatchlistSpec
from tests.support import web
from tests.support.redis_server import free_port

ROOT = Path(__file__).parents[2]


@contextmanager
def running(*program: str, **variables: str) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """Run a behaviour of `tests.support.served`, or another module after `-m`."""
    port = int(variables.pop("PORT", free_port()))
    process = subprocess.Popen(
        [sys.executable, *(program if program[0] == "-m" else ("-m", "tests.support.served", *program))],
        cwd=ROOT,
        env={**os.environ, "PORT": str(port), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process, port
    finally:
        process.kill()
        process.communicate()


def wait_until_ready(process: "subprocess.Popen[str]", port: int) -> None:
    wait_for(process, port, "/readyz")


def wait_until_alive(process: "subprocess.Popen[str]", port: int) -> None:
    wait_for(process, port, "/livez")


def wait_for(process: "subprocess.Popen[str]", port: int, path: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if web.get(f"http://127.0.0.1:{port}{path}").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"the service did not answer {path}")


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_a_service_that_is_told_to_stop_ends_with_0_within_seconds(asked: signal.Signals) -> None:
    with running("good") as (process, port):
        wait_until_ready(process, port)
        process.send_signal(asked)
        began_at = time.monotonic()
        assert process.wait(10) == 0
        assert time.monotonic() - began_at < 5


def test_a_crashed_loop_ends_the_process_with_1() -> None:
    with running("crash") as (process, _):
        assert process.wait(30) == 1


def test_a_loop_that_will_not_stop_does_not_keep_the_process(tmp_path: Path) -> None:
    with running("stubborn", STOP_WITHIN_SECS="1") as (process, port):
        wait_until_ready(process, port)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 1


def test_a_service_that_cannot_start_says_so_by_its_status() -> None:
    with running("broken") as (process, _):
        assert process.wait(30) not in (0, 2)


def test_a_taken_port_is_one_line_and_exit_status_2() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with running("good", PORT=str(port)) as (process, _):
            _, errors = process.communicate(timeout=30)
            assert process.returncode == 2
            assert errors == f"environment: PORT: 127.0.0.1:{port}: Address already in use\n"


def strategy(folder: Path, text: str) -> dict[str, str]:
    """Return the variables of a service whose mounted file says `text`; nothing that it depends on is there."""
    file = folder / "strategy.json"
    file.write_text(text)
    return {
        "JENNIE_STRATEGY": "krx-core",
        "JENNIE_STRATEGY_FILE": str(file),
        "DATABASE_URL": f"sqlite:///{folder / 'prime-jennie.db'}",
        "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
        "KIS_GATEWAY_URL": f"http://127.0.0.1:{free_port()}",
    }


def test_a_service_whose_gateway_is_away_is_alive_and_stops_with_0_when_told_to(tmp_path: Path) -> None:
    file = LiveConfig(name="krx-core", generation=1, spec=StrategyConfig(watchlist=WatchlistSpec(source="scout")))
    with running("-m", "buy_scanner", **strategy(tmp_path, file.model_dump_json(by_alias=True))) as (process, port):
        wait_until_alive(process, port)
        assert web.get(f"http://127.0.0.1:{port}/readyz").status_code == 503
        process.send_signal(signal.SIGTERM)
        began_at = time.monotonic()
        assert process.wait(10) == 0
        assert time.monotonic() - began_at < 5


def test_an_unreadable_strategy_file_is_one_line_and_exit_status_2(tmp_path: Path) -> None:
    with running("-m", "buy_scanner", **strategy(tmp_path, "{")) as (process, _):
        output, errors = process.communicate(timeout=30)
    (line,) = [line for line in (output + errors).splitlines() if "strategy.json" in line]
    assert (process.returncode, "cannot start" in line, "Traceback" in output + errors) == (2, True, False)
