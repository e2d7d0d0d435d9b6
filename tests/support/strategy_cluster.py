"""Strategies on a real API server: the operator, a person's hands, and what a node would do, played."""

from __future__ import annotations

import asyncio
import base64
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from redis.asyncio import Redis
from redis.exceptions import RedisError

from prime_jennie.domain.sessions import KST
from prime_jennie.domain.strategy_report import StrategyReport
from prime_jennie.infra.clock.protocol import CHANNEL, NOW_KEY, to_ms
from prime_jennie.infra.redis.connection import connect
from prime_jennie.infra.tasks import end_task
from prime_jennie_operator.app import Operator
from prime_jennie_operator.dependencies import Factory
from prime_jennie_operator.factories import strategy_factories
from prime_jennie_operator.kube.connection import Connection
from prime_jennie_operator.kube.kinds import DEPLOYMENT, EVENT, POD, SECRET, STATEFUL_SET, STRATEGY, Kind
from prime_jennie_operator.loading import laptop_values
from prime_jennie_operator.manifest import Manifest
from prime_jennie_operator.settings import OperatorSettings
from tests.support.api_proxy import ApiProxy
from tests.support.cluster_access import ClusterAccess, Refused
from tests.support.eventually import eventually
from tests.support.findings import report
from tests.support.http_twin import Answer, HttpTwin
from tests.support.redis_server import RedisServer
from tests.support.values import REAL_TIME

MERGE = "application/merge-patch+json"
STATUS_SECS = 90.0  # a machine with two cores and many neighbours
NODE_SECS = 0.1
PROGRAMS = ("buy-scanner", "buy-executor", "sell-executor", "price-monitor")
READ_TOKEN = "read-" + "r" * 20


