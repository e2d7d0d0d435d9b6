"""Which slots of a schedule a backfill runs, in which order, and how far it is: pure functions of spec and rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final

from prime_jennie.domain.sessions import KST
from prime_jennie.domain.slots import Slot, SlotSource, SlotState
from prime_jennie_operator.resources import Backfill, BackfillStatus, ScoutSchedule
from prime_jennie_operator.resources.backfill import BackfillPhase, Reprocess
from prime_jennie_operator.resources.meta import Condition
from prime_jennie_operator.resources.slot_status import SlotStatus
from prime_jennie_operator.schedule.calendars import Sessions
from prime_jennie_operator.schedule.slots import INSTANT, PlannedSlot, slots_between
from prime_jennie_operator.schedule.status import SHOWN_SLOTS, shown

FAILED_STATES: Final = (SlotState.FAILED, SlotState.MISSED)


def span_of(backfill: Backfill, schedule: ScoutSchedule, now: datetime) -> tuple[datetime, datetime]:
    """Return the stretch whose slots a backfill may run: after the first moment, up to and including the last.

    It ends before whatever the schedule itself may still start, counted from when the backfill was made: else it would
    take a live slot, which then wrote no live keys.
    """
    spec = backfill.spec
    since = datetime.combine(spec.first, time.min, KST) - INSTANT
    until = datetime.combine(spec.last, time.min, KST) + timedelta(days=1) - INSTANT
    made_at = backfill.metadata.creation_timestamp or now
    return since, min(until, min(made_at, now) - schedule.spec.deadline_span - INSTANT)


@dataclass(frozen=True, slots=True)
class BackfillPlan:
    """The slots of one backfill in the order in which they run, and what is known of each."""

    slots: tuple[PlannedSlot, ...]
    rows: dict[str, Slot]
    """Rows of those that this backfill has begun; who runs it adds to them."""

    @property
    def pending(self) -> list[PlannedSlot]:
        """Slots that are not over: those to begin, and those that a process before this one began."""
        return [slot for slot in self.slots if slot.name not in self.rows or not self.rows[slot.name].is_finished]

    @property
    def over(self) -> list[Slot]:
        return [row for slot in self.slots if (row := self.rows.get(slot.name)) is not None and row.is_finished]


def plan_backfill(
    backfill: Backfill, schedule: ScoutSchedule, rows: Mapping[str, Slot], now: datetime, sessions: Sessions
) -> BackfillPlan:
    """Choose the slots of a backfill; `rows` are those of its stretch, by name. The calendar's gate stays shut."""
    uid = str(backfill.metadata.uid)
    since, upto = span_of(backfill, schedule, now)
    found = [slot for slot in slots_between(schedule, since, upto, sessions) if not slot.skip] if since < upto else []
    chosen = [slot for slot in found if _is_chosen(backfill, uid, rows.get(slot.name))]
    own = {name: row for name, row in rows.items() if row.backfill == uid}
    return BackfillPlan(tuple(reversed(chosen) if backfill.spec.reverse else chosen), own)


def _is_chosen(backfill: Backfill, uid: str, row: Slot | None) -> bool:
    if row is None or row.backfill == uid:
        return True
    if not row.is_finished:
        return False  # somebody is at it
    if _was_filled_since(backfill, row):
        return False
    match backfill.spec.strategy:
        case Reprocess.NONE:
            return False
        case Reprocess.FAILED:
            return row.state in FAILED_STATES
        case Reprocess.COMPLETED:
            return True


def _was_filled_since(backfill: Backfill, row: Slot) -> bool:
    """Tell whether another backfill has run it meanwhile: two of them must not run it in turns for ever."""
    made_at = backfill.metadata.creation_timestamp
    return (
        row.source is SlotSource.BACKFILL
        and made_at is not None
        and row.finished_at is not None
        and row.finished_at >= made_at
    )


def phase_of(plan: BackfillPlan, *, dry_run: bool, may_run: bool) -> BackfillPhase:
    """Say how far a backfill is."""
    if dry_run:
        return BackfillPhase.PLANNED
    if plan.pending:
        return BackfillPhase.RUNNING if may_run else BackfillPhase.PENDING
    return BackfillPhase.FAILED if any(row.state in FAILED_STATES for row in plan.over) else BackfillPhase.FINISHED


def is_done(status: BackfillStatus | None, generation: int) -> bool:
    """Tell whether a backfill has come to its end for this spec: whatever happens to its slots later is not its own."""
    ends = (BackfillPhase.FINISHED, BackfillPhase.FAILED)
    return status is not None and status.observed_generation == generation and status.phase in ends


def status_of(
    generation: int,
    conditions: Sequence[Condition],
    phase: BackfillPhase,
    plan: BackfillPlan | None,
    active: Iterable[str],
    jobs: Mapping[str, str],
    before: BackfillStatus | None,
) -> dict[str, Any]:
    """Write a status; without a plan (the database is away, the schedule is gone) the figures stay as they were."""
    known = before or BackfillStatus()
    if plan is None:
        status = known.model_copy(
            update={"observed_generation": generation, "conditions": tuple(conditions), "phase": phase}
        )
        return status.model_dump(mode="json", by_alias=True, exclude_none=True)
    over, at_work = plan.over, set(active)
    status = BackfillStatus(
        observed_generation=generation,
        conditions=tuple(conditions),
        phase=phase,
        planned=len(plan.slots),
        active=len(at_work),
        succeeded=sum(row.state.succeeded for row in over),
        failed=sum(row.state in FAILED_STATES for row in over),
        skipped=sum(row.state is SlotState.SKIPPED for row in over),
        progress=f"{len(over)}/{len(plan.slots)}",
        slots=_shown(plan, at_work, jobs, known),
    )
    return status.model_dump(mode="json", by_alias=True, exclude_none=True)


def _shown(
    plan: BackfillPlan, at_work: set[str], jobs: Mapping[str, str], before: BackfillStatus
) -> tuple[SlotStatus, ...]:
    """Show the slots at work, then those that ended last, then what is next."""
    known = {one.slot: one.job for one in before.slots}
    over = sorted(plan.over, key=lambda row: (row.finished_at or row.at, row.name), reverse=True)
    ended = {row.name for row in over}
    working = [slot.name for slot in plan.slots if slot.name in at_work and slot.name not in ended]
    waiting = [slot.name for slot in plan.slots if slot.name not in at_work and slot.name not in ended]
    room = SHOWN_SLOTS - len(working)
    first = [SlotStatus(slot=name, outcome="Running", job=jobs.get(name)) for name in working]
    then = [shown(row, jobs.get(row.name, known.get(row.name))) for row in over[:room]]
    last = [SlotStatus(slot=name, outcome="Planned") for name in waiting[: max(0, room - len(then))]]
    return tuple([*first, *then, *last][:SHOWN_SLOTS])
