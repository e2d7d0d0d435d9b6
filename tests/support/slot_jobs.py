"""Jobs of slots in memory, and the pod that a Job would have: it drives its slot as `fire` does."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from prime_jennie.domain.slots import Concurrency, Slot, SlotSource, parse_slot_name
from prime_jennie.infra.database.repositories.slots import SlotKey
from prime_jennie.infra.slot_driver import SlotOrder
from prime_jennie.infra.tasks import end_task
from prime_jennie_operator.desired.schedule import slot_job
from prime_jennie_operator.firing.decided import ScheduleKey, key_of
from prime_jennie_operator.firing.job_driver import JobDriver
from prime_jennie_operator.firing.jobs import JobRefused, SlotJob
from prime_jennie_operator.kube.errors import KubeError
from prime_jennie_operator.loading import laptop_values
from prime_jennie_operator.manifest import BACKFILL_LABEL, SCHEDULE_LABEL, Manifest
from prime_jennie_operator.resources import Backfill, ScoutSchedule
from tests.support.schedules import SESSIONS
from tests.support.slot_world import SlotWorld
from tests.support.values import REAL_TIME

VALUES = laptop_values(REAL_TIME)


@dataclass
class MemoryJobs:
    """Twin of KubeSlotJobs; `runs_pods` false is a cluster without its controllers."""

    world: SlotWorld
    schedules: dict[ScheduleKey, ScoutSchedule] = field(default_factory=dict)
    jobs: dict[ScheduleKey, dict[str, SlotJob]] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    manifests: dict[str, Manifest] = field(default_factory=dict)
    pods: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)
    runs_pods: bool = True
    refusal: JobRefused | None = None
    outage: KubeError | None = None
    waits: str = ""

    def of(self, schedule: ScheduleKey) -> dict[str, SlotJob]:
        return dict(self.jobs.get(schedule, {}))

    async def create(self, manifest: Manifest) -> None:
        if self.outage is not None:
            raise self.outage
        if self.refusal is not None:
            raise self.refusal
        metadata = manifest["metadata"]
        schedule = (metadata["namespace"], metadata["labels"][SCHEDULE_LABEL])
        backfill = metadata["annotations"].get(BACKFILL_LABEL, "")
        self.made.append(metadata["name"])
        self.manifests[metadata["name"]] = manifest
        self.appear(schedule, SlotJob(metadata["name"], backfill=backfill), slot=metadata["name"], env=_env(manifest))

    async def delete(self, namespace: str, name: str) -> None:
        for schedule, jobs in self.jobs.items():
            if schedule[0] == namespace and jobs.pop(name, None) is not None and name in self.pods:
                await end_task(self.pods.pop(name))

    def why_it_waits(self, schedule: ScheduleKey, job: str) -> str:
        return self.waits

    def appear(self, schedule: ScheduleKey, job: SlotJob, *, slot: str = "", env: dict[str, str] | None = None) -> None:
        """Let a Job be there, and its pod run unless it is over."""
        self.jobs.setdefault(schedule, {})[job.name] = job
        if self.runs_pods and not job.is_over and slot:
            self.pods[job.name] = asyncio.create_task(self._pod(schedule, job.name, slot, env or {}), name=job.name)

    def end(self, schedule: ScheduleKey, name: str, failure: str = "") -> None:
        """Let a Job be over."""
        self.jobs[schedule][name] = replace(self.jobs[schedule][name], is_over=True, failure=failure)

    async def stop(self) -> None:
        for pod in self.pods.values():
            await end_task(pod)

    async def _pod(self, schedule: ScheduleKey, job: str, slot: str, env: dict[str, str]) -> None:
        outcome = await self.world.driver().drive(self._order(schedule, slot, env))
        badly = "" if outcome.state.succeeded else "BackoffLimitExceeded: its pod failed"
        if job in self.jobs.get(schedule, {}):
            self.end(schedule, job, badly)

    def _order(self, schedule: ScheduleKey, slot: str, env: dict[str, str]) -> SlotOrder:
        spec, at = self.schedules[schedule].spec, parse_slot_name(slot).at
        backfill = env.get("JENNIE_BACKFILL", "")
        return SlotOrder(
            key=SlotKey(schedule[0], slot, spec.runs, at, schedule[1]),
            give_up_at=max(at, self.world.clock.now()) + spec.deadline_span,
            within=spec.deadline,
            attempts=spec.retries.attempts,
            wait=spec.retries.wait,
            concurrency=Concurrency(spec.concurrency_policy),
            parameters=spec.parameters,
            source=SlotSource.BACKFILL if backfill else SlotSource.SCHEDULE,
            backfill=backfill,
            redo=env.get("JENNIE_REDO") == "true",
        )


@dataclass
class JobWorld:
    """A driver with schedules and Jobs in memory."""

    world: SlotWorld
    schedules: list[ScoutSchedule]
    backfill: Backfill | None = None
    patience_secs: float = 120.0
    troubles: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.known = {key_of(one): one for one in self.schedules}
        self.jobs = MemoryJobs(self.world, self.known)
        self.driver = JobDriver(
            self.world.clock,
            self.world.slots,
            self.jobs,
            known=self.known.get,
            make=self._make,
            sessions=SESSIONS,
            trouble=self._trouble,
            patience_secs=self.patience_secs,
        )

    def _make(self, schedule: ScoutSchedule, order: SlotOrder) -> Manifest:
        return slot_job(schedule, VALUES, order.key.name, self.schedules, self.backfill)

    def _trouble(self, _key: ScheduleKey, refusal: JobRefused | None) -> None:
        self.troubles.append("" if refusal is None else str(refusal))

    async def outcome(self, driving: "asyncio.Task[Slot]", **passing: Any) -> Slot:
        """Let time pass until the slot is over."""
        while not driving.done():
            self.world.clock.advance(passing.get("step_secs", 1.0))
            await asyncio.sleep(0.005)
        return driving.result()


def _env(manifest: Manifest) -> dict[str, str]:
    [container] = manifest["spec"]["template"]["spec"]["containers"]
    return {entry["name"]: entry.get("value", "") for entry in container["env"]}


def order_of(schedule: ScoutSchedule, slot: str, **more: Any) -> SlotOrder:
    """Return the order for a schedule's slot that is in time."""
    spec, at = schedule.spec, parse_slot_name(slot).at
    named = {
        "key": SlotKey(schedule.metadata.namespace, slot, spec.runs, at, schedule.name),
        "give_up_at": at + spec.deadline_span,
        "within": spec.deadline,
        "attempts": spec.retries.attempts,
        "wait": lambda _failed: timedelta(0),
    }
    return SlotOrder(**{**named, **more})
