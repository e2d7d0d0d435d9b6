"""How long nobody reconciles after the leader was killed."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import AsyncExitStack

from benchmarks.convergence import NAMESPACE
from benchmarks.figures import Figure
from benchmarks.operators import OperatorProcess, running_operator
from benchmarks.place import Place
from prime_jennie_operator.kube.kinds import CONFIG_MAP

TIMES = 3
WITHIN_SECS = 120.0


async def measure(place: Place, strategies: int) -> list[Figure]:
    """Kill the leader among many strategies, change the last one's spec, and wait until the standby has acted on it."""
    moments, took_secs, name = random.Random(20260219), [], f"s{strategies - 1:04}"
    async with AsyncExitStack() as stack:

        async def start() -> OperatorProcess:
            operator = await stack.enter_async_context(running_operator(place, NAMESPACE))
            await operator.ready()
            return operator

        leader, standby = await start(), await start()
        for number in range(TIMES):
            await _leads(leader)
            await asyncio.sleep(5 + moments.uniform(0, 2))
            leader.kill()
            killed_at = time.monotonic()
            await place.change(NAMESPACE, name, capitalKrw=20_000_000 + number)
            await _reaches(place, name, str(20_000_000 + number))
            took_secs.append(time.monotonic() - killed_at)
            leader, standby = standby, await start()
        await leader.stop()
    told = f"{TIMES} kills: " + ", ".join(f"{secs:.1f}" for secs in took_secs)
    return [Figure("leader killed → standby has reconciled, at most", max(took_secs), "s", at_most=15, told=told)]


async def _leads(operator: OperatorProcess) -> None:
    deadline = time.monotonic() + WITHIN_SECS
    while not await operator.leads():
        if time.monotonic() > deadline:
            raise RuntimeError("nobody leads")
        await asyncio.sleep(0.2)


async def _reaches(place: Place, name: str, words: str) -> None:
    deadline = time.monotonic() + WITHIN_SECS
    while True:
        child = await place.api.get(CONFIG_MAP, NAMESPACE, f"{name}-config")
        if child is not None and words in child["data"]["strategy.json"]:
            return
        if time.monotonic() > deadline:
            raise RuntimeError("the standby never acted")
        await asyncio.sleep(0.05)
