"""Bring the cluster to what a ScoutSchedule says, and say in its status what became of its slots."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.sessions import kst_midnight
from prime_jennie.domain.slots import Slot
from prime_jennie.infra.outages import OUTAGES
from prime_jennie.infra.tasks import end_task
from prime_jennie_operator.applier import Changes
from prime_jennie_operator.dependencies import Dependencies
from prime_jennie_operator.desired.schedule import cron_jobs_job_names, schedule_objects
from prime_jennie_operator.firing.book import is_paused
from prime_jennie_operator.firing.decided import ScheduleKey
from prime_jennie_operator.firing.desk import SlotDesk
from prime_jennie_operator.firing.desks import NoLedger
from prime_jennie_operator.firing.gauges import Gauges
from prime_jennie_operator.firing.shared import Shared
from prime_jennie_operator.firing.verdicts import Findings, in_words, invalid_spec, verdicts
from prime_jennie_operator.kube.kinds import CRON_JOB, SCHEDULE
from prime_jennie_operator.manifest import Manifest
from prime_jennie_operator.news import news
from prime_jennie_operator.resources import ScoutSchedule, ScoutScheduleStatus
from prime_jennie_operator.resources.meta import ConditionType
from prime_jennie_operator.schedule.news import news_of
from prime_jennie_operator.schedule.slots import INSTANT, next_slot, slots_between
from prime_jennie_operator.schedule.status import SHOWN_SLOTS, status_of
from prime_jennie_operator.verdicts import Verdict, settled
from prime_jennie_operator.work import Again, Key

AWAY_SECS: Final = 5.0  # real; until a database that does not answer is asked again
LONGEST_SECS: Final = 600.0  # real; a calendar may be changed meanwhile


@dataclass(frozen=True, slots=True)
class _Ledger:
    """What the database tells of a schedule; `rows` is None where it does not answer."""

    rows: Sequence[Slot] | None = None
    jobs: dict[str, str] | None = None
    why: str = ""


class ScheduleReconciler:
    """One look at one schedule: apply, have it fired, judge, tell."""

    kind = SCHEDULE.name

    def __init__(self, deps: Dependencies, shared: Shared) -> None:
        self._shared = shared
        self._deps = deps
        self._gauges = Gauges()
        self._hiding: asyncio.Task[None] | None = None

    async def close(self) -> None:
        if self._hiding is not None:
            await end_task(self._hiding)
        self._gauges.forget_all()
        await self._shared.close()

    async def reconcile(self, key: Key) -> Again | None:
        """Look at a schedule."""
        self._hide_once_another_leads()
        schedule_key = key.namespace, key.name
        owner = self._deps.specs.get(key)
        if owner is None or "deletionTimestamp" in owner["metadata"]:
            self._deps.statuses.forget(key)
            self._deps.children.settle(key, ())
            await self._let_go(schedule_key)
            return None
        before = self._deps.statuses.newest(owner, ScoutScheduleStatus)
        refusal = self._shared.book.refusal(schedule_key)
        schedule = self._shared.book.get(schedule_key)
        if refusal is not None or schedule is None:
            await self._follow(key.namespace)
            if refusal is not None:
                await self._refuse(owner, before, f"{refusal.field}: {refusal.reason}")
            return None
        found, changes = await self._bring(schedule_key, owner, schedule)
        ledger = await self._ledger(schedule_key, schedule)
        trouble = self._shared.troubles.get(schedule_key)
        found = replace(found, refusals=changes.refused, trouble=trouble, ledger=ledger.why)
        await self._tell(owner, found, ledger, before, changes)
        return self._again(found, changes)

    def _hide_once_another_leads(self) -> None:
        """Show no figures that another process keeps by then."""
        if self._hiding is None or self._hiding.done():
            self._hiding = asyncio.create_task(self._hide_when_lost(), name="schedules' gauges")

    async def _hide_when_lost(self) -> None:
        await self._deps.leadership.lost()
        self._gauges.forget_all()

    async def _let_go(self, key: ScheduleKey) -> None:
        """Forget a schedule that is no more; the garbage collector has its CronJobs and Jobs."""
        self._gauges.forget(key)
        self._shared.troubles.pop(key, None)
        self._shared.take_ended(key)
        await self._follow(key[0])

    async def _follow(self, namespace: str) -> None:
        """Let who fires the slots know the schedules as they are; without a database nobody does."""
        with suppress(NoLedger):
            (await self._shared.desks.of(namespace)).follow()

    async def _bring(self, key: ScheduleKey, owner: Manifest, schedule: ScoutSchedule) -> tuple[Findings, Changes]:
        """Apply the CronJobs, unless something about the schedule must be changed first: then those of before stay."""
        beside = self._shared.book.of(key[0])
        missing = [name for name in schedule.spec.depends_on if name not in {one.name for one in beside}]
        try:
            fault = self._shared.book.fault(key)
            ahead = next_slot(schedule, self._deps.clock.now(), self._shared.sessions, runs=True)
        except BadInput as error:
            return Findings(schedule, None, calendar=str(error), missing=missing), Changes()
        next_at = None if ahead is None or schedule.spec.suspend else ahead.at
        found = Findings(schedule, next_at, fault=fault, missing=missing)
        if fault is not None or is_paused(schedule):
            return found, Changes()
        objects = schedule_objects(schedule, self._deps.values, beside)
        return found, await self._deps.applier.converge(owner, objects, prunes=(CRON_JOB,))

    async def _ledger(self, key: ScheduleKey, schedule: ScoutSchedule) -> _Ledger:
        try:
            desk = await self._shared.desks.of(key[0])
        except NoLedger as error:
            return _Ledger(why=str(error))
        desk.follow()
        desk.look(key)
        self._shared.look_at_backfills(key)
        if not is_paused(schedule):
            await desk.prune(schedule)
        midnight = kst_midnight(self._deps.clock.now())
        try:
            rows = await desk.slots.page(key[0], schedule=schedule.name, limit=SHOWN_SLOTS)
            today = await desk.slots.outcomes(*key, since=midnight)
        except OUTAGES as error:
            return _Ledger(why=in_words(error))
        last = next((row.state for row in rows if row.is_finished), None)
        self._gauges.count(key, last, today)
        return _Ledger(rows, self._jobs_of(desk, key, schedule, rows))

    def _jobs_of(
        self, desk: SlotDesk, key: ScheduleKey, schedule: ScoutSchedule, rows: Sequence[Slot]
    ) -> dict[str, str]:
        """Name the Job of each slot that still has one: its own, or a CronJob's, which is called after a minute."""
        jobs = desk.jobs.of(key)
        found = {row.name: row.name for row in rows if row.name in jobs}
        if not rows or all(job.is_own for job in jobs.values()):
            return found
        try:
            planned = slots_between(schedule, rows[-1].at - INSTANT, rows[0].at, self._shared.sessions)
        except BadInput:
            return found
        for slot in planned:
            names = cron_jobs_job_names(schedule, slot.named_at)
            if slot.name not in found and (job := next((name for name in names if name in jobs), None)) is not None:
                found[slot.name] = job
        return found

    async def _refuse(self, owner: Manifest, before: ScoutScheduleStatus | None, message: str) -> None:
        """Say what is wrong with a spec; what is known of its slots stays."""
        told = invalid_spec(message)
        known = before.conditions if before is not None else ()
        generation = int(owner["metadata"].get("generation", 1))
        kept = {one.type: one for one in known}
        kept |= {one.type: one for one in settled(told, known, generation, self._shared.wall.now())}
        status = (before or ScoutScheduleStatus()).model_copy(
            update={
                "observed_generation": generation,
                "conditions": tuple(kept[kind.value] for kind in ConditionType if kind.value in kept),
                "next_run": None,
            }
        )
        await self._deps.statuses.write(owner, status.model_dump(mode="json", by_alias=True, exclude_none=True))
        await self._say(owner, known, told)

    async def _tell(
        self, owner: Manifest, found: Findings, ledger: _Ledger, before: ScoutScheduleStatus | None, changes: Changes
    ) -> None:
        """Write the status where it differs, then the events and gauges."""
        key = owner["metadata"]["namespace"], owner["metadata"]["name"]
        told = verdicts(found)
        known = before.conditions if before is not None else ()
        generation = found.schedule.metadata.generation
        conditions = settled(told, known, generation, self._shared.wall.now())
        status = status_of(generation, conditions, ledger.rows, ledger.jobs or {}, found.next_at, before)
        await self._deps.statuses.write(owner, status)
        await self._say(owner, known, told)
        for sentence in changes.healed.values():
            await self._deps.recorder.event(owner, "Warning", "Healed", sentence)
        for slot in self._shared.take_ended(key):
            if (one := news_of(slot, found.schedule)) is not None:
                await self._deps.recorder.event(owner, one.type, one.reason, one.message)
        self._gauges.show(key, suspended=found.schedule.spec.suspend, next_at=found.next_at)

    async def _say(self, owner: Manifest, known: Sequence[Any], told: dict[ConditionType, Verdict]) -> None:
        for one in news(known, told):
            await self._deps.recorder.event(owner, one.type, one.reason, one.message)

    def _again(self, found: Findings, changes: Changes) -> Again | None:
        """Look again when something is to be expected of which nothing else tells."""
        waits = [LONGEST_SECS]
        if changes.retry_secs is not None:
            waits.append(changes.retry_secs)
        if found.ledger or found.calendar:
            waits.append(AWAY_SECS)
        if found.next_at is not None and not self._deps.clock.virtual:
            waits.append(_secs_until(found.next_at, self._deps.clock.now()))
        return Again(min(waits))


def _secs_until(moment: datetime, now: datetime) -> float:
    return max(0.0, (moment - now) / timedelta(seconds=1)) + 1.0
