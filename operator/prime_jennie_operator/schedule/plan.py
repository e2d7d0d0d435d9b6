"""What becomes of slots whose minute has come: run now, run late, skip, or count as missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from prime_jennie.domain.slots import SlotState
from prime_jennie_operator.resources import ScoutSchedule
from prime_jennie_operator.schedule.slots import PlannedSlot


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with one slot: run it (until `give_up_at` an attempt may begin), or write its outcome at once."""

    slot: PlannedSlot
    give_up_at: datetime | None
    outcome: SlotState | None = None
    reason: str = ""


def decide(schedule: ScoutSchedule, due: Sequence[PlannedSlot], now: datetime) -> list[Decision]:
    """Decide about slots that nobody has begun, oldest first; those to run come in the order to run them in.

    A slot within its deadline runs. Later ones are what an outage left: catchUp latest runs the newest of all, unless
    a slot that is in time is there to do its work; catchUp all runs as many of the newest as catchUpLimit allows.
    """
    spec = schedule.spec
    open_slots = [slot for slot in due if not slot.skip and not spec.suspend]
    late = [slot for slot in open_slots if now > slot.at + spec.deadline_span]
    caught_up = {slot.name for slot in _caught_up(schedule, late, has_one_in_time=len(late) < len(open_slots))}
    return [_decision(schedule, slot, now, is_late=slot in late, is_caught_up=slot.name in caught_up) for slot in due]


def _caught_up(schedule: ScoutSchedule, late: list[PlannedSlot], *, has_one_in_time: bool) -> list[PlannedSlot]:
    spec = schedule.spec
    if spec.catch_up == "none" or not late:
        return []
    if spec.catch_up == "latest":
        return [] if has_one_in_time else late[-1:]
    return late[-spec.catch_up_limit :]


def _decision(
    schedule: ScoutSchedule, slot: PlannedSlot, now: datetime, *, is_late: bool, is_caught_up: bool
) -> Decision:
    spec = schedule.spec
    if slot.skip:
        return Decision(slot, None, SlotState.SKIPPED, slot.skip)
    if spec.suspend:
        return Decision(slot, None, SlotState.SKIPPED, "the schedule is suspended")
    if not is_late:
        return Decision(slot, slot.at + spec.deadline_span)
    if is_caught_up:
        return Decision(slot, now + spec.deadline_span)
    reason = f"nobody was there to start it within {spec.deadline} (catchUp {spec.catch_up})"
    return Decision(slot, None, SlotState.MISSED, reason)
