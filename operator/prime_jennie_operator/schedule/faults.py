"""What is wrong with schedules that are fine one by one: lines no session meets, circles, names given twice."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from prime_jennie.domain.errors import BadInput
from prime_jennie_operator.resources import ScoutSchedule
from prime_jennie_operator.schedule.calendars import CALENDARS, Calendar, Sessions
from prime_jennie_operator.schedule.cron import Cron, parse_cron
from prime_jennie_operator.schedule.slots import slot_name_of

SOME_MINUTE: Final = datetime(2026, 1, 1, tzinfo=UTC)


def check_schedules(schedules: Sequence[ScoutSchedule], sessions: Sessions, services: Collection[str]) -> None:
    """Raise BadInput for the first fault, by the schedule's name and the field; `services` are those that run."""
    for schedule in schedules:
        task = schedule.spec.runs
        if task.service not in services:
            raise BadInput(_where(schedule), "spec.task", f"no service of this platform runs {task} yet")
        _demand_sessions(schedule, sessions)
    _refuse_circles(schedules)
    _refuse_names_given_twice(schedules)


def _demand_sessions(schedule: ScoutSchedule, sessions: Sessions) -> None:
    """Refuse a line such as `0 9 1 1 *`: the first of January is a holiday in every year of the table."""
    spec = schedule.spec
    if spec.calendar == "none" or not spec.sessions_only:
        return
    calendar, table = CALENDARS[spec.calendar], sessions(spec.calendar)
    zone = ZoneInfo(spec.time_zone)
    days = [session.day for session in table.sessions_between(table.first, table.last)]
    for number, line in enumerate(spec.schedules):
        if not any(_meets(parse_cron(line), zone, calendar, day) for day in days):
            years = f"{table.first.year} to {table.last.year}"
            reason = f"{line!r} never fires: no session of {spec.calendar} from {years} falls on it (sessionsOnly)"
            raise BadInput(_where(schedule), f"spec.schedules[{number}]", reason)


def _meets(cron: Cron, zone: ZoneInfo, calendar: Calendar, session_day: date) -> bool:
    """Tell whether a line has a minute on an exchange's day, which another zone's clocks may call yesterday."""
    near = (session_day + timedelta(days=offset) for offset in (0, 1, -1))
    return any(
        calendar.day_of(datetime.combine(day, time, zone)) == session_day
        for day in near
        if cron.fires_on(day)
        for time in cron.times()
    )


def _refuse_circles(schedules: Sequence[ScoutSchedule]) -> None:
    needs = {(s.metadata.namespace, s.name): s.spec.depends_on for s in schedules}
    for schedule in schedules:
        circle = _way_back(schedule, needs)
        if circle:
            raise BadInput(_where(schedule), "spec.dependsOn", f"a circle: {' waits for '.join(circle)}")


def _way_back(schedule: ScoutSchedule, needs: Mapping[tuple[str, str], Sequence[str]]) -> list[str]:
    """Return the shortest way on which a schedule waits for itself, [] where there is none."""
    ways = [[schedule.name]]
    seen: set[str] = set()
    for way in ways:
        for name in needs.get((schedule.metadata.namespace, way[-1]), ()):
            if name == schedule.name:
                return [*way, name]
            if name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return []


def _refuse_names_given_twice(schedules: Sequence[ScoutSchedule]) -> None:
    known: dict[tuple[str, str], str] = {}
    for schedule in schedules:
        # Any minute will do: what tells two schedules' slots apart is what stands before it.
        key = (schedule.metadata.namespace, slot_name_of(schedule, SOME_MINUTE))
        if key in known:
            reason = f"its slots would have the names of {known[key]}'s; call one of them otherwise"
            raise BadInput(_where(schedule), "metadata.name", reason)
        known[key] = schedule.name


def _where(schedule: ScoutSchedule) -> str:
    return f"ScoutSchedule {schedule.name}"
