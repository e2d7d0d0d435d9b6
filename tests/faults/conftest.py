"""A demo in a folder of its own, with a hand on its processes; and what a Kubernetes API needs."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.support import web
from tests.support.control_plane import build_programs
from tests.support.database import mariadb_server, mariadb_url

__all__ = ["mariadb_server", "mariadb_url"]

DAY_LIMIT_SECS = 900


@dataclass
class DemoProcess:
    """`jennie demo` as a person starts it."""

    folder: Path
    process: subprocess.Popen[str]

    @property
    def report_file(self) -> Path:
        return self.folder / "day.json"

    def pid_of(self, name: str) -> int:
        """Return the pid of one of the run's processes."""
        registry = json.loads((self.folder / ".jennie/demo/processes.json").read_text())
        return next(record["pid"] for record in registry["processes"] if record["name"] == name)

    def endpoints(self) -> dict[str, Any]:
        """Return where the run listens."""
        found: dict[str, Any] = json.loads((self.folder / ".jennie/demo/endpoints.json").read_text())
        return found

    def control_url(self) -> str:
        """Return the exchange's control API."""
        return f"http://127.0.0.1:{self.endpoints()['services']['kis-simulator']['ports']['control']}"

    def clock(self) -> str:
        """Return the time of day in Korea, HH:MM:SS."""
        found: str = web.get(f"{self.control_url()}/control/clock", timeout=10).raise_for_status().json()["at"]
        return found

    def until(self, at: str) -> None:
        """Wait until the day's clock shows HH:MM in Korea."""
        deadline = time.monotonic() + DAY_LIMIT_SECS
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"the demo ended before {at}: {self.output()}"
            try:
                if web.get(f"{self.control_url()}/control/clock", timeout=2).json()["at"] >= f"{at}:00":
                    return
            except (OSError, httpx.HTTPError):  # not started yet, or just killed
                pass
            time.sleep(0.1)
        pytest.fail(f"the clock never reached {at}")

    def kill(self, name: str) -> None:
        os.kill(self.pid_of(name), signal.SIGKILL)

    def finish(self) -> dict[str, Any]:
        """Wait for the end of the day and return its report, with the exit status under `exit`."""
        status = self.process.wait(DAY_LIMIT_SECS)
        report: dict[str, Any] = json.loads(self.report_file.read_text()) if self.report_file.exists() else {}
        return report | {"exit": status}

    def output(self) -> str:
        return (self.folder / "out.txt").read_text()

    def processes_left(self) -> list[str]:
        """Return the command lines of processes that still work in the run's folder."""
        mine = str(self.folder)
        left = []
        for process in psutil.process_iter(["cmdline"]):
            try:
                if process.pid != os.getpid() and process.cwd().startswith(mine):
                    left.append(" ".join(process.info["cmdline"] or []))
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return left


@pytest.fixture
def start_demo(tmp_path: Path) -> Iterator[Any]:
    started: list[DemoProcess] = []

    def start(*more: str) -> DemoProcess:
        output = (tmp_path / "out.txt").open("a")
        environment = {**os.environ}
        process = subprocess.Popen(
            [sys.executable, "-m", "jennie", "demo", "--report", str(tmp_path / "day.json"), "--keep", *more],
            cwd=tmp_path,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
        )
        started.append(DemoProcess(tmp_path, process))
        return started[-1]

    yield start
    for demo in started:
        if demo.process.poll() is None:
            demo.process.send_signal(signal.SIGINT)
            try:
                demo.process.wait(30)
            except subprocess.TimeoutExpired:
                demo.process.kill()


@pytest.fixture(scope="session")
def kubernetes_programs() -> None:
    """Build what a Kubernetes API needs, before any test's time runs; without Go, skip."""
    build_programs()