class DashboardTwin(HttpTwin):
    """dashboard-api's one answer that the operator asks for; by default it knows what Redis announces, and all buys."""

    def __init__(self) -> None:
        super().__init__()
        self.reports: dict[str, StrategyReport] = {}
        self.down = False
        self.asked_with: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def tell(self, *told: StrategyReport) -> None:
        self.reports |= {one.strategy: one for one in told}

    def answer(self, path: str, parameters: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
        """Answer one request."""
        self.asked_with.append(str(headers.get("Authorization")))
        if self.down:
            return Answer(503, {"error": "Unavailable"})
        return Answer(200, "[" + ",".join(one.model_dump_json() for one in self.reports.values()) + "]")


class Node:
    """Plays kubelet and services: pods of good images become ready, and ready services acknowledge what Redis says."""

    def __init__(self, cluster: StrategyCluster) -> None:
        self._cluster = cluster
        self.waiting: dict[str, dict[str, Any]] = {}
        """Of a program why its container waits instead of running."""
        self.deaf: set[str] = set()
        """Programs that acknowledge nothing."""

    async def work(self) -> None:
        """Look after the namespace's pods until cancelled."""
        while True:
            with suppress(Refused, OSError):
                await self._turn()
            await asyncio.sleep(NODE_SECS)

    async def _turn(self) -> None:
        pods = await self._cluster.list(POD)
        for pod in pods:
            labels = pod["metadata"].get("labels") or {}
            program, strategy = labels.get("app.kubernetes.io/name"), labels.get("trading.prime-jennie.io/strategy")
            if strategy is None or "deletionTimestamp" in pod["metadata"]:
                continue
            wanted = self._status(program)
            if not _has(pod.get("status") or {}, wanted):
                path = POD.path(self._cluster.namespace, pod["metadata"]["name"], "status")
                await self._cluster.ask("PATCH", path, {"status": wanted}, content=MERGE)
            if program not in self.waiting and program not in self.deaf:
                with suppress(RedisError, OSError):
                    await self._acknowledge(strategy, program)

    def _status(self, program: str) -> dict[str, Any]:
        why = self.waiting.get(program)
        running = {"running": {"startedAt": "2026-02-19T00:00:00Z"}}
        container = {
            "name": program,
            "ready": why is None,
            "restartCount": 0 if why is None else why.get("restarts", 0),
            "image": "x",
            "imageID": "x",
            "state": running if why is None else {"waiting": why["waiting"]},
        }
        if why is not None and "ended" in why:
            container["lastState"] = {"terminated": why["ended"]}
        return {
            "phase": "Running" if why is None else "Pending",
            "conditions": [{"type": "Ready", "status": "True" if why is None else "False"}],
            "containerStatuses": [container],
        }

    async def _acknowledge(self, strategy: str, program: str) -> None:
        text = await self._cluster.redis.get(f"{strategy}:config")
        if text is not None:
            generation = yaml.safe_load(text)["generation"]
            await self._cluster.redis.hset(f"{strategy}:config:ack", program, str(generation))


class StrategyCluster:
    """One namespace with a platform's Secrets, a Redis of its own and a virtual clock."""

    def __init__(
        self, access: ClusterAccess, namespace: str, proxy: ApiProxy, server: RedisServer, folder: Path
    ) -> None:
        self.access = access
        self.namespace = namespace
        self.proxy = proxy
        self.server = server
        self.redis: Redis = connect(server.url)
        self.dashboard = DashboardTwin()
        self.node = Node(self)
        self._folder = folder

    async def prepare(self, now: str = "2026-02-19 17:00") -> None:
        """Make the platform's Secrets and start the clock, by default after the close."""
        await self.secret("prime-jennie", **{"token-key": "k" * 32, "read-token": READ_TOKEN})
        await self.secret("prime-jennie-database", url="mysql+pymysql://jennie@mariadb/jennie")
        await self.clock(now)

    @asynccontextmanager
    async def operator(
        self, *overrides: Mapping[str, Any], factories: Sequence[Factory] = (), **settings: Any
    ) -> AsyncIterator[Operator]:
        """Run an operator, and the node's part, until the block ends."""
        values = self._folder / "values.yaml"
        values.write_text(yaml.safe_dump(laptop_values(REAL_TIME, *overrides).model_dump(mode="json", by_alias=True)))

        def connect_to_proxy() -> Connection:
            return Connection(server=self.proxy.url, ssl_context=ssl.create_default_context())

        given: dict[str, Any] = {
            "port": 0,
            "namespace": self.namespace,
            "retry_period_secs": 0.2,
            "values_file": values,
            "redis_url": self.server.url,
            "clock_url": self.server.url,
            "dashboard_url": self.dashboard.url,
            **settings,
        }
        operator = Operator(OperatorSettings(**given), factories or strategy_factories(), connect=connect_to_proxy)
        running = asyncio.create_task(operator.run())
        node = asyncio.create_task(self.node.work())
        try:
            await eventually(lambda: operator.is_leading or running.done(), within_secs=30, what="it leads")
            yield operator
        finally:
            await end_task(node)
            operator.stop()
            await asyncio.wait({running}, timeout=20)
            assert running.done(), "the operator does not stop"
            running.result()

    async def clock(self, kst: str) -> None:
        """Let the virtual day be at a time of Seoul; never earlier than before."""
        now_ms = to_ms(datetime.fromisoformat(kst).replace(tzinfo=KST))
        await self.redis.set(NOW_KEY, str(now_ms))
        await self.redis.publish(CHANNEL, str(now_ms))

    async def ask(self, method: str, path: str, body: Any = None, *, content: str = "application/json") -> Manifest:
        """Ask as a person would, past the proxy."""
        return await asyncio.to_thread(self.access.request, method, path, body, content_type=content)

    async def get(self, kind: Kind, name: str) -> Manifest:
        return await self.ask("GET", kind.path(self.namespace, name))

    async def find(self, kind: Kind, name: str) -> Manifest | None:
        try:
            return await self.get(kind, name)
        except Refused as refused:
            if refused.code == 404:
                return None
            raise

    async def list(self, kind: Kind) -> list[Manifest]:
        return list((await self.ask("GET", kind.path(self.namespace)))["items"])

    async def names(self, kind: Kind) -> set[str]:
        return {one["metadata"]["name"] for one in await self.list(kind)}

    async def delete(self, kind: Kind, name: str) -> None:
        await self.ask("DELETE", kind.path(self.namespace, name))

    async def patch(self, kind: Kind, name: str, **changes: Any) -> Manifest:
        return await self.ask("PATCH", kind.path(self.namespace, name), changes, content=MERGE)

    async def secret(self, name: str, **contents: str) -> None:
        """Make a Secret, or give one other contents."""
        data = {key: base64.b64encode(value.encode()).decode() for key, value in contents.items()}
        if await self.find(SECRET, name) is not None:
            await self.ask("DELETE", SECRET.path(self.namespace, name))
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}
        await self.ask("POST", SECRET.path(self.namespace), body)

    async def make(self, name: str, *, annotations: Mapping[str, str] | None = None, **spec: Any) -> Manifest:
        """Create a strategy as a person does; its figures say that it buys and holds nothing."""
        self.dashboard.reports.setdefault(name, report().model_copy(update={"strategy": name}))
        body = {
            "apiVersion": STRATEGY.api_version,
            "kind": STRATEGY.name,
            "metadata": {"name": name, "annotations": dict(annotations or {})},
            "spec": spec,
        }
        return await self.ask("POST", STRATEGY.path(self.namespace), body)

    async def spec(self, name: str, **changes: Any) -> Manifest:
        """Edit a spec."""
        return await self.patch(STRATEGY, name, spec=changes)

    async def annotate(self, name: str, **annotations: str | None) -> None:
        marks = {f"trading.prime-jennie.io/{key.replace('_', '-')}": value for key, value in annotations.items()}
        await self.patch(STRATEGY, name, metadata={"annotations": marks})

    def tell(self, name: str, **figures: Any) -> None:
        """Let dashboard-api tell other figures."""
        self.dashboard.tell(report(**figures).model_copy(update={"strategy": name}))

    async def status(self, name: str) -> dict[str, Any]:
        return dict((await self.get(STRATEGY, name)).get("status") or {})

    async def conditions(self, name: str) -> dict[str, dict[str, Any]]:
        return {one["type"]: one for one in (await self.status(name)).get("conditions") or ()}

    async def until(self, name: str, within_secs: float = STATUS_SECS, **wanted: str) -> dict[str, dict[str, Any]]:
        """Wait for conditions, such as `Ready="True"` or `Ready="BudgetExhausted"` for a reason; return them all."""
        found: dict[str, dict[str, Any]] = {}

        async def as_wanted() -> bool:
            nonlocal found
            found = await self.conditions(name)
            return all(
                word in (found.get(kind, {}).get("status"), found.get(kind, {}).get("reason"))
                for kind, word in wanted.items()
            )

        try:
            await self.eventually(as_wanted, within_secs)
        except AssertionError:
            told = {kind: (one["status"], one["reason"], one.get("message")) for kind, one in found.items()}
            raise AssertionError(f"{name}: not {wanted} within {within_secs} s but {told}") from None
        return found

    async def eventually(self, condition: Callable[[], Any], within_secs: float = STATUS_SECS) -> None:
        """Ask now and then, as every question is a request."""
        deadline = time.monotonic() + within_secs
        while not await condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"did not happen within {within_secs} s: {condition}")
            await asyncio.sleep(0.1)

    async def deployments(self) -> set[str]:
        return await self.names(DEPLOYMENT)

    async def image(self, name: str) -> str:
        found = await self.get(DEPLOYMENT, name)
        return str(found["spec"]["template"]["spec"]["containers"][0]["image"])

    async def events(self, name: str) -> list[tuple[str, str]]:
        """List what was told of an object: type and reason."""
        found = [one for one in await self.list(EVENT) if one["involvedObject"]["name"] == name]
        own = [one for one in found if one["source"].get("component") == "prime-jennie-operator"]
        return [(one["type"], one["reason"]) for one in own]

    async def until_told(self, name: str, *wanted: tuple[str, str]) -> None:
        """Wait for events; the operator writes them after the status that they belong to."""

        async def are_told() -> bool:
            return set(wanted) <= set(await self.events(name))

        await self.eventually(are_told)

    async def live_config(self, name: str) -> dict[str, Any]:
        return dict(yaml.safe_load(await self.redis.get(f"{name}:config")))

    async def make_gateway(self, image: str = "gateway:1") -> None:
        """Make a gateway as the chart does, or change its image."""
        await self.make_stateful_set("kis-gateway", image)

    async def make_stateful_set(self, name: str, image: str, updates: str = "OnDelete") -> None:
        """Make one with a pod, or change its image."""
        labels = {"app": name}
        container = {"name": name, "image": image}
        if await self.find(STATEFUL_SET, name) is not None:
            template = {"spec": {"containers": [container]}}
            await self.patch(STATEFUL_SET, name, spec={"template": template})
            return
        body = {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": name, "labels": {"app.kubernetes.io/part-of": "prime-jennie"}},
            "spec": {
                "replicas": 1,
                "serviceName": name,
                "updateStrategy": {"type": updates},
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
        }
        await self.ask("POST", STATEFUL_SET.path(self.namespace), body)

    async def run_pod(self, name: str) -> None:
        """Let a pod that belongs to no strategy run and be ready."""
        running = {
            "name": name.rpartition("-")[0],
            "ready": True,
            "started": True,
            "restartCount": 0,
            "image": "x",
            "imageID": "x",
        }
        status = {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{**running, "state": {"running": {}}}],
        }
        await self.ask("PATCH", POD.path(self.namespace, name, "status"), {"status": status}, content=MERGE)


def _has(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    ready = next((c["status"] for c in live.get("conditions") or () if c["type"] == "Ready"), None)
    states = [one.get("state") for one in live.get("containerStatuses") or ()]
    return (
        live.get("phase") == wanted["phase"]
        and ready == wanted["conditions"][0]["status"]
        and states == [one["state"] for one in wanted["containerStatuses"]]
    )
