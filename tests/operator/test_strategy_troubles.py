"""What goes wrong with strategies: each time a condition with the reason, no loop, and no restart to mend it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from prime_jennie_operator.kube.kinds import DEPLOYMENT, EVENT, POD, STATEFUL_SET, STRATEGY
from prime_jennie_operator.live_config import Announced
from prime_jennie_operator.strategy import platform, platform_reconciler, reconciler
from tests.support.api_proxy import ApiProxy
from tests.support.cluster_access import Refused
from tests.support.control_plane import ControlPlane
from tests.support.redis_server import RedisServer
from tests.support.strategy_cluster import StrategyCluster

pytestmark = pytest.mark.timeout(300)
LIVE = {
    "mode": "live",
    "capitalKrw": 10_000_000,
    "account": {"secretRef": {"name": "kis-credentials"}},
    "risk": {"dailyLossLimitPct": 2},
}


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


async def test_a_spec_that_only_the_operator_can_judge_is_refused_and_mended_without_a_restart(
    cluster: StrategyCluster,
) -> None:
    async with cluster.operator():
        wrong = [{"name": "MOMENTUM", "parameters": {"noSuchThreshold": 1}}]
        await cluster.make("krx", entries=wrong)
        await cluster.make("other")
        told = await cluster.until("krx", Ready="InvalidSpec")
        assert "noSuchThreshold" in told["Ready"]["message"]
        status = await cluster.status("krx")
        assert (status["phase"], status["observedGeneration"]) == ("Refused", 1)
        assert await cluster.redis.get("krx:config") is None
        await cluster.until("other", Ready="True")
        assert {name.partition("-")[0] for name in await cluster.deployments()} == {"other"}
        assert await cluster.events("krx") == [("Warning", "InvalidSpec")]
        await cluster.spec("krx", entries=[])
        await cluster.until("krx", Ready="True", TradingEnabled="True")
        # What runs goes on when a later edit is wrong.
        await cluster.spec("krx", entries=wrong)
        told = await cluster.until("krx", Ready="InvalidSpec")
        assert told["BudgetGranted"]["status"] == "True"
        assert len([name for name in await cluster.deployments() if name.startswith("krx-")]) == 4
        assert (await cluster.live_config("krx"))["spec"]["entries"] == []


async def test_what_means_other_money_starts_nothing_and_keeps_no_share(cluster: StrategyCluster) -> None:
    async with cluster.operator():
        await cluster.make("real", gateway={"requestsPerSecond": 15}, **LIVE)
        await cluster.make("us", market="US")
        await cluster.make("krx", gateway={"requestsPerSecond": 15})
        told = await cluster.until("real", Ready="EnvironmentMismatch", BudgetGranted="NotAsked")
        assert told["Ready"]["message"] == "mode live cannot trade through a gateway in mock"
        await cluster.until("us", Ready="MarketNotServed", TradingEnabled="MarketNotServed")
        await cluster.until("krx", Ready="True")
        assert {name.partition("-")[0] for name in await cluster.deployments()} == {"krx"}


async def test_services_that_may_have_to_sell_go_on_when_a_spec_turns_foreign(cluster: StrategyCluster) -> None:
    async with cluster.operator():
        await cluster.make("krx", rollout="Immediate")
        await cluster.until("krx", TradingEnabled="True")
        cluster.tell("krx", positions=1)
        await cluster.eventually(lambda: _positions(cluster, "krx", 1))
        await cluster.spec("krx", **LIVE)
        told = await cluster.until("krx", Ready="EnvironmentMismatch", TradingEnabled="False")
        assert told["Ready"]["message"].endswith("; its services of before go on, as it may hold positions")
        assert (await cluster.live_config("krx"))["spec"]["mode"] == "live"  # which a live gateway would compare
        assert len(await cluster.deployments()) == 4
        cluster.tell("krx")
        await cluster.eventually(lambda: _no_deployments(cluster))


async def _positions(cluster: StrategyCluster, name: str, positions: int) -> bool:
    return (await cluster.status(name)).get("positions") == positions


async def _no_deployments(cluster: StrategyCluster) -> bool:
    return not await cluster.deployments()


async def test_a_missing_secret_and_a_missing_key_are_named_and_nothing_new_starts(
    cluster: StrategyCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform_reconciler, "SECRETS_SECS", 1.0)
    monkeypatch.setattr(platform_reconciler, "MISSING_SECRETS_SECS", 1.0)
    await cluster.ask("DELETE", f"/api/v1/namespaces/{cluster.namespace}/secrets/prime-jennie-database")
    async with cluster.operator():
        await cluster.make("krx", rollout="Immediate")
        told = await cluster.until("krx", Ready="SecretMissing")
        assert told["Ready"]["message"] == "Secret prime-jennie-database has no key url"
        assert await cluster.deployments() == set()
        await cluster.secret("prime-jennie-database", user="jennie")
        await asyncio.sleep(2)
        assert (await cluster.conditions("krx"))["Ready"]["reason"] == "SecretMissing"
        await cluster.secret("prime-jennie-database", url="mysql+pymysql://jennie@mariadb/jennie")
        await cluster.until("krx", Ready="True")
        prints = {await _print(cluster)}
        # Other contents are other pods; a Secret that is gone leaves what runs alone.
        await cluster.secret("prime-jennie-database", url="mysql+pymysql://jennie@elsewhere/jennie")
        await cluster.eventually(lambda: _is_new_print(cluster, prints))
        now = await _print(cluster)
        await cluster.ask("DELETE", f"/api/v1/namespaces/{cluster.namespace}/secrets/prime-jennie-database")
        told = await cluster.until("krx", Ready="SecretMissing")
        assert await _print(cluster) == now
        assert len(await cluster.deployments()) == 4
        everything = (
            str(await cluster.list(STRATEGY)) + str(await cluster.list(EVENT)) + str(await cluster.list(DEPLOYMENT))
        )
        assert "jennie@" not in everything


async def _print(cluster: StrategyCluster) -> str:
    found = await cluster.get(DEPLOYMENT, "krx-buy-scanner")
    return str(found["spec"]["template"]["metadata"]["annotations"]["trading.prime-jennie.io/secrets"])


async def _is_new_print(cluster: StrategyCluster, prints: set[str]) -> bool:
    return await _print(cluster) not in prints


async def test_a_quota_of_the_cluster_is_told_and_waited_for(
    cluster: StrategyCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prime_jennie_operator.applier.RETRY_REFUSED_SECS", 2.0)
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "small"},
        "spec": {"hard": {"count/deployments.apps": "2", "pods": "1"}},
    }
    path = f"/api/v1/namespaces/{cluster.namespace}/resourcequotas"
    await cluster.ask("POST", path, quota)
    await cluster.eventually(lambda: _is_counted(cluster, path))
    async with cluster.operator():
        await cluster.make("krx")
        told = await cluster.until("krx", Ready="QuotaExceeded")
        assert "exceeded quota: small" in told["Ready"]["message"]
        await cluster.until_told("krx", ("Warning", "QuotaExceeded"))
        raised = {"spec": {"hard": {"count/deployments.apps": "4", "pods": "1"}}}
        await cluster.ask("PATCH", f"{path}/small", raised, content="application/merge-patch+json")
        await cluster.eventually(lambda: _has_all(cluster))
        told = await cluster.until("krx", Ready="QuotaExceeded")
        assert "exceeded quota: small, requested: pods=1" in told["Ready"]["message"]
        await cluster.ask("DELETE", f"{path}/small")
        await cluster.until("krx", within_secs=60, Ready="True")


async def _is_counted(cluster: StrategyCluster, path: str) -> bool:
    return "hard" in ((await cluster.ask("GET", f"{path}/small")).get("status") or {})


async def _has_all(cluster: StrategyCluster) -> bool:
    return len(await cluster.deployments()) == 4


async def test_an_admission_rule_of_the_cluster_is_told_with_its_words_and_others_are_untouched(
    cluster: StrategyCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prime_jennie_operator.applier.RETRY_REFUSED_SECS", 2.0)
    name = f"no-strangers-{cluster.namespace}"
    policies = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
    bindings = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
    deployments = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}
    rule = {
        "expression": "object.spec.template.spec.containers.all(c, !c.image.startsWith('stranger/'))",
        "message": "images of strangers are not allowed here",
    }
    policy: dict[str, Any] = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {"matchConstraints": {"resourceRules": [deployments]}, "validations": [rule]},
    }
    here = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": cluster.namespace}}}
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"], "matchResources": here},
    }
    await cluster.ask("POST", policies, policy)
    await cluster.ask("POST", bindings, binding)
    try:
        await cluster.eventually(lambda: _refuses_strangers(cluster))
        async with cluster.operator():
            await cluster.make("krx", rollout="Immediate", services={"buyScanner": {"image": "stranger/scanner:1"}})
            await cluster.make("other")
            told = await cluster.until("krx", Ready="AdmissionDenied")
            assert "images of strangers are not allowed here" in told["Ready"]["message"]
            await cluster.until_told("krx", ("Warning", "AdmissionDenied"))
            await cluster.until("other", Ready="True")
            await cluster.spec("krx", services={"buyScanner": {"image": "friend/scanner:1"}})
            await cluster.until("krx", Ready="True")
    finally:
        await cluster.ask("DELETE", f"{bindings}/{name}")
        await cluster.ask("DELETE", f"{policies}/{name}")


async def _refuses_strangers(cluster: StrategyCluster) -> bool:
    """Ask without making anything: the API server reads its policies now and then."""
    labels = {"app": "stranger"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "stranger/a:1"}]}}
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "stranger"},
        "spec": {"selector": {"matchLabels": labels}, "template": pod},
    }
    try:
        await cluster.ask("POST", f"{DEPLOYMENT.path(cluster.namespace)}?dryRun=All", body)
    except Refused:
        return True
    return False


async def test_pods_that_do_not_run_say_why(cluster: StrategyCluster) -> None:
    pulled = {"reason": "ErrImagePull", "message": "no such tag"}
    cluster.node.waiting["buy-scanner"] = {"waiting": pulled}
    async with cluster.operator():
        await cluster.make("krx")
        told = await cluster.until("krx", Ready="ImagePullFailed", Progressing="Stalled", TradingEnabled="False")
        assert "buy-scanner: image" in told["Ready"]["message"]
        assert told["Ready"]["message"].endswith("cannot be pulled: no such tag")
        ended = {"exitCode": 2, "reason": "Error"}
        cluster.node.waiting["buy-scanner"] = {"waiting": {"reason": "CrashLoopBackOff"}, "restarts": 3, "ended": ended}
        told = await cluster.until("krx", Ready="CrashLooping")
        assert told["Ready"]["message"] == "buy-scanner refuses what it was given (exit status 2, Error): see its log"
        assert (await cluster.status("krx"))["phase"] == "Pending"
        del cluster.node.waiting["buy-scanner"]
        await cluster.until("krx", Ready="True", TradingEnabled="True")


async def test_without_redis_children_come_all_the_same(
    cluster: StrategyCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "REST_SECS", 0.5)
    monkeypatch.setattr(reconciler, "LATER_SECS", 1.0)
    async with cluster.operator():
        await cluster.make("krx")
        await cluster.until("krx", TradingEnabled="True")
        cluster.server.kill()
        await cluster.make("other")
        await cluster.until("other", Ready="True", TradingEnabled="RedisSilent")
        assert (await cluster.conditions("other"))["TradingEnabled"]["status"] == "Unknown"
        await cluster.spec("krx", trading="Stopped")
        await cluster.until("krx", TradingEnabled="RedisSilent")
        assert (await cluster.conditions("krx"))["TradingEnabled"]["message"].startswith("Stopped by spec")
        cluster.server.start()
        await cluster.until("krx", TradingEnabled="Halt")
        await cluster.until("other", TradingEnabled="True")
        await cluster.eventually(lambda: _announced(cluster, "krx", "Stopped"))


async def _announced(cluster: StrategyCluster, name: str, trading: str) -> bool:
    return bool((await cluster.live_config(name))["spec"]["trading"] == trading)


async def test_without_the_dashboard_figures_stay_and_say_how_old_they_are(
    cluster: StrategyCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "STALE_AFTER_SECS", 1.0)
    async with cluster.operator():
        await cluster.make("krx")
        cluster.tell("krx", positions=3, day_pnl_krw=-12_000)
        await cluster.until("krx", TradingEnabled="True", FiguresCurrent="True")
        await cluster.eventually(lambda: _positions(cluster, "krx", 3))
        cluster.dashboard.down = True
        told = await cluster.until(
            "krx", FiguresCurrent="DashboardSilent", TradingEnabled="FiguresUnknown", Ready="True"
        )
        assert told["FiguresCurrent"]["message"].startswith("figures are as of 20")
        assert told["FiguresCurrent"]["message"].endswith(f"{cluster.dashboard.url} answers 503")
        status = await cluster.status("krx")
        assert (status["positions"], status["dayPnlKrw"], status["marketRegime"]) == (3, -12_000, "BULL")
        cluster.dashboard.down = False
        await cluster.until("krx", FiguresCurrent="True", TradingEnabled="True")


async def test_a_look_that_finds_everything_as_it_should_be_writes_nothing(cluster: StrategyCluster) -> None:
    async with cluster.operator() as operator:
        for name in ("aaa", "bbb"):
            await cluster.make(name)
            await cluster.until(name, TradingEnabled="True")
        await asyncio.sleep(3)
        cluster.proxy.asked.clear()
        for _ in range(3):
            operator.look_at_all()
            await asyncio.sleep(1)
        assert cluster.proxy.writes() == []


async def test_a_name_that_another_namespace_uses_on_the_same_redis_is_refused(cluster: StrategyCluster) -> None:
    text = '{"name": "krx", "namespace": "elsewhere", "generation": 4, "spec": {}}'
    await cluster.redis.set(Announced("krx", 4, text).key, text)
    async with cluster.operator():
        await cluster.make("krx")
        told = await cluster.until("krx", Ready="NameTaken")
        assert "elsewhere" in told["Ready"]["message"]
        assert await cluster.deployments() == set()
        assert await cluster.redis.get("krx:config") == text


async def test_a_strategy_that_is_deleted_leaves_nothing_but_its_halts_and_what_it_holds(
    cluster: StrategyCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform_reconciler, "LEFTOVERS_SECS", 1.0)
    async with cluster.operator():
        await cluster.make("krx")
        await cluster.make("other")
        await cluster.until("krx", TradingEnabled="True")
        await cluster.redis.set("krx:emergency:trading_pause", "kim")
        cluster.tell("krx", positions=1)
        await cluster.eventually(lambda: _positions(cluster, "krx", 1))
        await cluster.delete(STRATEGY, "krx")
        await cluster.eventually(lambda: _only_other(cluster))
        await cluster.eventually(lambda: _told_of(cluster, "DeletedWithPositions"))
        await asyncio.sleep(5)
        assert await cluster.redis.get("krx:config") is not None, "people still see who holds what"
        cluster.tell("krx")
        await cluster.eventually(lambda: _forgotten(cluster))
        assert await cluster.redis.keys("krx:*") == ["krx:emergency:trading_pause"]
        assert await cluster.redis.get("other:config") is not None


async def _only_other(cluster: StrategyCluster) -> bool:
    return all(name.startswith("other-") for name in await cluster.deployments())


async def _told_of(cluster: StrategyCluster, reason: str) -> bool:
    return ("Warning", reason) in await cluster.events("krx")


async def _forgotten(cluster: StrategyCluster) -> bool:
    return await cluster.redis.get("krx:config") is None


async def test_a_namespace_that_is_deleted_goes_and_takes_all_with_it(
    cluster: StrategyCluster, caplog: pytest.LogCaptureFixture
) -> None:
    async with cluster.operator():
        await cluster.make("krx")
        await cluster.until("krx", Ready="True")
        await cluster.ask("DELETE", f"/api/v1/namespaces/{cluster.namespace}")
        await cluster.eventually(lambda: _namespace_is_gone(cluster), within_secs=90)
        await asyncio.sleep(1)  # what was under way ends, and is asked once more at the most
        asked = len(cluster.proxy.writes())
        await asyncio.sleep(3)
        assert len(cluster.proxy.writes()) == asked


async def _namespace_is_gone(cluster: StrategyCluster) -> bool:
    found = await cluster.ask("GET", "/api/v1/namespaces")
    return cluster.namespace not in {one["metadata"]["name"] for one in found["items"]}


async def test_the_gateways_pod_is_replaced_outside_the_session_alone(cluster: StrategyCluster) -> None:
    await cluster.make_gateway()
    await cluster.eventually(lambda: _gateway_pod(cluster))
    await cluster.run_pod("kis-gateway-0")
    async with cluster.operator():
        await cluster.make("krx")
        await cluster.until("krx", GatewayReady="True")
        await cluster.clock("2026-02-20 10:00")
        await cluster.make_gateway("gateway:2")
        await cluster.eventually(lambda: _gateway_told(cluster, "RolloutHeld"))
        assert await _gateway_image(cluster) == "gateway:1"
        await cluster.clock("2026-02-20 15:30")
        await cluster.eventually(lambda: _gateway_is(cluster, "gateway:2"))
        await cluster.until("krx", GatewayReady="GatewayNotReady")
        await cluster.run_pod("kis-gateway-0")
        await cluster.until("krx", GatewayReady="True")
        assert await _gateway_told(cluster, "RolledOut")
        # A frozen gateway stays as it is.
        marks = {"annotations": {"trading.prime-jennie.io/freeze-rollout": "true"}}
        await cluster.patch(STATEFUL_SET, "kis-gateway", metadata=marks)
        await cluster.make_gateway("gateway:3")
        await asyncio.sleep(6)
        assert await _gateway_image(cluster) == "gateway:2"


async def _gateway_pod(cluster: StrategyCluster) -> bool:
    return "kis-gateway-0" in await cluster.names(POD)


async def _gateway_image(cluster: StrategyCluster) -> str:
    return str((await cluster.get(POD, "kis-gateway-0"))["spec"]["containers"][0]["image"])


async def _gateway_is(cluster: StrategyCluster, image: str) -> bool:
    found = await cluster.find(POD, "kis-gateway-0")  # none between the old one's end and the new one's beginning
    return found is not None and str(found["spec"]["containers"][0]["image"]) == image


async def _gateway_told(cluster: StrategyCluster, reason: str) -> bool:
    return ("Normal", reason) in await cluster.events("kis-gateway")


async def test_a_strategy_that_is_created_again_is_followed_anew(cluster: StrategyCluster) -> None:
    async with cluster.operator():
        await cluster.make("krx")
        await cluster.spec("krx", risk={"maxPositions": 3})
        await cluster.until("krx", TradingEnabled="True")
        cluster.node.deaf = {"buy-scanner"}
        await cluster.delete(STRATEGY, "krx")
        await cluster.eventually(lambda: _no_deployments(cluster))
        await asyncio.sleep(1.1)  # creation times are whole seconds
        await cluster.make("krx", trading="Paused")
        await cluster.until("krx", TradingEnabled="NotAcknowledged", Ready="True")
        assert (await cluster.live_config("krx"))["generation"] == 1
        assert "buy-scanner" not in await cluster.redis.hgetall("krx:config:ack")
