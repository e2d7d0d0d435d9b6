"""The operator works with the rights that the chart gives it, and the chart gives it none that it does not use."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import web

from prime_jennie_operator.kube.kinds import DEPLOYMENT, LEASE, POD, SECRET, SERVICE
from prime_jennie_operator.manifest import Manifest, of_kind
from tests.support.api_proxy import ApiProxy, Asked
from tests.support.chart import rendered
from tests.support.cluster_access import ClusterAccess
from tests.support.control_plane import ControlPlane
from tests.support.redis_server import RedisServer
from tests.support.strategy_cluster import StrategyCluster

ACCOUNT = "prime-jennie-operator"
PATH = re.compile(r"/(?:api|apis/(?P<group>[^/]+))/[^/]+/namespaces/[^/]+/(?P<rest>.+)")
VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
Right = tuple[str, str, str]  # API group, resource with its subresource, verb
# What this day does not bring about, each with the reason for which it is needed.
CHILDREN = (
    *(("", "configmaps"), ("", "serviceaccounts"), ("", "services"), ("apps", "deployments")),
    *(("batch", "cronjobs"), ("networking.k8s.io", "networkpolicies"), ("policy", "poddisruptionbudgets")),
)
UNSEEN: set[Right] = {
    # A child of any kind is read, mended and pruned as a Deployment is, which this day shows.
    *((group, resource, verb) for group, resource in CHILDREN for verb in ("get", "patch", "delete")),
    ("batch", "cronjobs", "create"),
    # A deletion that a cut watch did not tell of is looked up.
    ("trading.prime-jennie.io", "tradingstrategies", "get"),
    ("trading.prime-jennie.io", "scoutschedules", "get"),
    ("trading.prime-jennie.io", "backfills", "get"),
    ("", "pods", "get"),
    # Schedules and backfills.
    ("trading.prime-jennie.io", "scoutschedules/status", "patch"),
    ("trading.prime-jennie.io", "backfills/status", "patch"),
    *(("batch", "jobs", verb) for verb in ("get", "create", "delete")),
    # What was said before is counted.
    ("", "events", "get"),
    ("", "events", "patch"),
    # The chart makes the lease; whoever deletes it must not end the operator.
    ("coordination.k8s.io", "leases", "create"),
}


class OperatorsProxy(ApiProxy):
    """Speaks to the API server as the chart's account; keeps what was refused."""

    def __init__(self, access: ClusterAccess, namespace: str) -> None:
        super().__init__(access)
        self._groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
        self._user = f"system:serviceaccount:{namespace}:{ACCOUNT}"
        self.refused: list[str] = []
        self.made: list[Asked] = []
        """Applied and not there before, which takes a second right."""

    async def _forward(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        headers = request.headers.copy()
        headers["Impersonate-User"] = self._user
        for group in self._groups:
            headers.add("Impersonate-Group", group)
        answer = await super()._forward(request.clone(headers=headers), asked)
        if answer.status == 403:
            self.refused.append(f"{asked.method} {asked.path}?{asked.query}")
        if asked.method == "PATCH" and answer.status == 201:
            self.made.append(asked)
        return answer


@pytest.fixture
def rights(control_plane: ControlPlane, namespace: str) -> set[Right]:
    """Give the account what the chart gives it, and say what that is."""
    objects = [o for o in rendered("simulator", namespace=namespace) if o["metadata"]["name"].startswith(ACCOUNT)]
    kinds = ("ServiceAccount", "Role", "RoleBinding")
    applied = json.dumps({"apiVersion": "v1", "kind": "List", "items": of_kind(objects, *kinds)})
    control_plane.kubectl("apply", "-f", "-", input=applied)
    return {right for role in of_kind(objects, "Role") for right in granted(role)}


@pytest.fixture
async def cluster(
    control_plane: ControlPlane, namespace: str, mortal_redis: RedisServer, tmp_path: Path
) -> AsyncIterator[StrategyCluster]:
    async with OperatorsProxy(control_plane, namespace) as proxy:
        made = StrategyCluster(control_plane, namespace, proxy, mortal_redis, tmp_path)
        with made.dashboard:
            await made.prepare()
            yield made
        await made.redis.aclose()


def granted(role: Manifest) -> Iterator[Right]:
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                yield from ((group, resource, verb) for verb in rule["verbs"])


def used(asked: Asked) -> Right | None:
    """Read a request as the right that it needs; None for what everybody may."""
    match = PATH.fullmatch(asked.path)
    if match is None:
        return None
    resource, name, subresource = [*match["rest"].split("/"), "", ""][:3]
    reading = "get" if name else "watch" if asked.is_watch else "list"
    verb = reading if asked.method == "GET" else VERBS[asked.method]
    return match["group"] or "", f"{resource}/{subresource}" if subresource else resource, verb


@pytest.mark.timeout(300)
async def test_every_right_is_enough_and_used(cluster: StrategyCluster, rights: set[Right]) -> None:
    proxy = cluster.proxy
    assert isinstance(proxy, OperatorsProxy)
    await cluster.make_gateway()
    await cluster.eventually(lambda: cluster.find(POD, "kis-gateway-0"))
    await cluster.run_pod("kis-gateway-0")
    async with cluster.operator():
        await cluster.make("krx", watchlist={"source": "static", "symbols": [{"code": "005930"}]})
        await cluster.until("krx", Ready="True")
        # Somebody deletes a child, another one writes into a third, a person does without a fourth.
        await cluster.delete(SERVICE, "krx-buy-scanner")
        sidecar = [{"name": "sidecar", "image": "x"}]
        template = {"spec": {"containers": sidecar}}
        await cluster.ask(
            "PATCH",
            f"{DEPLOYMENT.path(cluster.namespace, 'krx-sell-executor')}?fieldManager=kubectl-edit",
            {"spec": {"template": template}},
            content="application/strategic-merge-patch+json",
        )
        await cluster.spec("krx", services={"buyExecutor": {"enabled": False}})

        async def is_mended() -> bool:
            names = await cluster.names(DEPLOYMENT)
            live = await cluster.get(DEPLOYMENT, "krx-sell-executor")
            alone = len(live["spec"]["template"]["spec"]["containers"]) == 1
            return alone and "krx-buy-executor" not in names and "krx-buy-scanner" in await cluster.names(SERVICE)

        await cluster.eventually(is_mended)
        # The gateway's new revision, outside the session.
        [old] = [one for one in await cluster.list(POD) if one["metadata"]["name"] == "kis-gateway-0"]
        await cluster.make_gateway(image="gateway:2")

        async def is_replaced() -> bool:
            found = await cluster.find(POD, "kis-gateway-0")
            return found is not None and found["metadata"]["uid"] != old["metadata"]["uid"]

        await cluster.eventually(is_replaced)
    assert await cluster.find(SECRET, "krx-token") is not None
    assert await cluster.find(LEASE, ACCOUNT) is not None
    assert proxy.refused == []
    needed = {right for right in map(used, proxy.asked) if right is not None}
    needed |= {(right[0], right[1], "create") for right in map(used, proxy.made) if right is not None}
    assert sorted(needed - rights) == []
    assert sorted(rights - needed - UNSEEN) == []
    assert ("apps", "deployments") in {
        right[:2] for right in needed if right[2] in ("create", "patch", "delete", "get")
    }
