"""The slots of a schedule: which minutes, under which names, and which of them the exchange's calendar skips."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from prime_jennie.domain.sessions import UnknownSession
from prime_jennie.domain.slots import slot_name
from prime_jennie_operator.resources import ScoutSchedule
from prime_jennie_operator.schedule.calendars import CALENDARS, Sessions
from prime_jennie_operator.schedule.cron import parse_cron

INSTANT = timedelta(microseconds=1)
LONGEST_SHIFT = timedelta(days=1)
LOOK_AHEAD_DAYS = 400  # a schedule that fires once a year still shows its next slot


@dataclass(frozen=True, slots=True)
class PlannedSlot:
    """One minute that a schedule names; `skip` says why the calendar lets nothing run then, "" where it does."""

    name: str
    at: datetime
    named_at: datetime
    """The minute of the cron line, from which a session that opens or closes at another hour may have moved it."""
    skip: str = ""


def slot_name_of(schedule: ScoutSchedule, at: datetime) -> str:
    """Name the slot of a minute: bare for a schedule called as its task, with the schedule's own name for any other.

    Nothing but the schedule's own name and task decides, so that no other schedule can ever change a slot's name.
    """
    return slot_name(schedule.spec.runs, at, schedule.name)


def slots_between(schedule: ScoutSchedule, since: datetime, upto: datetime, sessions: Sessions) -> list[PlannedSlot]:
    """Return the slots after `since` up to and including `upto`, in order; pure arithmetic, nothing is looked up."""
    zone = ZoneInfo(schedule.spec.time_zone)
    first, last = (since - LONGEST_SHIFT).astimezone(zone).date(), (upto + LONGEST_SHIFT).astimezone(zone).date()
    slots = (slot_of(schedule, nominal, sessions) for nominal in _minutes(schedule, first, last, zone))
    found = {slot.at: slot for slot in slots if since < slot.at <= upto}
    return [found[at] for at in sorted(found)]


def next_slot(
    schedule: ScoutSchedule, after: datetime, sessions: Sessions, *, runs: bool = False
) -> PlannedSlot | None:
    """Return the first slot after a moment (`runs`: that the calendar does not skip), None within the next year."""
    since = after
    for days in range(1, LOOK_AHEAD_DAYS):
        upto = after + timedelta(days=days)
        for slot in slots_between(schedule, since, upto, sessions):
            if not (runs and slot.skip):
                return slot
        since = upto
    return None


def _minutes(schedule: ScoutSchedule, first: date, last: date, zone: ZoneInfo) -> Iterable[datetime]:
    crons = [parse_cron(line) for line in schedule.spec.schedules]
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        for time in sorted({time for cron in crons if cron.fires_on(day) for time in cron.times()}):
            # In an hour that the clocks skip this is the moment after it; of an hour that comes twice, the first.
            yield datetime.combine(day, time, zone).astimezone(UTC)


def slot_of(schedule: ScoutSchedule, nominal: datetime, sessions: Sessions) -> PlannedSlot:
    """Return the slot of a minute that a cron line names: moved, and skipped, as the calendar has it."""
    spec = schedule.spec
    if spec.calendar == "none":
        return PlannedSlot(slot_name_of(schedule, nominal), nominal, nominal)
    calendar, table = CALENDARS[spec.calendar], sessions(spec.calendar)
    day = calendar.day_of(nominal)
    try:
        at = nominal + calendar.shift(spec.anchor, day, table)
        closed = not table.is_session(day)
    except UnknownSession as unknown:
        return PlannedSlot(
            slot_name_of(schedule, nominal), nominal, nominal, str(unknown) if spec.sessions_only else ""
        )
    skip = f"{day} has no session on {spec.calendar}" if closed and spec.sessions_only else ""
    return PlannedSlot(slot_name_of(schedule, at), at, nominal, skip)
