"""Schedules on a real API server: the operator, a job service, and the node that runs the pods of slots' Jobs.

There is no kubelet: a pod's program runs as a process with the pod's own environment, its Secrets and addresses filled
in, and the pod's status says how it ended. Job controller, CronJob controller and garbage collector are the real ones.
"""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from prime_jennie.domain.sessions import KST
from prime_jennie.domain.slots import Slot, SlotState
from prime_jennie.infra.clock import ClockLeader, ClockSession
from prime_jennie.infra.clock.protocol import CHANNEL, NOW_KEY, to_ms
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.slots import SlotRepository
from prime_jennie.infra.job_app import job_app
from prime_jennie.infra.jobs import Job
from prime_jennie.infra.redis.connection import connect
from prime_jennie.infra.settings import ServiceSettings
from prime_jennie.infra.tasks import end_task
from prime_jennie_operator.app import Operator
from prime_jennie_operator.factories import schedule_factories
from prime_jennie_operator.kube.connection import Connection
from prime_jennie_operator.kube.kinds import (
    BACKFILL,
    CRON_JOB,
    EVENT,
    JOB,
    LEASE,
    POD,
    SCHEDULE,
    SECRET,
    SERVICE_ACCOUNT,
    Kind,
)
from prime_jennie_operator.loading import laptop_values
from prime_jennie_operator.manifest import Manifest
from prime_jennie_operator.settings import OperatorSettings
from tests.support.api_proxy import ApiProxy
from tests.support.cluster_access import ClusterAccess, Refused
from tests.support.database import migrate_empty
from tests.support.eventually import eventually
from tests.support.http_served import http_served
from tests.support.job_service import Scripted
from tests.support.kubectl_table import table
from tests.support.redis_server import RedisServer
from tests.support.schedules import THURSDAY, kst

ROOT = Path(__file__).resolve().parents[2]
API_VERSION = "trading.prime-jennie.io/v1alpha1"
MERGE = "application/merge-patch+json"
NODE_SECS = 0.1
WITHIN_SECS = 60.0
MORNING = "2026-02-19 08:25"


class SlotNode:
    """Plays the node: every pod of a slot runs its program, and ends as that ends."""

    def __init__(self, cluster: ScheduleCluster) -> None:
        self._cluster = cluster
        self._pods: dict[str, asyncio.Task[None]] = {}
        self.is_up = True
        self.waiting: dict[str, str] = {}
        """Why no container starts, told as the kubelet does; empty: they start."""
        self.ran: list[str] = []
        """The Jobs whose pods ran, in order; a Job that needed two pods stands there twice."""

    @property
    def at_work(self) -> int:
        return sum(not task.done() for task in self._pods.values())

    async def work(self) -> None:
        """Look after the namespace's pods until cancelled; then none runs any more."""
        try:
            while True:
                with suppress(Refused, OSError):
                    await self._turn()
                await asyncio.sleep(NODE_SECS)
        finally:
            for task in self._pods.values():
                await end_task(task)

    async def _turn(self) -> None:
        if not self.is_up:
            return
        live = {pod["metadata"]["name"]: pod for pod in await self._cluster.list(POD)}
        for name, task in list(self._pods.items()):
            if name not in live or "deletionTimestamp" in live[name]["metadata"]:
                await end_task(task)
                if name in live:  # the kubelet's last word: without it a pod that has a node would stay for ever
                    await self._cluster.ask("DELETE", f"{POD.path(self._cluster.namespace, name)}?gracePeriodSeconds=0")
                    del self._pods[name]
        for name, pod in live.items():
            if name in self._pods or "deletionTimestamp" in pod["metadata"]:
                continue
            if self.waiting:
                await self._tell(name, "Pending", {"waiting": dict(self.waiting)})
            elif (pod.get("status") or {}).get("phase") in (None, "Pending"):
                self._pods[name] = asyncio.create_task(self._run(name, pod), name=name)

    async def _run(self, name: str, pod: Manifest) -> None:
        job = pod["metadata"]["labels"]["batch.kubernetes.io/job-name"]
        self.ran.append(job)
        await self._tell(name, "Running", {"running": {}})
        code = await self._cluster.run_program(self._environment(pod, job), job)
        ended = {"terminated": {"exitCode": code, "reason": "Completed" if code == 0 else "Error"}}
        await self._tell(name, "Succeeded" if code == 0 else "Failed", ended)

    def _environment(self, pod: Manifest, job: str) -> dict[str, str]:
        [container] = pod["spec"]["containers"]
        told = {entry["name"]: entry.get("value", "") for entry in container["env"]}
        given = {"JENNIE_JOB_NAME": job, **self._cluster.addresses}
        return {name: given.get(name, value) for name, value in told.items()}

    async def _tell(self, name: str, phase: str, state: dict[str, Any]) -> None:
        container = {"name": "slot", "ready": phase == "Running", "restartCount": 0, "image": "x", "imageID": "x"}
        status = {"phase": phase, "containerStatuses": [{**container, "state": state}]}
        path = POD.path(self._cluster.namespace, name, "status")
        with suppress(Refused):  # deleted meanwhile
            await self._cluster.ask("PATCH", path, {"status": status}, content=MERGE)


