"""The operator works with the rights that the chart gives it, and the chart gives it none that it does not use."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from prime_jennie_operator.app import Operator
from prime_jennie_operator.children import MANAGED_BY, MANAGED_BY_LABEL
from prime_jennie_operator.factories import schedule_factories, strategy_factories
from prime_jennie_operator.kube.kinds import (
    BACKFILL,
    CONFIG_MAP,
    CRON_JOB,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    JOB,
    LEASE,
    NETWORK_POLICY,
    POD,
    SCHEDULE,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    STRATEGY,
    Kind,
)
from prime_jennie_operator.manifest import Manifest, of_kind
from tests.support.api_proxy import ApiProxy, Asked
from tests.support.chart import rendered
from tests.support.cluster_access import ClusterAccess
from tests.support.control_plane import ControlPlane
from tests.support.database import migrate_empty
from tests.support.redis_server import RedisServer
from tests.support.strategy_cluster import MERGE, StrategyCluster

ACCOUNT = "prime-jennie-operator"
KEPT = ("kis-gateway", "mariadb", "redis")  # StatefulSets whose pods an upgrade leaves to the operator
PATH = re.compile(r"/(?:api|apis/(?P<group>[^/]+))/[^/]+/namespaces/[^/]+/(?P<rest>.+)")
VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
Right = tuple[str, str, str]  # API group, resource with its subresource, verb
CHILDREN = (
    *(CONFIG_MAP, SERVICE_ACCOUNT, SERVICE, DEPLOYMENT, CRON_JOB),
    *(NETWORK_POLICY, DISRUPTION_BUDGET),
)
"""Every kind that is made, mended and pruned alike."""
GROUP = "trading.prime-jennie.io"
TOLD_APART = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation")
HOURLY = {"task": "scout", "schedules": ["10 17 * * 1-5", "40 17 * * 1-5"]}


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


@pytest.mark.timeout(600)
async def test_every_right_is_enough_and_used(cluster: StrategyCluster, rights: set[Right], tmp_path: Path) -> None:
    proxy = cluster.proxy
    assert isinstance(proxy, OperatorsProxy)
    database = f"sqlite:///{tmp_path / 'slots.db'}"
    migrate_empty(database)
    for name in KEPT:
        await cluster.make_stateful_set(name, f"{name}:1")
        await cluster.eventually(lambda name=name: cluster.find(POD, f"{name}-0"))
        await cluster.run_pod(f"{name}-0")
    virtual = {"virtualClock": {"enabled": True}}

    def operator() -> AbstractAsyncContextManager[Operator]:
        every_kind = (*strategy_factories(), *schedule_factories())
        return cluster.operator(virtual, factories=every_kind, database_url=database)

    async with operator():
        await cluster.make("krx", watchlist={"source": "static", "symbols": [{"code": "005930"}]})
        await cluster.make("second", watchlist={"source": "static", "symbols": [{"code": "005930"}]})
        await cluster.until("krx", Ready="True")
        await cluster.until("second", Ready="True")
        await live_through_slots(cluster)
        await mend_every_kind(cluster)
        await prune_every_kind(cluster)
        await replace_what_an_upgrade_leaves_alone(cluster)
        await lose_what_no_watch_tells(cluster)
        await depend_on_nothing(cluster)
    async with operator():
        await depend_on_nothing(cluster)  # its event was written before
    assert await cluster.find(SECRET, "krx-token") is not None
    assert await cluster.find(LEASE, ACCOUNT) is not None
    assert proxy.refused == []
    needed = {right for right in map(used, proxy.asked) if right is not None}
    needed |= {(right[0], right[1], "create") for right in map(used, proxy.made) if right is not None}
    assert sorted(needed - rights) == []
    assert sorted(rights - needed) == []


async def live_through_slots(cluster: StrategyCluster) -> None:
    """One slot's Job whose pod never comes, one whose name is taken, and a backfill that only plans."""
    theirs = {"containers": [{"name": "theirs", "image": "theirs"}], "restartPolicy": "Never"}
    taken = {"metadata": {"name": "scout-20260219-1740"}, "spec": {"suspend": True, "template": {"spec": theirs}}}
    await cluster.ask("POST", JOB.path(cluster.namespace), {"apiVersion": "batch/v1", "kind": "Job", **taken})
    await make(cluster, SCHEDULE, "scout", HOURLY)
    days = {"from": "2026-02-02", "to": "2026-02-06"}
    await make(cluster, BACKFILL, "week", {"schedule": "scout", "dryRun": True, **days})
    await until_ready(cluster, SCHEDULE, "scout", "Scheduled")
    await until_ready(cluster, BACKFILL, "week", "Planned")
    await cluster.clock("2026-02-19 17:10")
    await cluster.eventually(lambda: cluster.find(JOB, "scout-20260219-1710"))
    await cluster.clock("2026-02-19 17:32")

    async def is_given_up() -> bool:
        return await cluster.find(JOB, "scout-20260219-1710") is None

    await cluster.eventually(is_given_up)
    await cluster.clock("2026-02-19 17:40")
    await until_ready(cluster, SCHEDULE, "scout", "JobNameTaken")
    await cluster.delete(JOB, "scout-20260219-1740")
    await until_ready(cluster, SCHEDULE, "scout", "Scheduled")


