"""No node drains a gateway's or store's pod from under an open exchange, and every node may outside the session."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from prime_jennie_operator.kube.kinds import DISRUPTION_BUDGET, POD, STATEFUL_SET
from tests.support.api_proxy import ApiProxy
from tests.support.cluster_access import Refused
from tests.support.control_plane import ControlPlane
from tests.support.redis_server import RedisServer
from tests.support.strategy_cluster import StrategyCluster

pytestmark = pytest.mark.timeout(300)
GATEWAY = "kis-gateway"


@pytest.fixture
async def cluster(
    control_plane: ControlPlane, namespace: str, mortal_redis: RedisServer, tmp_path: Path
) -> AsyncIterator[StrategyCluster]:
    async with ApiProxy(control_plane) as proxy:
        made = StrategyCluster(control_plane, namespace, proxy, mortal_redis, tmp_path)
        with made.dashboard:
            await made.prepare("2026-02-20 10:00")
            await made.make_gateway()
            await made.eventually(lambda: made.find(POD, f"{GATEWAY}-0"))
            await made.run_pod(f"{GATEWAY}-0")
            yield made
        await made.redis.aclose()


async def evicted(cluster: StrategyCluster) -> bool:
    """Ask for the pod's place as `kubectl drain` does."""
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": f"{GATEWAY}-0"}}
    try:
        await cluster.ask("POST", POD.path(cluster.namespace, f"{GATEWAY}-0", "eviction"), eviction)
    except Refused as refused:
        if refused.code == 429:
            return False
        raise
    return True


async def is_counted(cluster: StrategyCluster) -> bool:
    """Tell whether Kubernetes has counted the pods behind the newest budget: until then it evicts none."""
    found = await cluster.find(DISRUPTION_BUDGET, GATEWAY)
    told = {} if found is None else found.get("status") or {}
    return found is not None and told.get("observedGeneration") == found["metadata"]["generation"]


async def allows(cluster: StrategyCluster, unavailable: object, name: str = GATEWAY) -> bool:
    found = await cluster.find(DISRUPTION_BUDGET, name)
    return found is not None and found["spec"]["maxUnavailable"] == unavailable


async def test_the_gateway_is_evicted_outside_the_session_alone(cluster: StrategyCluster) -> None:
    async with cluster.operator():
        await cluster.eventually(lambda: allows(cluster, 0))
        await cluster.eventually(lambda: is_counted(cluster))
        assert not await evicted(cluster)
        await cluster.clock("2026-02-20 15:30")
        await cluster.eventually(lambda: allows(cluster, "100%"))
        await cluster.eventually(lambda: is_counted(cluster))
        await cluster.eventually(lambda: evicted(cluster))


async def test_a_budget_that_somebody_deletes_or_loosens_is_made_again_and_told(cluster: StrategyCluster) -> None:
    async with cluster.operator():
        await cluster.eventually(lambda: allows(cluster, 0))
        first = await cluster.get(DISRUPTION_BUDGET, GATEWAY)
        await cluster.delete(DISRUPTION_BUDGET, GATEWAY)

        async def is_another() -> bool:
            found = await cluster.find(DISRUPTION_BUDGET, GATEWAY)
            return found is not None and found["metadata"]["uid"] != first["metadata"]["uid"]

        await cluster.eventually(is_another)
        await cluster.patch(DISRUPTION_BUDGET, GATEWAY, spec={"maxUnavailable": 1})
        await cluster.eventually(lambda: allows(cluster, 0))

        async def is_told() -> bool:
            return ("Warning", "Healed") in await cluster.events(GATEWAY)

        await cluster.eventually(is_told)


async def test_the_budget_goes_with_the_gateway(cluster: StrategyCluster) -> None:
    async with cluster.operator():
        await cluster.eventually(lambda: allows(cluster, 0))
        await cluster.delete(STATEFUL_SET, GATEWAY)

        async def is_gone() -> bool:
            return await cluster.find(DISRUPTION_BUDGET, GATEWAY) is None

        await cluster.eventually(is_gone)


async def test_another_ones_budget_is_left_alone_and_told_and_the_gateway_is_still_looked_at(
    cluster: StrategyCluster,
) -> None:
    theirs = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": GATEWAY, "labels": {"app.kubernetes.io/managed-by": "somebody"}},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": GATEWAY}}},
    }
    await cluster.ask("POST", DISRUPTION_BUDGET.path(cluster.namespace), theirs)
    async with cluster.operator():
        await cluster.make("krx")
        await cluster.until("krx", GatewayReady="True")

        async def is_told() -> bool:
            return ("Warning", "ForeignOwner") in await cluster.events(GATEWAY)

        await cluster.eventually(is_told)
        assert await allows(cluster, 1)


@pytest.mark.parametrize("store", ["mariadb", "redis"])
async def test_a_store_of_ours_is_kept_as_the_gateway_is(cluster: StrategyCluster, store: str) -> None:
    await cluster.make_stateful_set(store, "store:1")
    await cluster.eventually(lambda: cluster.find(POD, f"{store}-0"))
    await cluster.run_pod(f"{store}-0")
    first = await cluster.get(POD, f"{store}-0")

    async def is_replaced() -> bool:
        found = await cluster.find(POD, f"{store}-0")
        return found is not None and found["metadata"]["uid"] != first["metadata"]["uid"]

    async def is_held() -> bool:
        return ("Normal", "RolloutHeld") in await cluster.events(store)

    async with cluster.operator():
        await cluster.eventually(lambda: allows(cluster, 0, store))
        await cluster.make_stateful_set(store, "store:2")
        await cluster.eventually(is_held)
        assert not await is_replaced()
        await cluster.clock("2026-02-20 15:30")
        await cluster.eventually(lambda: allows(cluster, "100%", store))
        await cluster.eventually(is_replaced)


async def test_somebody_elses_store_is_left_to_them(cluster: StrategyCluster) -> None:
    await cluster.make_stateful_set("redis", "store:1", updates="RollingUpdate")
    async with cluster.operator():
        await cluster.eventually(lambda: allows(cluster, 0))
        assert await cluster.find(DISRUPTION_BUDGET, "redis") is None