class ScheduleCluster:
    """One namespace with a database, a Redis, a job service and a node; `virtual` says whose clock counts."""

    def __init__(
        self,
        access: ClusterAccess,
        namespace: str,
        proxy: ApiProxy,
        server: RedisServer,
        folder: Path,
        behave: Callable[[Job], Awaitable[str]],
        *,
        virtual: bool = True,
    ) -> None:
        self.access = access
        self.namespace = namespace
        self.proxy = proxy
        self.virtual = virtual
        self.database_url = f"sqlite:///{folder / 'slots.db'}"
        self.closures = folder / "closures.csv"
        self.scripted = Scripted(behave)
        self.node = SlotNode(self)
        self.service_url = ""
        self.in_process = True
        """Whether a pod's program runs inside the test: a Python process takes seconds to start."""
        self._server = server
        self._redis = connect(server.url)
        self._folder = folder
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> ScheduleCluster:
        migrate_empty(self.database_url)
        self.db = Database(self.database_url)
        self.slots = SlotRepository(self.db)
        self.close_days()
        if self.virtual:
            await self.clock(MORNING)
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "prime-jennie"}}
        await self.ask("POST", SERVICE_ACCOUNT.path(self.namespace), account)
        self.service_url = await self._stack.enter_async_context(http_served(self._app()))
        self._node = asyncio.create_task(self.node.work())
        return self

    async def __aexit__(self, *_: object) -> None:
        await end_task(self._node)
        await self._stack.aclose()
        await self._redis.aclose()
        self.db.close_now()

    @property
    def addresses(self) -> dict[str, str]:
        """Return what a pod finds in Secrets, in its namespace's DNS and in its mounts."""
        clock = {"JENNIE_CLOCK": self._server.url} if self.virtual else {}
        return {
            "DATABASE_URL": self.database_url,
            "JENNIE_SERVICE_URL": self.service_url,
            "JENNIE_CLOSURES": str(self.closures),
            **clock,
        }

    @asynccontextmanager
    async def operator(self, **settings: Any) -> AsyncIterator[Operator]:
        """Run an operator until the block ends."""
        operator = Operator(self.settings(**settings), schedule_factories(), connect=self._connection)
        running = asyncio.create_task(operator.run())
        try:
            await eventually(lambda: operator.is_leading or running.done(), within_secs=30, what="it leads")
            yield operator
        finally:
            operator.stop()
            await asyncio.wait({running}, timeout=20)
            assert running.done(), "the operator does not stop"
            running.result()

    def settings(self, **more: Any) -> OperatorSettings:
        return OperatorSettings(
            **{
                "port": 0,
                "namespace": self.namespace,
                "retry_period_secs": 0.2,
                "values_file": self.values_file(),
                "redis_url": self._server.url,
                "clock_url": self._server.url if self.virtual else None,
                "closures_file": self.closures,
                "database_url": self.database_url,
                **more,
            }
        )

    def values_file(self) -> Path:
        file = self._folder / "values.yaml"
        values = laptop_values({"virtualClock": {"enabled": self.virtual}})
        file.write_text(yaml.safe_dump(values.model_dump(mode="json", by_alias=True)))
        return file

    async def run_program(self, environment: Mapping[str, str], job: str) -> int:
        """Run the pod's program and return its exit status."""
        if self.in_process:
            return await self._fire(environment)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "prime_jennie_operator.fire",
            env={**os.environ, **environment},
            cwd=ROOT,
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            return await process.wait()
        finally:
            if process.returncode is None:
                process.kill()

    async def _fire(self, environment: Mapping[str, str]) -> int:
        from prime_jennie.infra.clock import open_clock
        from prime_jennie_operator.fire import FireSettings, fire

        settings = FireSettings.model_validate(
            {name: value for name, value in environment.items() if name.startswith("JENNIE_")}
            | {"database_url": environment["DATABASE_URL"]}
        )
        async with open_clock(settings.clock_url) as clock:
            slot = await fire(settings, clock)
        return 1 if slot.state in (SlotState.FAILED, SlotState.MISSED) else 0

    def close_days(self, *days: str) -> None:
        """Say which days this installation's exchange stays closed."""
        fresh = self._folder / "closures.new"
        rows = "".join(f"XKRX,{day},,,closed\n" for day in days)
        fresh.write_text(f"exchange,date,open,close,reason\n{rows}", encoding="utf-8")
        fresh.rename(self.closures)

    async def clock(self, moment: str) -> None:
        """Let the virtual day be at a time of Seoul; never earlier than before."""
        now_ms = to_ms(datetime.fromisoformat(moment).replace(tzinfo=KST))
        await self._redis.set(NOW_KEY, str(now_ms))
        await self._redis.publish(CHANNEL, str(now_ms))

    async def lead(self, upto: str) -> None:
        """Lead the virtual day to a time, as fast as it goes: it waits for whoever holds it or is behind."""
        session = ClockSession(
            day=THURSDAY,
            opens_at=kst("09:00"),
            closes_at=kst("15:30"),
            start_at=datetime.fromisoformat(MORNING + "+09:00"),
        )
        leader = ClockLeader(self._redis, session)
        await leader.start()

        async def on_step(_now: datetime) -> None:
            return

        await leader.run(on_step, kst(upto))

    async def ask(self, method: str, path: str, body: Any = None, *, content: str = "application/json") -> Manifest:
        """Ask as a person would, past the proxy."""
        return await asyncio.to_thread(self.access.request, method, path, body, content_type=content)

    async def schedule(self, name: str = "scout", *, annotations: Any = None, **spec: Any) -> None:
        """Make a schedule, or change one: hourly from 08:30 unless told."""
        given = {"task": "scout", "schedules": ["30 8-14 * * 1-5"], **spec}
        await self._apply(SCHEDULE, name, given, annotations)

    async def backfill(self, name: str = "week", *, annotations: Any = None, **spec: Any) -> None:
        await self._apply(BACKFILL, name, {"schedule": "scout", **spec}, annotations)

    async def _apply(self, kind: Kind, name: str, spec: Mapping[str, Any], annotations: Any) -> None:
        metadata = {"name": name, "namespace": self.namespace, "annotations": annotations or {}}
        body = {"apiVersion": API_VERSION, "kind": kind.name, "metadata": metadata, "spec": dict(spec)}
        path = f"{kind.path(self.namespace, name)}?fieldManager=person&force=true"
        await self.ask("PATCH", path, body, content="application/apply-patch+yaml")

    async def make_job(self, name: str, template: Manifest, *, of: Manifest) -> None:
        """Make a Job of a CronJob as the CronJob controller does."""
        owner = {key: of["metadata"][key] for key in ("name", "uid")}
        reference = {**owner, "apiVersion": "batch/v1", "kind": "CronJob", "controller": True}
        metadata = {"name": name, "labels": template["metadata"]["labels"], "ownerReferences": [reference]}
        body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]}
        await self.ask("POST", JOB.path(self.namespace), body)

    async def database_secret(self, url: str) -> None:
        """Say where the namespace's database is, as its platform's chart does."""
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "prime-jennie-database"}}
        path = f"{SECRET.path(self.namespace, 'prime-jennie-database')}?fieldManager=chart&force=true"
        told = {**body, "data": {"url": base64.b64encode(url.encode()).decode()}}
        await self.ask("PATCH", path, told, content="application/apply-patch+yaml")

    async def delete(self, kind: Kind, name: str) -> None:
        await self.ask("DELETE", f"{kind.path(self.namespace, name)}?propagationPolicy=Background")

    async def get(self, kind: Kind, name: str) -> Manifest:
        return await self.ask("GET", kind.path(self.namespace, name))

    async def list(self, kind: Kind) -> list[Manifest]:
        return list((await self.ask("GET", kind.path(self.namespace)))["items"])

    async def names(self, kind: Kind) -> set[str]:
        return {one["metadata"]["name"] for one in await self.list(kind)}

    async def status(self, name: str = "scout", kind: Kind = SCHEDULE) -> dict[str, Any]:
        return dict((await self.get(kind, name)).get("status") or {})

    async def until(self, name: str = "scout", kind: Kind = SCHEDULE, **conditions: str) -> dict[str, Any]:
        """Wait until each condition has a status or a reason; return the status."""

        async def is_so() -> bool:
            told = {one["type"]: one for one in (await self.status(name, kind)).get("conditions", ())}
            return all(want in _said(told.get(type_)) for type_, want in conditions.items())

        await eventually(is_so, within_secs=WITHIN_SECS, what=f"{name} {conditions}")
        return await self.status(name, kind)

    async def until_slot(self, slot: str, *states: SlotState) -> Slot:
        """Wait until a slot is over, in one of some states if told."""

        async def is_so() -> bool:
            found = await self.slots.get(self.namespace, slot)
            return found is not None and found.is_finished and (not states or found.state in states)

        await eventually(is_so, within_secs=WITHIN_SECS, what=f"{slot} {states}")
        found = await self.slots.get(self.namespace, slot)
        assert found is not None
        return found

    async def until_next_minute(self) -> str:
        """Wait until a slot whose minute lies ahead has begun, on the real clock; return its name."""
        now = datetime.now(UTC)

        def begun() -> list[str]:
            return [job.slot for job in self.scripted.jobs if job.at > now]

        await eventually(begun, within_secs=120, what="the next minute's slot to begin")
        return begun()[0]

    async def until_lease_is_held(self) -> None:
        """Wait until the process that runs now leads: the one before it may have died without a word."""
        holder = None

        async def is_renewed() -> bool:
            nonlocal holder
            before, holder = holder, (await self.find_lease()).get("renewTime")
            return holder is not None and before not in (None, holder)

        await eventually(is_renewed, within_secs=WITHIN_SECS, what="a leader")

    async def find_lease(self) -> dict[str, Any]:
        try:
            return dict((await self.get(LEASE, "prime-jennie-operator"))["spec"])
        except Refused:
            return {}

    async def line(self, resource: str, *columns: str) -> list[str]:
        """Return what `kubectl get` shows of the only object, or some columns of it."""
        shown = await asyncio.to_thread(self.access.kubectl, "-n", self.namespace, "get", resource)
        names, [row] = table(shown.stdout)
        return [row[names.index(column)] for column in columns or names]

    async def until_phase(self, phase: str, name: str = "week") -> dict[str, Any]:
        async def is_so() -> bool:
            return (await self.status(name, BACKFILL)).get("phase") == phase

        await eventually(is_so, within_secs=WITHIN_SECS, what=f"{name} {phase}")
        return await self.status(name, BACKFILL)

    async def events(self, name: str = "scout") -> list[tuple[str, str, str]]:
        """Return what was told about an object, as type, reason and message."""
        found = [one for one in await self.list(EVENT) if one["involvedObject"]["name"] == name]
        return sorted((one["type"], one["reason"], one["message"]) for one in found)

    async def until_event(self, reason: str, name: str = "scout") -> str:
        async def is_told() -> bool:
            return any(one[1] == reason for one in await self.events(name))

        await eventually(is_told, within_secs=WITHIN_SECS, what=f"an event {reason} of {name}")
        return next(message for _, told, message in await self.events(name) if told == reason)

    def begun(self) -> list[str]:
        """Name the slots whose work began, in order."""
        return [job.slot for job in self.scripted.jobs]

    async def jobs(self) -> set[str]:
        return await self.names(JOB)

    async def cron_jobs(self) -> dict[str, Manifest]:
        return {one["metadata"]["name"]: one["spec"] for one in await self.list(CRON_JOB)}

    def _connection(self) -> Connection:
        return Connection(server=self.proxy.url, ssl_context=ssl.create_default_context())

    def _app(self) -> Any:
        settings = ServiceSettings(
            redis_url=self._server.url,
            database_url=self.database_url,
            clock_url=self._server.url if self.virtual else None,
            namespace=self.namespace,
        )
        return job_app(settings, "scout-job", self.scripted.work_of)


