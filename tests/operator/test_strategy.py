"""Strategies on a real control plane: started, granted, held, refused, mended, and never anybody else's trouble."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from prime_jennie_operator.kube.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    NETWORK_POLICY,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    STRATEGY,
)
from tests.support.api_proxy import ApiProxy
from tests.support.control_plane import ControlPlane
from tests.support.redis_server import RedisServer
from tests.support.strategy_cluster import PROGRAMS, StrategyCluster

pytestmark = pytest.mark.timeout(300)
FOUR = {f"krx-{program}" for program in PROGRAMS}


@pytest.fixture
async def cluster(
    control_plane: ControlPlane, namespace: str, mortal_redis: RedisServer, tmp_path: Path
) -> AsyncIterator[StrategyCluster]:
    async with ApiProxy(control_plane) as proxy:
        made = StrategyCluster(control_plane, namespace, proxy, mortal_redis, tmp_path)
        with made.dashboard:
            await made.prepare()
            yield made
        await made.redis.aclose()


async def test_a_strategy_becomes_ready_and_trades_once_its_services_follow_it(cluster: StrategyCluster) -> None:
    cluster.node.deaf = {"buy-executor"}
    async with cluster.operator():
        await cluster.make("krx", watchlist={"source": "static", "symbols": [{"code": "005930"}]})
        await cluster.until("krx", Ready="True", TradingEnabled="NotAcknowledged", BudgetGranted="True")
        await cluster.eventually(lambda: _waits_for(cluster, "krx", "buy-executor"))
        cluster.node.deaf = set()
        await cluster.until("krx", TradingEnabled="True", FiguresCurrent="True")
        status = await cluster.status("krx")
        assert status["phase"] == "Running"
        assert (status["observedGeneration"], status["grantedRequestsPerSecond"]) == (1, 4.75)
        assert [(one["name"], one["ready"], one["desired"]) for one in status["services"]] == [
            (program, 1, 1) for program in sorted(PROGRAMS)
        ]
        assert await cluster.deployments() == FOUR
        assert {"krx", *FOUR} <= await cluster.names(SERVICE) | await cluster.names(SERVICE_ACCOUNT)
        for kind, name in (
            (CONFIG_MAP, "krx-config"),
            (SECRET, "krx-token"),
            (NETWORK_POLICY, "krx"),
            (DISRUPTION_BUDGET, "krx"),
        ):
            [reference] = (await cluster.get(kind, name))["metadata"]["ownerReferences"]
            assert (reference["kind"], reference["name"]) == ("TradingStrategy", "krx")
        await cluster.until_told("krx", ("Normal", "Ready"))
        assert set(cluster.dashboard.asked_with) == {"Bearer read-" + "r" * 20}


async def _waits_for(cluster: StrategyCluster, name: str, program: str) -> bool:
    told = (await cluster.conditions(name))["TradingEnabled"]
    return told.get("message") == f"generation 1 is not followed yet by {program}"


async def test_a_tighter_limit_restarts_nothing_and_counts_once_it_is_followed(cluster: StrategyCluster) -> None:
    async with cluster.operator():
        await cluster.make("krx")
        await cluster.until("krx", TradingEnabled="True")
        before = {one["metadata"]["name"]: one["metadata"]["generation"] for one in await cluster.list(DEPLOYMENT)}
        cluster.node.deaf = set(PROGRAMS)
        await cluster.spec("krx", risk={"maxPositions": 3})
        told = await cluster.until("krx", TradingEnabled="NotAcknowledged", Ready="True")
        late = ", ".join(f"{program} (1)" for program in sorted(PROGRAMS))
        assert told["TradingEnabled"]["message"] == f"generation 2 is not followed yet by {late}"
        announced = await cluster.live_config("krx")
        assert (announced["generation"], announced["spec"]["risk"]["maxPositions"]) == (2, 3)
        mounted = (await cluster.get(CONFIG_MAP, "krx-config"))["data"]["strategy.json"]
        assert '"maxPositions": 3' in mounted
        cluster.node.deaf = set()
        await cluster.until("krx", TradingEnabled="True")
        after = {one["metadata"]["name"]: one["metadata"]["generation"] for one in await cluster.list(DEPLOYMENT)}
        assert after == before


async def test_a_halt_in_the_spec_is_announced_at_once_though_reconciliation_is_paused(
    cluster: StrategyCluster,
) -> None:
    async with cluster.operator():
        await cluster.make("krx")
        await cluster.until("krx", TradingEnabled="True")
        await cluster.annotate("krx", pause_reconciliation="true")
        await cluster.until("krx", ReconciliationPaused="True")
        await cluster.delete(SERVICE, "krx-buy-scanner")
        await cluster.spec("krx", trading="Paused", services={"buyScanner": {"image": "other:1"}})
        told = await cluster.until("krx", TradingEnabled="Halt")
        assert told["TradingEnabled"]["message"] == "Paused by spec (TradingStrategy: spec.trading is Paused)"
        assert (await cluster.live_config("krx"))["spec"]["trading"] == "Paused"
        assert (await cluster.status("krx"))["phase"] == "Paused"
        assert "krx-buy-scanner" not in await cluster.names(SERVICE)
        assert await cluster.image("krx-buy-scanner") != "other:1"
        await cluster.annotate("krx", pause_reconciliation=None)
        await cluster.until("krx", ReconciliationPaused="False", Ready="True")
        assert "krx-buy-scanner" in await cluster.names(SERVICE)
        assert await cluster.image("krx-buy-scanner") == "other:1"
        await cluster.until_told("krx", ("Warning", "ReconciliationPaused"), ("Warning", "Halted"))


async def test_shares_go_by_age_and_the_next_is_granted_when_one_is_gone(cluster: StrategyCluster) -> None:
    async with cluster.operator():
        for name, share in (("aaa", 8), ("bbb", 6), ("ccc", 4)):
            await cluster.make(name, gateway={"requestsPerSecond": share})
            await cluster.eventually(lambda name=name: cluster.status(name))
        await cluster.until("aaa", BudgetGranted="True", Ready="True")
        await cluster.until("bbb", BudgetGranted="True", Ready="True")
        told = await cluster.until("ccc", BudgetGranted="False", Ready="BudgetExhausted")
        assert told["Ready"]["message"] == (
            "asks for 4 calls a second, 1.2 are left: kis-gateway sends 19, "
            "keeps 3.8 for the platform and has granted 14 to aaa, bbb"
        )
        status = await cluster.status("ccc")
        assert (status["phase"], "grantedRequestsPerSecond" in status) == ("Refused", False)
        assert {name.partition("-")[0] for name in await cluster.deployments()} == {"aaa", "bbb"}
        assert (await cluster.live_config("ccc"))["name"] == "ccc"
        await cluster.until_told("ccc", ("Warning", "BudgetExhausted"))
        # Two side by side, each in a key space and with a token of its own.
        envs = {
            name: (await cluster.get(DEPLOYMENT, f"{name}-buy-executor"))["spec"]["template"]["spec"]["containers"][0]
            for name in ("aaa", "bbb")
        }
        assert {
            name: next(one["value"] for one in container["env"] if one["name"] == "JENNIE_STRATEGY")
            for name, container in envs.items()
        } == {"aaa": "aaa", "bbb": "bbb"}
        # One that holds keeps its share though an older one grows; one that holds nothing does not.
        cluster.tell("bbb", positions=2)
        await cluster.eventually(lambda: _has_positions(cluster, "bbb", 2))
        await cluster.spec("aaa", gateway={"requestsPerSecond": 12})
        told = await cluster.until("aaa", BudgetGranted="KeptUntilMoreFits", Ready="True")
        assert "keeps 8 calls a second; asks for 12 calls a second, 9.2 are left" in told["BudgetGranted"]["message"]
        assert (await cluster.conditions("bbb"))["BudgetGranted"]["status"] == "True"
        cluster.tell("bbb")
        await cluster.until("aaa", BudgetGranted="Granted")
        await cluster.until("bbb", BudgetGranted="BudgetExhausted")
        await cluster.eventually(lambda: _none_of(cluster, "bbb"))
        await cluster.delete(STRATEGY, "aaa")
        await cluster.until("bbb", BudgetGranted="True", Ready="True")
        await cluster.until("ccc", BudgetGranted="True", Ready="True")


async def _has_positions(cluster: StrategyCluster, name: str, positions: int) -> bool:
    return (await cluster.status(name)).get("positions") == positions


async def _none_of(cluster: StrategyCluster, strategy: str) -> bool:
    return not [name for name in await cluster.deployments() if name.startswith(f"{strategy}-")]


async def test_changed_pods_wait_for_the_close(cluster: StrategyCluster) -> None:
    async with cluster.operator():
        await cluster.make("krx")
        await cluster.until("krx", TradingEnabled="True")
        old = await cluster.image("krx-buy-scanner")
        assert (await cluster.get(DISRUPTION_BUDGET, "krx"))["spec"]["maxUnavailable"] == "100%"
        await cluster.clock("2026-02-20 10:00")
        await cluster.eventually(lambda: _draining_is(cluster, 0))
        changed = {"buyScanner": {"image": "registry.local/next:2"}, "buyExecutor": {"enabled": False}}
        await cluster.spec("krx", services=changed)
        told = await cluster.until("krx", RolloutPending="True", Ready="True")
        assert told["RolloutPending"]["reason"] == "ExchangeOpen"
        assert told["RolloutPending"]["message"] == (
            "waits until the exchange closes at 2026-02-20 15:30 KST: "
            f"krx-buy-executor: its end; krx-buy-scanner: image registry.local/next:2 instead of {old}"
        )
        assert await cluster.image("krx-buy-scanner") == old
        assert {"krx-buy-executor"} <= await cluster.deployments() & await cluster.names(SERVICE)
        # What somebody deletes comes back as it was let through, by a process that has just been started, too.
        await cluster.delete(DEPLOYMENT, "krx-buy-scanner")
        await cluster.eventually(lambda: _exists(cluster, "krx-buy-scanner"))
        assert await cluster.image("krx-buy-scanner") == old
    async with cluster.operator():
        await cluster.until("krx", Ready="True", RolloutPending="True")
        assert await cluster.image("krx-buy-scanner") == old
        await cluster.patch(DEPLOYMENT, "krx-buy-scanner", spec={"replicas": 0})
        await cluster.eventually(lambda: _replicas(cluster, "krx-buy-scanner", 1))
        assert await cluster.image("krx-buy-scanner") == old
        await cluster.clock("2026-02-20 15:30")
        await cluster.until("krx", RolloutPending="False")
        assert await cluster.image("krx-buy-scanner") == "registry.local/next:2"
        await cluster.eventually(lambda: _gone(cluster, "krx-buy-executor"))
        await cluster.eventually(lambda: _draining_is(cluster, "100%"))
        await cluster.until_told("krx", ("Normal", "RolloutHeld"), ("Normal", "RolledOut"))


async def _draining_is(cluster: StrategyCluster, wanted: int | str) -> bool:
    return bool((await cluster.get(DISRUPTION_BUDGET, "krx"))["spec"]["maxUnavailable"] == wanted)


async def _exists(cluster: StrategyCluster, name: str) -> bool:
    return name in await cluster.deployments()


async def _gone(cluster: StrategyCluster, name: str) -> bool:
    return name not in await cluster.deployments() | await cluster.names(SERVICE)


async def _replicas(cluster: StrategyCluster, name: str, wanted: int) -> bool:
    return bool((await cluster.get(DEPLOYMENT, name))["spec"]["replicas"] == wanted)


async def test_a_freeze_holds_changed_pods_at_any_hour_and_immediate_ones_do_not_wait(
    cluster: StrategyCluster,
) -> None:
    async with cluster.operator():
        await cluster.make("krx", annotations={"trading.prime-jennie.io/freeze-rollout": "true"}, rollout="Immediate")
        told = await cluster.until("krx", Ready="True", RolloutPending="Frozen")
        assert told["RolloutPending"]["status"] == "False"
        old = await cluster.image("krx-price-monitor")
        await cluster.spec("krx", services={"priceMonitor": {"image": "registry.local/next:2"}})
        await cluster.until("krx", RolloutPending="True")
        assert await cluster.image("krx-price-monitor") == old
        await cluster.clock("2026-02-20 10:00")
        await cluster.annotate("krx", freeze_rollout=None)
        await cluster.until("krx", RolloutPending="False")
        assert await cluster.image("krx-price-monitor") == "registry.local/next:2"
