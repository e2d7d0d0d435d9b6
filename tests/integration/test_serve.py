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

from tests.support.redis_server import free_port

ROOT = Path(__file__).parents[2]


@contextmanager
def running(behaviour: str, **variables: str) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    port = int(variables.pop("PORT", free_port()))
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.served", behaviour],
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
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the service did not become ready")


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
