"""What is wrong with schedules that are fine one by one: lines no session meets, circles, names given twice."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from prime_jennie.domain.errors import BadInput
from prime_jennie_operator.resources import ScoutSchedule
from prime_jennie_operator.schedule.calendars import CALENDARS, Calendar, Sessions
from prime_jennie_operator.schedule.cron import Cron, parse_cron
from prime_jennie_operator.schedule.slots import slot_name_of

SOME_MINUTE: Final = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Fault:
    """What keeps a schedule from being fired until somebody changes it, or another one."""

    reason: str
    """One word for programs."""
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


def check_schedules(schedules: Sequence[ScoutSchedule], sessions: Sessions, services: Collection[str]) -> None:
    """Raise BadInput for the first fault, by the schedule's name and the field; `services` are those that run."""
    for schedule, fault in _faults(schedules, sessions, services):
        raise BadInput(f"ScoutSchedule {schedule.name}", fault.field, fault.message)


def faults_of(
    schedules: Sequence[ScoutSchedule], sessions: Sessions, services: Collection[str]
) -> dict[tuple[str, str], Fault]:
    """Return the first fault of each schedule that has one, by namespace and name; of two with one name the later's."""
    found: dict[tuple[str, str], Fault] = {}
    for schedule, fault in _faults(schedules, sessions, services):
        found.setdefault((schedule.metadata.namespace, schedule.name), fault)
    return found


def _faults(
    schedules: Sequence[ScoutSchedule], sessions: Sessions, services: Collection[str]
) -> Iterator[tuple[ScoutSchedule, Fault]]:
    days = _SessionDays(sessions)
    for schedule in schedules:
        task = schedule.spec.runs
        if task.service not in services:
            yield schedule, Fault("NoService", "spec.task", f"no service of this platform runs {task} yet")
        yield from ((schedule, fault) for fault in _without_sessions(schedule, days))
    yield from _circles(schedules)
    yield from _names_given_twice(schedules)


class _SessionDays:
    """The days of an exchange's sessions, listed once for all schedules."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._days: dict[str, tuple[list[date], str]] = {}

    def of(self, calendar: str) -> tuple[list[date], str]:
        """Return the days, and the years that they are of in words."""
        if calendar not in self._days:
            table = self._sessions(calendar)
            days = [session.day for session in table.sessions_between(table.first, table.last)]
            self._days[calendar] = days, f"{table.first.year} to {table.last.year}"
        return self._days[calendar]


def _without_sessions(schedule: ScoutSchedule, sessions: _SessionDays) -> Iterator[Fault]:
    """Find a line such as `0 9 1 1 *`: the first of January is a holiday in every year of the table."""
    spec = schedule.spec
    if spec.calendar == "none" or not spec.sessions_only:
        return
    calendar, zone = CALENDARS[spec.calendar], ZoneInfo(spec.time_zone)
    days, years = sessions.of(spec.calendar)
    for number, line in enumerate(spec.schedules):
        if not any(_meets(parse_cron(line), zone, calendar, day) for day in days):
            reason = f"{line!r} never fires: no session of {spec.calendar} from {years} falls on it (sessionsOnly)"
            yield Fault("NeverFires", f"spec.schedules[{number}]", reason)


def _meets(cron: Cron, zone: ZoneInfo, calendar: Calendar, session_day: date) -> bool:
    """Tell whether a line has a minute on an exchange's day, which another zone's clocks may call yesterday."""
    near = (session_day + timedelta(days=offset) for offset in (0, 1, -1))
    return any(
        calendar.day_of(datetime.combine(day, time, zone)) == session_day
        for day in near
        if cron.fires_on(day)
        for time in cron.times()
    )


def _circles(schedules: Sequence[ScoutSchedule]) -> Iterator[tuple[ScoutSchedule, Fault]]:
    needs = {(s.metadata.namespace, s.name): s.spec.depends_on for s in schedules}
    for schedule in schedules:
        circle = _way_back(schedule, needs)
        if circle:
            yield schedule, Fault("CircularDependency", "spec.dependsOn", f"a circle: {' waits for '.join(circle)}")


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


def _names_given_twice(schedules: Sequence[ScoutSchedule]) -> Iterator[tuple[ScoutSchedule, Fault]]:
    known: dict[tuple[str, str], str] = {}
    for schedule in schedules:
        # Any minute will do: what tells two schedules' slots apart is what stands before it.
        key = (schedule.metadata.namespace, slot_name_of(schedule, SOME_MINUTE))
        if key in known:
            reason = f"its slots would have the names of {known[key]}'s; call one of them otherwise"
            yield schedule, Fault("NameTaken", "metadata.name", reason)
        known.setdefault(key, schedule.name)
