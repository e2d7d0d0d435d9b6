"""Start the exchange as its own process for tests: synthetic data, free ports, stopped at the end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.support import web
from tests.support.warm_process import WarmProcess

APP_KEY = "K" * 36
APP_SECRET = "S" * 180
ACCOUNT = "12345678-01"
DAY = "2025-03-04"
_READY_WITHIN_SECS = 20.0
_ADDRESSES = re.compile(r"rest=(\S+) ws=(\S+) control=(\S+)")
_OWN_VARIABLES = ("JENNIE_DATA", "JENNIE_CLOCK", "DATABASE_URL")


@dataclass
class RunningExchange:
    """A started exchange: where it listens, and its process for kills."""

    rest_url: str
    ws_url: str
    control_url: str
    ready_line: str
    process: WarmProcess
    arguments: tuple[str, ...]

    def control(self, path: str) -> dict[str, Any]:
        """Return one report of the control API."""
        answer = web.get(f"{self.control_url}/control/{path}", timeout=10)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def arm(self, name: str, **order: Any) -> None:
        """Order a fault: count or probability, and parameters."""
        body = {"name": name, **order}
        web.post(f"{self.control_url}/control/faults", json=body, timeout=10).raise_for_status()

    def move_clock(self, **order: Any) -> dict[str, Any]:
        """Change rate or time of day."""
        answer = web.post(f"{self.control_url}/control/clock", json=order, timeout=10)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def run_to(self, hh_mm: str, within_secs: float = 30.0) -> None:
        """Let the day run to a time of day and hold it there at (almost) a standstill."""
        self.move_clock(at=hh_mm, rate=0.001)
        deadline = time.monotonic() + within_secs
        while self.control("clock")["at"] < f"{hh_mm}:00":
            if time.monotonic() > deadline:
                raise TimeoutError(f"the exchange did not reach {hh_mm}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End the process without any chance to clean up."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """End the process as an operator would and return its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()


def start_exchange(*flags: str, env: dict[str, str] | None = None, day: str | None = DAY) -> RunningExchange:
    """Start the exchange on free ports and return it once it serves; flags override the defaults here."""
    defaults = ("--port", "0", "--ws-port", "0", "--control-port", "0", "--at", "09:30", "--seed", "7")
    defaults += () if day is None else ("--day", day)
    # Prices that somebody imported on this machine must not change a test.
    nowhere = ("--database-url", "sqlite:////nonexistent/prices.sqlite")
    arguments = (*defaults, *nowhere, *flags)
    process = WarmProcess("kis_simulator", *arguments, env=_environment(env))
    ready_line = _ready_line(process)
    found = _ADDRESSES.search(ready_line)
    if found is None:
        raise RuntimeError(f"no addresses in {ready_line!r}")
    rest_url, ws_url, control_url = found.groups()
    return RunningExchange(rest_url, ws_url, control_url, ready_line, process, arguments)


def refused_exchange(*flags: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the exchange with flags it must refuse, and return how it ended."""
    command = [sys.executable, "-m", "kis_simulator", *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env=_environment(env))


@contextmanager
def running_exchange(*flags: str, env: dict[str, str] | None = None) -> Iterator[RunningExchange]:
    """Run an exchange for as long as the block."""
    exchange = start_exchange(*flags, env=env)
    try:
        yield exchange
    finally:
        exchange.stop()


def _environment(extra: dict[str, str] | None) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in _OWN_VARIABLES and not k.startswith("JENNIE_SIM_")}
    return {**kept, **(extra or {})}


def _ready_line(process: WarmProcess) -> str:
    deadline = time.monotonic() + _READY_WITHIN_SECS
    while time.monotonic() < deadline and process.poll() is None:
        for line in process.said().splitlines(keepends=True):
            if " ready " in line and line.endswith("\n"):
                return line
        time.sleep(0.02)
    process.kill()
    raise RuntimeError(f"the exchange did not start: {process.said()}")
