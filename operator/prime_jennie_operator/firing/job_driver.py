"""Bring slots to their outcomes by Jobs: wait for a CronJob's, make one where none comes, follow it to its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from prime_jennie.domain.ports import Clock
from prime_jennie.domain.slots import Slot, SlotSource, SlotState
from prime_jennie.infra.database.repositories.slots import SlotRepository
from prime_jennie.infra.slot_driver import SlotOrder, patiently, unmet_need, write_outcome
from prime_jennie_operator.desired.schedule import cron_jobs_job_names
from prime_jennie_operator.firing.book import is_paused
from prime_jennie_operator.firing.decided import ScheduleKey
from prime_jennie_operator.firing.jobs import JobRefused, SlotJob, SlotJobs
from prime_jennie_operator.kube.errors import KubeError
from prime_jennie_operator.manifest import Manifest
from prime_jennie_operator.resources import ScoutSchedule
from prime_jennie_operator.schedule.calendars import Sessions
from prime_jennie_operator.schedule.slots import INSTANT, slots_between

CRON_GRACE: Final = timedelta(seconds=30)  # Kubernetes makes a Job within a second or two of its minute
OVERDUE: Final = timedelta(seconds=60)  # a pod that has begun in time ends by itself: only one that never did is left
# Real seconds: a pod is there within them on a busy node, and the virtual day waits so long; then it goes on without.
PATIENCE_SECS: Final = 120.0
HOLD_SECS: Final = 5.0
LOOK_SECS: Final = 1.0
LOOK_VIRTUAL_SECS: Final = 0.2  # real
REFUSED_SECS: Final = 5.0  # real: until a Job that the cluster did not take is tried again

log = structlog.get_logger(__name__)

Make = Callable[[ScoutSchedule, SlotOrder], Manifest]
"""Renders the Job of a slot."""
Trouble = Callable[[ScheduleKey, JobRefused | None], None]
"""Hears what keeps a schedule's Jobs from being made, and None once one is taken again."""


@dataclass(slots=True)
class _Pursuit:
    """One order on its way; `held` keeps a virtual day waiting for it."""

    order: SlotOrder
    named_at: Sequence[datetime]
    """The minutes at which a CronJob wakes for it."""
    held: AsyncExitStack
    began_secs: float
    stale: frozenset[str]
    """Jobs of its name that had ended before: of another database's day, or of an operator's that is no more."""
    refusal: JobRefused | None = None
    complaint: str = ""
    may_make_at_secs: float = 0.0

    @property
    def key(self) -> ScheduleKey:
        return self.order.key.namespace, self.order.key.schedule


