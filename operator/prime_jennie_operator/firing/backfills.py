"""Bring the cluster to what a Backfill says: a schedule's past slots run after all, and its status tells how far."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from prime_jennie.domain.errors import BadInput
from prime_jennie.infra.outages import OUTAGES
from prime_jennie.infra.tasks import end_task
from prime_jennie_operator.dependencies import Dependencies
from prime_jennie_operator.firing.backfill_run import BackfillRun
from prime_jennie_operator.firing.book import is_paused
from prime_jennie_operator.firing.desk import SlotDesk
from prime_jennie_operator.firing.desks import NoLedger
from prime_jennie_operator.firing.shared import Shared
from prime_jennie_operator.firing.verdicts import in_words, invalid_spec, paused
from prime_jennie_operator.kube.kinds import BACKFILL
from prime_jennie_operator.loading import load_object
from prime_jennie_operator.manifest import Manifest
from prime_jennie_operator.marks import PAUSE_RECONCILIATION, is_set
from prime_jennie_operator.news import news
from prime_jennie_operator.resources import Backfill, BackfillStatus, ScoutSchedule
from prime_jennie_operator.resources.backfill import BackfillPhase
from prime_jennie_operator.resources.meta import ConditionType
from prime_jennie_operator.schedule.backfill import (
    FAILED_STATES,
    BackfillPlan,
    is_done,
    phase_of,
    plan_backfill,
    span_of,
    status_of,
)
from prime_jennie_operator.verdicts import Verdict, settled
from prime_jennie_operator.work import Again, Key

AWAY_SECS: Final = 5.0  # real; until what is missing is looked for again
REPLAN_SECS: Final = 300.0  # real; rows that others have changed meanwhile
NAMED_FAILURES: Final = 5


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look found."""

    phase: BackfillPhase
    ready: Verdict
    plan: BackfillPlan | None = None
    active: Sequence[str] = ()
    jobs: dict[str, str] | None = None
    again_secs: float | None = None


