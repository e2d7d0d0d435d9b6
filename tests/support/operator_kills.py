"""Kill the leading operator again and again while it writes, and see that nothing is left undone or done twice."""

import asyncio
import random
from contextlib import AsyncExitStack
from pathlib import Path

from prime_jennie_operator.children import MANAGED_BY, MANAGED_BY_LABEL
from prime_jennie_operator.kube.kinds import DEPLOYMENT, STRATEGY, Kind
from prime_jennie_operator.watching import CHILD_KINDS
from tests.operator.world import MERGE, World
from tests.support.eventually import eventually
from tests.support.operator_processes import Running, running
from tests.support.tiny_operator import children_of

STRATEGIES = 6
LONGEST_LIFE_SECS = 0.6  # of a leader from its first write on; all writes of a round take about as long
EVERY_KIND = None
FEW_KINDS = "ServiceAccount,ConfigMap,Deployment"
CALM_SECS = 2.0


async def kill_leaders(world: World, folder: Path, *, times: int, seed: int = 20260914) -> None:
    """Change what every strategy wants, kill the leader among its writes, let the next one go on; so many times.

    Each round names another image, and by turns most kinds of children are dropped and wanted again.
    """
    moments = random.Random(seed)
    names = [f"s{number}" for number in range(STRATEGIES)]
    async with AsyncExitStack() as stack:

        async def start() -> Running:
            return await stack.enter_async_context(running(world.access, world.namespace, folder))

        leader, standby = await start(), await start()
        await eventually(leader.ready, within_secs=90)
        for name in names:
            await world.make(name)
        born = {name: (await world.get(DEPLOYMENT, name))["metadata"]["uid"] for name in names}
        if not await leader.leads():
            leader, standby = standby, leader
        for number in range(times):
            await eventually(standby.ready, within_secs=90)
            assert standby.proxy.writes() == [], "it wrote while another led"
            before = len(leader.proxy.writes())
            for name in names:
                await _want(world, name, image=number + 2, kinds=FEW_KINDS if number % 2 == 0 else EVERY_KIND)
            await eventually(lambda of=leader, n=before: len(of.proxy.writes()) > n, within_secs=30)
            await asyncio.sleep(moments.uniform(0, LONGEST_LIFE_SECS))
            leader.process.kill()
            leader, standby = standby, await start()
            await eventually(leader.leads, within_secs=30)
        for name in names:
            await world.settled(name, within_secs=60)
            deployment = (await world.get(DEPLOYMENT, name))["metadata"]
            assert deployment["uid"] == born[name], "its pods would have been replaced"
            assert deployment["generation"] <= times + 1, "its pods would have been rolled more often than asked"
        await _expect_nothing_else(world, names, FEW_KINDS if times % 2 else EVERY_KIND)
        leader.process.kill()
        standby.process.kill()
        await _expect_nothing_to_do(await start())


async def _want(world: World, name: str, *, image: int, kinds: str | None) -> None:
    told = {"test/image": f"localhost/idle:{image}", "test/children": kinds}
    path = STRATEGY.path(world.namespace, name)
    await world.ask("PATCH", path, {"metadata": {"annotations": told}}, content=MERGE)


async def _expect_nothing_else(world: World, names: list[str], kinds: str | None) -> None:
    """Compare all objects that carry the operator's label with what is wanted: no orphan, nothing missing."""
    every = {child["kind"] for child in children_of("x", world.namespace)}
    wanted = every if kinds is None else set(kinds.split(","))

    async def is_so() -> bool:
        found = {(kind.name, name) for kind in CHILD_KINDS for name in await _named(world, kind)}
        return found == {(kind, name) for kind in wanted for name in names}

    await eventually(is_so, within_secs=30, what="what is wanted, and nothing else")


async def _named(world: World, kind: Kind) -> list[str]:
    path = f"{kind.path(world.namespace)}?labelSelector={MANAGED_BY_LABEL}={MANAGED_BY}"
    return [one["metadata"]["name"] for one in (await world.ask("GET", path))["items"]]


async def _expect_nothing_to_do(newest: Running) -> None:
    """Let a process lead that knows nothing of before: whatever it writes was left wrong."""
    await eventually(newest.leads, within_secs=90)
    await asyncio.sleep(CALM_SECS)
    assert newest.proxy.writes() == []
