"""What a day has in store: its slots, and from when to when it must be lived to see them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from prime_jennie.domain.sessions import KST, Session, kst_midnight
from prime_jennie_operator.resources import ScoutSchedule
from prime_jennie_operator.schedule.calendars import Sessions
from prime_jennie_operator.schedule.slots import PlannedSlot, slots_between

BEFORE_THE_FIRST_SLOT = timedelta(minutes=5)
AFTER_THE_LAST_SLOT = timedelta(minutes=10)
AFTER_THE_CLOSE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class DayPlan:
    """One session with the slots that fall on its day, in order."""

    session: Session
    starts_at: datetime
    ends_at: datetime
    slots: tuple[PlannedSlot, ...]

    @property
    def starts(self) -> str:
        """Return the start as the exchange takes it, HH:MM in Seoul."""
        return f"{self.starts_at.astimezone(KST):%H:%M}"

    @property
    def ends(self) -> str:
        """Return the end as the exchange takes it, HH:MM in Seoul."""
        return f"{self.ends_at.astimezone(KST):%H:%M}"


def plan_day(schedules: Sequence[ScoutSchedule], session: Session, sessions: Sessions) -> DayPlan:
    """Plan a session: from shortly before its first slot or its opening auction until after its last slot or close."""
    midnight = kst_midnight(session.opens_at)
    tomorrow = midnight + timedelta(days=1)
    found = [
        slot
        for schedule in schedules
        for slot in slots_between(schedule, midnight - timedelta(seconds=1), tomorrow - timedelta(seconds=1), sessions)
    ]
    slots = tuple(sorted(found, key=lambda slot: (slot.at, slot.name)))
    starts_at, ends_at = session.opening_auction_at, session.closes_at + AFTER_THE_CLOSE
    if slots:
        starts_at = max(midnight, min(starts_at, slots[0].at - BEFORE_THE_FIRST_SLOT))
        ends_at = min(tomorrow - timedelta(minutes=1), max(ends_at, slots[-1].at + AFTER_THE_LAST_SLOT))
    return DayPlan(session, starts_at, ends_at, slots)