class BackfillReconciler:
    """One look at one backfill: plan, begin what may begin, tell."""

    kind = BACKFILL.name

    def __init__(self, deps: Dependencies, shared: Shared) -> None:
        self._shared = shared
        self._deps = deps
        self._runs: dict[Key, tuple[BackfillRun, SlotDesk]] = {}
        self._ending: asyncio.Task[None] | None = None

    async def close(self) -> None:
        for key in list(self._runs):
            await self._stop(key)
        if self._ending is not None:
            await end_task(self._ending)

    async def reconcile(self, key: Key) -> Again | None:
        """Look at a backfill."""
        owner = self._deps.specs.get(key)
        if owner is None or "deletionTimestamp" in owner["metadata"]:
            await self._stop(key)  # Jobs at work belong to the schedule and end in order
            self._deps.statuses.forget(key)
            return None
        before = self._deps.statuses.newest(owner, BackfillStatus)
        try:
            backfill = load_object(owner, Backfill)
        except BadInput as error:
            await self._stop(key)
            told = invalid_spec(f"{error.field}: {error.reason}")
            look = _Look(BackfillPhase.PENDING, told[ConditionType.READY])
            await self._tell(key, owner, look, is_set(_annotations(owner), PAUSE_RECONCILIATION), before)
            return None
        generation = backfill.metadata.generation
        if is_done(before, generation):
            await self._stop(key)
            return None
        look = await self._look(key, backfill, generation)
        await self._tell(key, owner, look, _is_paused(backfill), before)
        if look.phase in (BackfillPhase.FINISHED, BackfillPhase.FAILED) and look.plan is not None:
            await self._say_the_end(owner, look.plan)
            await self._stop(key)
        return None if look.again_secs is None else Again(look.again_secs)

    async def _look(self, key: Key, backfill: Backfill, generation: int) -> _Look:
        """Plan and begin; what is missing is said, and what runs goes on."""
        schedule_key = key.namespace, backfill.spec.schedule
        schedule = self._shared.book.get(schedule_key)
        try:
            desk = await self._shared.desks.of(key.namespace)
            hindrance = self._hindrance(schedule_key, schedule)
            if schedule is None or hindrance is not None:
                return _Look(BackfillPhase.PENDING, hindrance or _missing(backfill), again_secs=AWAY_SECS)
            run = await self._run_of(key, desk, backfill, schedule, generation)
        except NoLedger as error:
            return _unreachable(str(error))
        except OUTAGES as error:
            return _unreachable(in_words(error))
        assert run.plan is not None  # noqa: S101 - made a moment ago
        dry_run = backfill.spec.dry_run
        may_run = not dry_run and not _is_paused(backfill) and not is_paused(schedule)
        if may_run:
            run.advance(backfill, schedule, self._shared.book.of(key.namespace), self._deps.clock.now())
        jobs = {name: name for name in desk.jobs.of(schedule_key)}
        phase = phase_of(run.plan, dry_run=dry_run, may_run=may_run)
        return _Look(phase, self._ready(phase, run.plan, schedule_key), run.plan, run.active, jobs, REPLAN_SECS)

    def _hindrance(self, key: tuple[str, str], schedule: ScoutSchedule | None) -> Verdict | None:
        if schedule is None:
            refusal = self._shared.book.refusal(key)
            if refusal is None:
                return None
            return Verdict("False", "InvalidSchedule", f"ScoutSchedule {key[1]}: {refusal.field}: {refusal.reason}")
        try:
            fault = self._shared.book.fault(key)
        except BadInput as error:
            return Verdict("False", "UnknownCalendar", f"no slot is decided: {error}")
        return None if fault is None else Verdict("False", "InvalidSchedule", f"ScoutSchedule {key[1]}: {fault}")

    async def _run_of(
        self, key: Key, desk: SlotDesk, backfill: Backfill, schedule: ScoutSchedule, generation: int
    ) -> BackfillRun:
        """Find the run, its plan made anew where the rows may have changed."""
        if key in self._runs:
            run, its_desk = self._runs[key]
            if its_desk is not desk or run.generation != generation:
                await self._stop(key)  # the next one follows the Jobs that this one has made
        if key not in self._runs:
            self._end_when_another_leads()
            look = partial(self._deps.queue.add, key)
            run = BackfillRun(desk.driver_for(backfill), self._shared.sessions, generation, look)
            self._runs[key] = run, desk
        run, _ = self._runs[key]
        if run.is_stale(REPLAN_SECS):
            now = self._deps.clock.now()
            since, upto = span_of(backfill, schedule, now)
            rows = await desk.slots.of_task(key.namespace, schedule.spec.runs, since, upto)
            run.take(plan_backfill(backfill, schedule, rows, now, self._shared.sessions))
        return run

    def _ready(self, phase: BackfillPhase, plan: BackfillPlan, schedule: tuple[str, str]) -> Verdict:
        trouble = self._shared.troubles.get(schedule)
        if trouble is not None and phase is BackfillPhase.RUNNING:
            return Verdict("False", trouble.reason, f"slots cannot start: {trouble.message}")
        told = {
            BackfillPhase.PLANNED: f"{len(plan.slots)} slots would run: set dryRun to false to run them",
            BackfillPhase.PENDING: "nothing begins while reconciliation is paused",
            BackfillPhase.RUNNING: f"{len(plan.over)} of {len(plan.slots)} slots are over",
        }
        return Verdict("True", phase.value, told.get(phase) or _sum(plan))

    async def _say_the_end(self, owner: Manifest, plan: BackfillPlan) -> None:
        failed = [row for row in plan.over if row.state in FAILED_STATES]
        await self._deps.recorder.event(owner, "Warning" if failed else "Normal", "BackfillFinished", _sum(plan))

    async def _tell(self, key: Key, owner: Manifest, look: _Look, is_held: bool, before: BackfillStatus | None) -> None:
        generation = int(owner["metadata"].get("generation", 1))
        told = {ConditionType.READY: look.ready, ConditionType.RECONCILIATION_PAUSED: paused(is_held)}
        known = before.conditions if before is not None else ()
        conditions = settled(told, known, generation, self._shared.wall.now())
        status = status_of(generation, conditions, look.phase, look.plan, look.active, look.jobs or {}, before)
        await self._deps.statuses.write(owner, status)
        for one in news(known, told):
            if one.reason != "Ready":  # its end is told by an event of its own
                await self._deps.recorder.event(owner, one.type, one.reason, one.message)

    async def _stop(self, key: Key) -> None:
        if key in self._runs:
            run, desk = self._runs.pop(key)
            await run.stop()
            desk.let_go(run.driver)

    def _end_when_another_leads(self) -> None:
        if self._ending is None or self._ending.done():
            self._ending = asyncio.create_task(self._stop_all_when_lost(), name="backfills end")

    async def _stop_all_when_lost(self) -> None:
        await self._deps.leadership.lost()
        for key in list(self._runs):
            await self._stop(key)


def _annotations(owner: Manifest) -> dict[str, str]:
    return dict(owner["metadata"].get("annotations") or {})


def _is_paused(backfill: Backfill) -> bool:
    return is_set(backfill.metadata.annotations, PAUSE_RECONCILIATION)


def _missing(backfill: Backfill) -> Verdict:
    return Verdict("False", "UnknownSchedule", f"spec.schedule: there is no ScoutSchedule {backfill.spec.schedule}")


def _unreachable(why: str) -> _Look:
    ready = Verdict("False", "DatabaseUnreachable", f"what became of slots is unknown: {why}")
    return _Look(BackfillPhase.PENDING, ready, again_secs=AWAY_SECS)


def _sum(plan: BackfillPlan) -> str:
    """Say how a backfill has ended."""
    over = plan.over
    failed = [row for row in over if row.state in FAILED_STATES]
    told = f"{sum(row.state.succeeded for row in over)} of {len(plan.slots)} slots ran"
    if not failed:
        return told
    names = ", ".join(row.name for row in failed[:NAMED_FAILURES])
    more = f" and {len(failed) - NAMED_FAILURES} more" if len(failed) > NAMED_FAILURES else ""
    return f"{told}, {len(failed)} failed: {names}{more}"
