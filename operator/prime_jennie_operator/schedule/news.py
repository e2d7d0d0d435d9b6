"""Which ends of slots a person should hear of: what did not run, and what ran late after all."""

from __future__ import annotations

from prime_jennie.domain.slots import Slot, SlotState
from prime_jennie_operator.news import News
from prime_jennie_operator.resources import ScoutSchedule


def news_of(slot: Slot, schedule: ScoutSchedule) -> News | None:
    """Tell of a slot that has ended; one that ran in time, or had nothing to do, is no news."""
    if not slot.is_finished:
        return None
    if slot.state is SlotState.MISSED:
        return News("Warning", "Missed", f"{slot.name}: {slot.reason}")
    if slot.state is SlotState.FAILED:
        return News("Warning", "Failed", f"{slot.name}: {slot.reason}")
    if slot.state is SlotState.RAN and slot.started_at is not None:
        late_by = slot.started_at - slot.at
        if late_by > schedule.spec.deadline_span:
            minutes = round(late_by.total_seconds() / 60)
            return News(
                "Normal", "CaughtUp", f"{slot.name} ran {minutes} minutes late (catchUp {schedule.spec.catch_up})"
            )
    return None
