"""How long a changed spec takes to reach the child that it concerns."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from benchmarks.figures import Figure, percentile, spread
from benchmarks.operators import running_operator
from benchmarks.place import Place
from prime_jennie_operator.desired.strategy import PROGRAMS
from prime_jennie_operator.kube.connection import from_kubeconfig
from prime_jennie_operator.kube.kinds import CONFIG_MAP, DEPLOYMENT, Kind

NAMESPACE = "bench-changes"
STRATEGIES, CHANGES = 100, 400
A_SECOND = 8.0
WITHIN_SECS = 60.0


class _Waited:
    """Changes that are on their way: by the child's name the words that it must carry, and since when."""

    def __init__(self) -> None:
        self.since: dict[str, tuple[str, float]] = {}
        self.took_secs: dict[str, list[float]] = {CONFIG_MAP.name: [], DEPLOYMENT.name: []}

    def saw(self, kind: str, line: bytes) -> None:
        now, child = time.monotonic(), json.loads(line)["object"]
        name = child["metadata"]["name"]
        words, since = self.since.get(name, ("", 0.0))
        if words and words in line.decode():
            del self.since[name]
            self.took_secs[kind].append(now - since)


async def measure(place: Place) -> list[Figure]:
    """Change limits and images by turns, a few a second, and watch the children as anybody might."""
    moments, waited = random.Random(20260219), _Waited()
    names = [f"c{number:03}" for number in range(STRATEGIES)]
    await place.namespace(NAMESPACE)
    await place.strategies(NAMESPACE, names)
    programs = [program for program, *_ in PROGRAMS]
    async with running_operator(place, NAMESPACE) as operator:
        await operator.ready()
        await _until(place, CONFIG_MAP, STRATEGIES)
        await _until(place, DEPLOYMENT, STRATEGIES * len(programs))
        await place.acknowledge(names, programs, 1)
        await asyncio.sleep(5)
        async with _watching(waited, CONFIG_MAP), _watching(waited, DEPLOYMENT):
            for number in range(CHANGES):
                name = names[number % STRATEGIES]
                await _change(place, waited, name, number)
                await asyncio.sleep(moments.expovariate(A_SECOND))
            deadline = time.monotonic() + WITHIN_SECS
            while waited.since and time.monotonic() < deadline:
                await asyncio.sleep(0.05)
        await operator.stop()
    if waited.since:
        raise RuntimeError(f"never reached their child: {sorted(waited.since)}")
    every = [secs for kind in waited.took_secs.values() for secs in kind]
    return [
        Figure(
            f"spec changed → child updated, {STRATEGIES} strategies, p99",
            percentile(every, 99),
            "s",
            at_most=1,
            told=spread(every),
        )
    ]


async def _change(place: Place, waited: _Waited, name: str, number: int) -> None:
    """Tighten a limit, which the ConfigMap says, or name another image, which a Deployment says."""
    if number // STRATEGIES % 2:
        image = f"localhost/bench:{number}"
        waited.since[f"{name}-buy-scanner"] = (f'"{image}"', time.monotonic())
        await place.change(NAMESPACE, name, services={"buyScanner": {"image": image}})
    else:
        waited.since[f"{name}-config"] = (f"{10_000_000 + number}", time.monotonic())
        await place.change(NAMESPACE, name, capitalKrw=10_000_000 + number)


async def _until(place: Place, kind: Kind, number: int) -> None:
    deadline = time.monotonic() + WITHIN_SECS * 3
    while await place.count(kind, NAMESPACE) < number:
        if time.monotonic() > deadline:
            raise RuntimeError(f"fewer than {number} {kind.plural}")
        await asyncio.sleep(0.5)


@asynccontextmanager
async def _watching(waited: _Waited, kind: Kind) -> AsyncIterator[None]:
    """Hear of every change of a kind from now on."""
    connection = from_kubeconfig()
    connector = aiohttp.TCPConnector(ssl=connection.ssl_context)
    url = connection.server + kind.path(NAMESPACE)
    forever = aiohttp.ClientTimeout(total=None)
    async with (
        aiohttp.ClientSession(connector=connector, read_bufsize=2**20) as session,
        session.get(url, params={"watch": "true"}, timeout=forever) as answer,
    ):

        async def hear() -> None:
            async for line in answer.content:
                waited.saw(kind.name, line)

        hearing = asyncio.create_task(hear())
        try:
            yield
        finally:
            hearing.cancel()
            await asyncio.wait({hearing})