async def mend_every_kind(cluster: StrategyCluster) -> None:
    """Somebody writes into one child of every kind; a person does without a service."""
    for kind in CHILDREN:
        name, label, _ = await some_child(cluster, kind)
        change = {"metadata": {"labels": {label: "edited"}}}
        path = f"{kind.path(cluster.namespace, name)}?fieldManager=kubectl-edit"
        await cluster.ask("PATCH", path, change, content=MERGE)

        async def is_mended(kind: Kind = kind, name: str = name, label: str = label) -> bool:
            return (await cluster.get(kind, name))["metadata"]["labels"][label] != "edited"

        await cluster.eventually(is_mended)
    await cluster.spec("krx", services={"buyExecutor": {"enabled": False}})

    async def is_gone() -> bool:
        return "krx-buy-executor" not in await cluster.names(DEPLOYMENT)

    await cluster.eventually(is_gone)


async def prune_every_kind(cluster: StrategyCluster) -> None:
    """An object of every kind that an earlier version may have made, and that nobody wants any more."""
    for kind in CHILDREN:
        name, _, live = await some_child(cluster, kind)
        metadata = {key: value for key, value in live["metadata"].items() if key not in TOLD_APART}
        old = {**live, "metadata": {**metadata, "name": f"{name}-old"}}
        if kind is SERVICE:
            old["spec"] = {"ports": old["spec"]["ports"]}
        await cluster.ask("POST", kind.path(cluster.namespace), {k: v for k, v in old.items() if k != "status"})

        async def is_pruned(kind: Kind = kind, name: str = name) -> bool:
            return f"{name}-old" not in await cluster.names(kind)

        await cluster.eventually(is_pruned)


async def replace_what_an_upgrade_leaves_alone(cluster: StrategyCluster) -> None:
    """New revisions of the gateway and the stores, outside the session."""
    for name in KEPT:
        old = await cluster.get(POD, f"{name}-0")
        await cluster.make_stateful_set(name, f"{name}:2")

        async def is_replaced(name: str = name, old: Manifest = old) -> bool:
            found = await cluster.find(POD, f"{name}-0")
            return found is not None and found["metadata"]["uid"] != old["metadata"]["uid"]

        await cluster.eventually(is_replaced)


async def lose_what_no_watch_tells(cluster: StrategyCluster) -> None:
    """Objects are deleted while every watch is cut: a new listing only does not mention them."""
    proxy = cluster.proxy
    pods = [one["metadata"]["name"] for one in await cluster.list(POD) if one["metadata"]["name"].startswith("krx-")]
    proxy.freeze(lambda asked: asked.is_watch)
    asked_before = len(proxy.asked)
    await cluster.delete(STRATEGY, "second")
    await cluster.delete(BACKFILL, "week")
    await cluster.delete(SCHEDULE, "scout")
    await cluster.delete(POD, pods[0])

    async def are_gone() -> bool:
        return not await cluster.names(CRON_JOB) and "second-buy-scanner" not in await cluster.names(DEPLOYMENT)

    await cluster.eventually(are_gone)
    proxy.expire()
    proxy.thaw()
    looked_up = {(GROUP, kind.plural, "get") for kind in (STRATEGY, SCHEDULE, BACKFILL)} | {("", "pods", "get")}

    async def are_looked_up() -> bool:
        return looked_up <= {used(asked) for asked in proxy.asked[asked_before:]}

    await cluster.eventually(are_looked_up)


async def depend_on_nothing(cluster: StrategyCluster) -> None:
    """A trouble that comes and goes; whoever meets it a second time counts its event on."""
    await make(cluster, SCHEDULE, "again", {"task": "scout", "schedules": ["0 9 * * 1-5"], "dependsOn": ["nothing"]})
    await until_ready(cluster, SCHEDULE, "again", "UnknownDependency")
    await make(cluster, SCHEDULE, "again", {"task": "scout", "schedules": ["0 9 * * 1-5"]})
    await until_ready(cluster, SCHEDULE, "again", "Scheduled")


async def some_child(cluster: StrategyCluster, kind: Kind) -> tuple[str, str, Manifest]:
    """Find a child of an object of ours, and a label that says no more than what it is."""
    for live in await cluster.list(kind):
        labels = live["metadata"].get("labels") or {}
        owners = live["metadata"].get("ownerReferences") or [{"apiVersion": ""}]
        if labels.get(MANAGED_BY_LABEL) == MANAGED_BY and owners[0]["apiVersion"].startswith(GROUP):
            name = live["metadata"]["name"]
            return name, "app.kubernetes.io/component", live
    raise AssertionError(f"no {kind.name} of ours")


async def make(cluster: StrategyCluster, kind: Kind, name: str, spec: Mapping[str, Any]) -> None:
    """Make an object of ours, or say what it is to be now."""
    body = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": {"name": name}, "spec": dict(spec)}
    path = f"{kind.path(cluster.namespace, name)}?fieldManager=person&force=true"
    await cluster.ask("PATCH", path, body, content="application/apply-patch+yaml")


async def until_ready(cluster: StrategyCluster, kind: Kind, name: str, reason: str) -> None:
    async def is_so() -> bool:
        status = (await cluster.get(kind, name)).get("status") or {}
        return any(one["type"] == "Ready" and one["reason"] == reason for one in status.get("conditions", ()))

    await cluster.eventually(is_so)
