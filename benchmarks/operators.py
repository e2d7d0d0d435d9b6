"""The operator as a person starts it: its own command, in a process of its own, straight to the API server."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.place import Place
from tests.support.cluster_access import ROOT

READY_WITHIN_SECS = 90.0
LOOK_SECS = 0.1
_SAMPLE = re.compile(r"^(?P<name>[a-zA-Z_:]+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$")
_OURS = ("OPERATOR_", "JENNIE_", "REDIS_", "DATABASE_", "DASHBOARD_", "KIS_", "PORT", "HOST", "KUBECONFIG")


class OperatorProcess:
    """One process, its log and what the kernel knows of it."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    def said(self, event: str) -> list[dict[str, Any]]:
        """Return the log's lines of an event."""
        lines = (json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{"))
        return [line for line in lines if line.get("event") == event]

    async def ready(self) -> None:
        """Wait until it has seen everything."""
        deadline = time.monotonic() + READY_WITHIN_SECS
        while not (await self._ask("/readyz"))[0]:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the operator is not ready: {self._log.read_text()[-3000:]}")
            await asyncio.sleep(LOOK_SECS)

    async def leads(self) -> bool:
        return await self.counted("leader_election_master_status") == 1

    async def counted(self, name: str, *labels: str) -> float:
        """Add up the samples of a metric that carry these labels (`verb="create"`)."""
        total = 0.0
        for line in (await self._ask("/metrics"))[1].splitlines():
            if not line.startswith(name):
                continue
            found = _SAMPLE.match(line)
            if found and found["name"] == name and all(label in (found["labels"] or "") for label in labels):
                total += float(found["value"])
        return total

    @property
    def peak_mib(self) -> float:
        """The most memory that it ever had resident."""
        return self._status("VmHWM")

    @property
    def cpu_secs(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def freeze(self) -> None:
        """Let it do nothing at all until `go_on`."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it without any chance to give the lease back."""
        self.process.kill()
        self.process.wait()

    async def stop(self) -> None:
        self.process.terminate()
        await asyncio.to_thread(self.process.wait, 20)

    def _status(self, name: str) -> float:
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)[1]) / 1024  # type: ignore[index]

    async def _ask(self, path: str) -> tuple[bool, str]:
        started = self.said("started")
        if not started:
            return False, ""
        timeout = aiohttp.ClientTimeout(total=30)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(f"http://127.0.0.1:{started[0]['port']}{path}") as answer,
            ):
                return answer.status == 200, await answer.text()
        except (aiohttp.ClientError, TimeoutError):
            return False, ""


@asynccontextmanager
async def running_operator(place: Place, namespace: str, **more: str) -> AsyncIterator[OperatorProcess]:
    """Run one until the block ends; nobody answers where its dashboard-api would be."""
    log = place.folder / f"operator-{namespace}-{time.monotonic_ns()}.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)} | {
        "KUBECONFIG": str(place.plane.kubeconfig),
        "OPERATOR_NAMESPACE": namespace,
        "OPERATOR_VALUES": str(place.values),
        "REDIS_URL": place.server.url,
        "DASHBOARD_URL": "http://127.0.0.1:9",
        "PORT": "0",
        **more,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: ASYNC220 - it starts in no time
            [sys.executable, "-m", "prime_jennie_operator"], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    try:
        yield OperatorProcess(process, log)
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)
