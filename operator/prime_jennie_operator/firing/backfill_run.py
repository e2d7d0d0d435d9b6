"""One backfill at work: its slots one after the other, or as many at once as it may, until none is left."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from prime_jennie.domain.slots import Concurrency, Need, Slot, SlotSource, SlotState
from prime_jennie.infra.database.repositories.slots import SlotKey
from prime_jennie.infra.slot_driver import SlotOrder
from prime_jennie.infra.tasks import end_tasks
from prime_jennie_operator.firing.job_driver import JobDriver
from prime_jennie_operator.resources import Backfill, ScoutSchedule
from prime_jennie_operator.resources.backfill import Reprocess
from prime_jennie_operator.schedule.backfill import BackfillPlan
from prime_jennie_operator.schedule.calendars import Sessions
from prime_jennie_operator.schedule.needs import needs_of
from prime_jennie_operator.schedule.slots import PlannedSlot

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class BackfillRun:
    """Knows the plan and drives what is begun; another process finds all of it in the rows.

    It is of one generation of the spec, which the Jobs are made by. `changed` is called when a slot has ended.
    """

    driver: JobDriver
    sessions: Sessions
    generation: int
    changed: Callable[[], None]
    plan: BackfillPlan | None = None
    _planned_at_secs: float = 0.0
    _active: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    @property
    def active(self) -> list[str]:
        """Name the slots at work."""
        return list(self._active)

    def take(self, plan: BackfillPlan) -> None:
        """Take a plan that was made of the rows as they are."""
        self.plan, self._planned_at_secs = plan, time.monotonic()

    def is_stale(self, after_secs: float) -> bool:
        """Tell whether the rows should be read again: what ends here is known without them."""
        is_old = time.monotonic() - self._planned_at_secs > after_secs
        return self.plan is None or (is_old and not self._active)

    def advance(
        self, backfill: Backfill, schedule: ScoutSchedule, beside: Iterable[ScoutSchedule], now: datetime
    ) -> None:
        """Begin as many slots as may be at work; those that a process before this one has begun come first."""
        if self.plan is None:
            return
        begun = self.plan.rows.keys()
        for slot in sorted(self.plan.pending, key=lambda one: one.name not in begun):
            if len(self._active) >= backfill.spec.max_active:
                return
            if slot.name not in self._active:
                needs = needs_of(schedule, slot.at, beside, self.sessions)
                order = _order(backfill, schedule, slot, () if isinstance(needs, str) else needs, now)
                work = self._drive(order, needs if isinstance(needs, str) else "")
                self._active[slot.name] = asyncio.create_task(work, name=f"backfill {slot.name}")

    async def stop(self) -> None:
        """Begin nothing more and look no longer; Jobs at work end by themselves."""
        await end_tasks(list(self._active.values()))

    async def _drive(self, order: SlotOrder, missing: str) -> None:
        try:
            if missing:
                ended = await self.driver.end(order, SlotState.SKIPPED, missing)
            else:
                ended = await self._driven(order)
            self._note(ended, order.backfill)
        finally:
            self._active.pop(order.key.name, None)
            self.changed()

    async def _driven(self, order: SlotOrder) -> Slot:
        try:
            return await self.driver.drive(order)
        except Exception as error:  # a bug costs its slot, not the backfill
            log.exception("slot could not be driven", slot=order.key.name)
            why = f"could not be driven: {type(error).__name__}: {error}"
            return await self.driver.end(order, SlotState.FAILED, why)

    def _note(self, ended: Slot, uid: str) -> None:
        """Remember an end; what somebody else has done meanwhile is not this backfill's to do."""
        if self.plan is None:
            return
        if ended.backfill == uid:
            self.plan.rows[ended.name] = ended
        else:
            self.plan = replace(self.plan, slots=tuple(one for one in self.plan.slots if one.name != ended.name))


def _order(
    backfill: Backfill, schedule: ScoutSchedule, slot: PlannedSlot, needs: tuple[Need, ...], now: datetime
) -> SlotOrder:
    spec = schedule.spec
    return SlotOrder(
        key=SlotKey(schedule.metadata.namespace, slot.name, spec.runs, slot.at, schedule.name),
        give_up_at=now + spec.deadline_span,
        within=spec.deadline,
        attempts=spec.retries.attempts,
        wait=spec.retries.wait,
        concurrency=Concurrency.ALLOW,
        parameters={**spec.parameters, **backfill.spec.parameters},
        needs=needs,
        source=SlotSource.BACKFILL,
        backfill=str(backfill.metadata.uid),
        redo=backfill.spec.strategy is Reprocess.COMPLETED,
    )