@asynccontextmanager
async def killed_operator(cluster: ScheduleCluster) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the operator as a process of its own, to be killed; whoever leads next waits for its lease."""
    kubeconfig = cluster.access.kubeconfig
    environment = {
        "KUBECONFIG": str(kubeconfig),
        "PORT": "0",
        "OPERATOR_NAMESPACE": cluster.namespace,
        "OPERATOR_VALUES": str(cluster.values_file()),
        "OPERATOR_LEASE_SECS": "3",
        "OPERATOR_RENEW_DEADLINE_SECS": "1.5",
        "OPERATOR_REQUEST_SECS": "1",
        "OPERATOR_RETRY_SECS": "0.3",
        "REDIS_URL": cluster.addresses.get("JENNIE_CLOCK", ""),
        "LOG_JSON": "false",
        **{name: value for name, value in cluster.addresses.items() if name != "JENNIE_SERVICE_URL"},
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.schedule_operator", env={**os.environ, **environment}, cwd=ROOT
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _said(condition: Mapping[str, Any] | None) -> tuple[str, ...]:
    return () if condition is None else (condition["status"], condition["reason"])


def shown(status: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the slots of a status as name and outcome."""
    return [(one["slot"], one["outcome"]) for one in status.get("slots", ())]


def minutes(slots: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return outcomes by the minute of their slots."""
    return {slot[-4:]: outcome for slot, outcome in slots}
