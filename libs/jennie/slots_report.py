"""What a status tells of schedules: when the next slot is, what became of the last one, what runs now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from prime_jennie.domain.slots import Slot, SlotState
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.database.repositories.slots import SlotRepository
from prime_jennie_operator.resources import ScoutSchedule
from prime_jennie_operator.schedule.calendars import Sessions
from prime_jennie_operator.schedule.slots import next_slot


class SlotOutcome(BaseModel):
    """One slot: its name, what became of it, why; of one that runs, how far it is."""

    model_config = ConfigDict(frozen=True)

    slot: str
    at: AwareDatetime
    state: SlotState
    reason: str
    progress_pct: int
    phase: str


class ScheduleReport(BaseModel):
    """One schedule; `next_slot` is None while it is suspended, and beyond the calendar's table."""

    model_config = ConfigDict(frozen=True)

    schedule: str
    task: str
    suspended: bool
    next_slot: str | None
    next_at: AwareDatetime | None
    last: SlotOutcome | None


class SlotsReport(BaseModel):
    """Every schedule of a run, and what is at work, whoever asked for it."""

    model_config = ConfigDict(frozen=True)

    schedules: tuple[ScheduleReport, ...]
    running: tuple[SlotOutcome, ...]


async def slots_report(
    documents: Sequence[dict[str, Any]], slots: SlotRepository, now: datetime, sessions: Sessions = load_sessions
) -> SlotsReport:
    """Read the slots of a run's schedules, as its runner has written them down."""
    schedules = [ScoutSchedule.model_validate(document) for document in documents]
    namespaces = sorted({one.metadata.namespace for one in schedules} or {"default"})
    unfinished = [slot for namespace in namespaces for slot in await slots.unfinished(namespace)]
    running = tuple(_outcome(slot) for slot in unfinished if slot.state is SlotState.RUNNING)
    return SlotsReport(
        schedules=tuple([await _schedule(one, slots, now, sessions) for one in schedules]), running=running
    )


async def _schedule(one: ScoutSchedule, slots: SlotRepository, now: datetime, sessions: Sessions) -> ScheduleReport:
    ahead = None if one.spec.suspend else next_slot(one, now, sessions, runs=True)
    last = await slots.page(one.metadata.namespace, schedule=one.name, limit=1)
    return ScheduleReport(
        schedule=one.name,
        task=one.spec.task,
        suspended=one.spec.suspend,
        next_slot=ahead.name if ahead else None,
        next_at=ahead.at if ahead else None,
        last=_outcome(last[0]) if last else None,
    )


def _outcome(slot: Slot) -> SlotOutcome:
    return SlotOutcome(
        slot=slot.name,
        at=slot.at,
        state=slot.state,
        reason=slot.reason,
        progress_pct=slot.progress_pct,
        phase=slot.phase,
    )