class JobDriver:
    """Drives slots one by one. All it knows is in SQL and in the cluster: another one goes on where it ends.

    `known` gives the schedule as it is now, None when it was deleted. Where the CronJobs of the cluster's own clock
    count (not in a virtual day), a slot in time is left to them for a while.
    """

    def __init__(
        self,
        clock: Clock,
        slots: SlotRepository,
        jobs: SlotJobs,
        *,
        known: Callable[[ScheduleKey], ScoutSchedule | None],
        make: Make,
        sessions: Sessions,
        trouble: Trouble,
        patience_secs: float = PATIENCE_SECS,
    ) -> None:
        self._clock = clock
        self._slots = slots
        self._jobs = jobs
        self._known = known
        self._make = make
        self._sessions = sessions
        self._trouble = trouble
        self._patience_secs = patience_secs
        self._look_secs = LOOK_VIRTUAL_SECS if clock.virtual else LOOK_SECS
        self._news: dict[ScheduleKey, asyncio.Event] = {}
        self._pursued: dict[str, SlotOrder] = {}

    def look(self, key: ScheduleKey) -> None:
        """Look at a schedule's Jobs now: something about them has changed."""
        if key in self._news:
            self._news[key].set()

    def pursues(self, slot: str) -> bool:
        """Tell whether a slot is on its way."""
        return slot in self._pursued

    async def drive(self, order: SlotOrder, begun: Callable[[], None] = lambda: None) -> Slot:
        """Return the finished slot; a database or an API server that is away is waited for."""
        self._pursued[order.key.name] = order
        try:
            schedule = self._known((order.key.namespace, order.key.schedule))
            named_at = [] if schedule is None else self._named_at(order, schedule)
            if schedule is None or self._own_job_from(order, schedule, named_at) <= order.key.at:
                missing = await unmet_need(self._clock, self._slots, order, begun)
                if missing is not None:
                    return await self.end(order, SlotState.SKIPPED, missing)
            async with AsyncExitStack() as held:
                await held.enter_async_context(self._clock.hold(f"job:{order.key.name}", HOLD_SECS))
                begun()
                stale = frozenset(job.name for job in self._jobs_of(order, schedule, ()) if job.is_over)
                return await self._pursue(_Pursuit(order, named_at, held, time.monotonic(), stale))
        finally:
            self._pursued.pop(order.key.name, None)

    async def end(self, order: SlotOrder, state: SlotState, reason: str) -> Slot:
        """Write the outcome of a slot that will not run (again); one that somebody runs meanwhile is followed."""
        while True:
            slot = await write_outcome(self._clock, self._slots, order, state, reason)
            if order.is_over(slot):
                return slot
            await asyncio.sleep(self._look_secs)

    async def _pursue(self, pursuit: _Pursuit) -> Slot:
        while True:
            news = self._news.setdefault(pursuit.key, asyncio.Event())
            news.clear()
            try:
                slot = await self._step(pursuit)
            except KubeError as error:  # no slot's fault; and who does not lead any more is about to be ended
                if pursuit.complaint != (complaint := error.message):
                    log.warning("slot waits for the API server", slot=pursuit.order.key.name, why=complaint)
                    pursuit.complaint = complaint
                slot = None
            if slot is not None:
                return slot
            try:
                async with asyncio.timeout(self._look_secs):
                    await news.wait()
            except TimeoutError:
                continue

    async def _step(self, pursuit: _Pursuit) -> Slot | None:
        """Look once and do what is to be done; return the slot once it is over."""
        order, schedule = pursuit.order, self._known(pursuit.key)
        jobs = self._jobs_of(order, schedule, pursuit.named_at)  # before the row, as who ends has written it
        slot = await patiently(lambda: self._slots.get(order.key.namespace, order.key.name))
        if slot is not None and order.is_over(slot):
            return slot
        is_begun = slot is not None and not slot.is_finished
        if is_begun or time.monotonic() - pursuit.began_secs > self._patience_secs:
            await pursuit.held.aclose()
        if slot is not None and slot.state is SlotState.RUNNING:
            return None
        if schedule is None:
            return await self.end(order, SlotState.SKIPPED, "its schedule was deleted")
        if alive := [job for job in jobs if job.is_alive]:
            return None if is_begun else await self._unless_overdue(pursuit, alive)
        if over := [job for job in jobs if job.is_over and job.name not in pursuit.stale]:
            return await self.end(order, SlotState.FAILED, _how_it_ended(over[0]))
        if any(job.is_leaving for job in jobs):
            return None
        return await self._without_a_job(pursuit, schedule, slot if is_begun else None)

    async def _without_a_job(self, pursuit: _Pursuit, schedule: ScoutSchedule, slot: Slot | None) -> Slot | None:
        order, now = pursuit.order, self._clock.now()
        if now > order.give_up_at:
            because = f": {pursuit.refusal}" if pursuit.refusal else ""
            if slot is None:
                return await self.end(order, SlotState.MISSED, f"no Job was made for it within {order.within}{because}")
            return await self.end(
                order, SlotState.FAILED, f"{slot.reason}; no further attempt within {order.within}{because}"
            )
        if schedule.spec.suspend and order.source is SlotSource.SCHEDULE and slot is None:
            return await self.end(order, SlotState.SKIPPED, "the schedule is suspended")
        if slot is None and now < self._own_job_from(order, schedule, pursuit.named_at):
            return None
        if time.monotonic() >= pursuit.may_make_at_secs and not is_paused(schedule):
            await self._make_job(pursuit, schedule)
        return None

    async def _make_job(self, pursuit: _Pursuit, schedule: ScoutSchedule) -> None:
        order = pursuit.order
        left = self._jobs.of(pursuit.key).get(order.key.name)
        if left is not None:  # of an earlier run of the slot, or for somebody else: its name must be free first
            if left.is_over and not left.is_leaving:
                await self._jobs.delete(order.key.namespace, left.name)
            return
        try:
            await self._jobs.create(self._make(schedule, order))
        except JobRefused as refusal:
            pursuit.refusal, pursuit.may_make_at_secs = refusal, time.monotonic() + REFUSED_SECS
            self._trouble(pursuit.key, refusal)
            return
        log.info("made the slot's job", slot=order.key.name, schedule=schedule.name)
        pursuit.refusal = None
        self._trouble(pursuit.key, None)

    async def _unless_overdue(self, pursuit: _Pursuit, alive: Sequence[SlotJob]) -> Slot | None:
        """Give a slot up whose pods never came; what would still come late is removed."""
        order = pursuit.order
        if self._clock.now() <= order.give_up_at + OVERDUE:
            return None
        why = self._jobs.why_it_waits(pursuit.key, alive[0].name)
        because = f": {why}" if why else ""
        for job in alive:
            await self._jobs.delete(order.key.namespace, job.name)
        return await self.end(
            order, SlotState.MISSED, f"Job {alive[0].name} did not begin it within {order.within}{because}"
        )

    def _jobs_of(self, order: SlotOrder, schedule: ScoutSchedule | None, named_at: Sequence[datetime]) -> list[SlotJob]:
        """Find the Jobs that this order's slot may have; a backfill has only its own."""
        if schedule is None:
            return []
        jobs = self._jobs.of((order.key.namespace, order.key.schedule))
        names = [order.key.name]
        if order.source is SlotSource.SCHEDULE:
            names += [name for minute in named_at for name in cron_jobs_job_names(schedule, minute)]
        return [jobs[name] for name in names if name in jobs and jobs[name].backfill == order.backfill]

    def _own_job_from(self, order: SlotOrder, schedule: ScoutSchedule, named_at: Sequence[datetime]) -> datetime:
        """Say from when on no CronJob's Job is waited for."""
        # What is caught up has a whole deadline from when it was overdue; one in time, a moment more where it queued.
        is_late = order.give_up_at > order.key.at + 2 * schedule.spec.deadline_span
        if self._clock.virtual or is_late or order.source is not SlotSource.SCHEDULE:
            return order.key.at
        grace = min(CRON_GRACE, schedule.spec.deadline_span / 2)
        # A session that opens or closes earlier moves a slot before the minute at which its CronJob wakes.
        return max((minute + grace for minute in named_at if minute <= order.key.at), default=order.key.at)

    def _named_at(self, order: SlotOrder, schedule: ScoutSchedule) -> list[datetime]:
        at = order.key.at
        return [slot.named_at for slot in slots_between(schedule, at - INSTANT, at, self._sessions)]


def _how_it_ended(job: SlotJob) -> str:
    if job.failure:
        return f"Job {job.name} failed: {job.failure}"
    return f"Job {job.name} ended and left no outcome"
