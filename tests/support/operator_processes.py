"""The operator's own command in processes of their own, each on its own way to the API server."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.api_proxy import ApiProxy
from tests.support.cluster_access import ROOT, ClusterAccess

QUICK_LEASE = {
    "OPERATOR_LEASE_SECS": "4",
    "OPERATOR_RENEW_DEADLINE_SECS": "2.4",
    "OPERATOR_RETRY_SECS": "0.3",
    "OPERATOR_REQUEST_SECS": "1.4",
}


@dataclass
class Running:
    """One process of the operator with the tests' reconciler."""

    process: subprocess.Popen[bytes]
    proxy: ApiProxy
    log: Path

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    @property
    def port(self) -> int | None:
        return next((line["port"] for line in self.lines if line["event"] == "started"), None)

    async def ask(self, path: str) -> tuple[int, str]:
        url = f"http://127.0.0.1:{self.port}{path}"
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
            return answer.status, await answer.text()

    async def ready(self) -> bool:
        if self.port is None:
            assert self.process.poll() is None, self.log.read_text()
            return False
        return (await self.ask("/readyz"))[0] == 200

    async def leads(self) -> bool:
        if self.port is None or self.process.poll() is not None:
            return False
        return 'leader_election_master_status{name="prime-jennie-operator"} 1.0' in (await self.ask("/metrics"))[1]


@asynccontextmanager
async def running(plane: ClusterAccess, namespace: str, folder: Path, **more: str) -> AsyncIterator[Running]:
    """Run a process until the block ends; it reaches the API server by a proxy of its own."""
    async with ApiProxy(plane) as proxy:
        port = proxy.url.rpartition(":")[2]
        kubeconfig, log = folder / f"{port}.kubeconfig", folder / f"{port}.log"
        cluster = {"name": "c", "cluster": {"server": proxy.url}}
        context = {"name": "x", "context": {"cluster": "c", "user": "u", "namespace": namespace}}
        config = {"clusters": [cluster], "users": [{"name": "u", "user": {}}], "contexts": [context]}
        kubeconfig.write_text(json.dumps(config | {"current-context": "x"}))
        environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "PORT": "0", **QUICK_LEASE, **more}
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: ASYNC220 - it starts in no time, and is waited for elsewhere
                [sys.executable, "-m", "tests.support.tiny_operator"],
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=output,
            )
        try:
            yield Running(process, proxy, log)
        finally:
            proxy.thaw()
            process.kill()
            await asyncio.to_thread(process.wait)
