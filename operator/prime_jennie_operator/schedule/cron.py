"""Cron lines as Kubernetes reads them: minute, hour, day of the month, month, day of the week (0 is Sunday)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, time

RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
PART = re.compile(r"(?:\*|([0-9]{1,2})(?:-([0-9]{1,2}))?)(?:/([1-9][0-9]{0,2}))?")
# One field's numbers, for the API server; that a range must not run backwards is more than a pattern can say.
NUMBERS = ("[0-5]?[0-9]", "([01]?[0-9]|2[0-3])", "(0?[1-9]|[12][0-9]|3[01])", "(0?[1-9]|1[0-2])", "0?[0-6]")
LONGEST_MONTH = dict.fromkeys(range(1, 13), 31) | {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
WEEKDAYS = frozenset(range(1, 6))


@dataclass(frozen=True, slots=True)
class Cron:
    """One line, each field as the numbers that it names; `any_*` says that its field was a plain star."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    def fires_on(self, day: date) -> bool:
        """Tell whether the line names a day; where both day and weekday are named, either is enough."""
        if day.month not in self.months:
            return False
        by_day, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return by_day and by_weekday if self.any_day or self.any_weekday else by_day or by_weekday

    def times(self) -> list[time]:
        """Return the minutes of a day that the line names, in order."""
        return [time(hour, minute) for hour in sorted(self.hours) for minute in sorted(self.minutes)]

    def why_never(self, *, sessions_only: bool) -> str | None:
        """Say why no day of any year fits, None where one does; exchanges have no sessions on weekends."""
        has_date = any(day <= LONGEST_MONTH[month] for month in self.months for day in self.days)
        has_weekday = not sessions_only or bool(self.weekdays & WEEKDAYS)
        if not self.any_day and not self.any_weekday and (has_date or has_weekday):
            return None
        if not has_date:
            return "never fires: none of its months has such a day"
        if not has_weekday:
            return "never fires: Saturdays and Sundays have no session (sessionsOnly)"
        return None


def cron_pattern() -> str:
    """Write what `parse_cron` takes as a pattern (RE2)."""
    parts = (f"([*]|{number}(-{number})?)(/[1-9][0-9]{{0,2}})?" for number in NUMBERS)
    return f"^{' +'.join(f'{part}(,{part})*' for part in parts)}$"


def parse_cron(line: str) -> Cron:
    """Read five fields of numbers, ranges, lists and steps; raise ValueError for what Kubernetes would refuse."""
    fields = line.split()
    if len(fields) != len(RANGES):
        raise ValueError(f"a cron line has five fields (minute hour day month weekday), this one has {len(fields)}")
    minutes, hours, days, months, weekdays = (
        frozenset(number for part in text.split(",") for number in _numbers(part, low, high))
        for text, (low, high) in zip(fields, RANGES, strict=True)
    )
    return Cron(minutes, hours, days, months, weekdays, any_day=_is_star(fields[2]), any_weekday=_is_star(fields[4]))


def _numbers(part: str, low: int, high: int) -> range:
    match = PART.fullmatch(part)
    named = [int(n) for n in match.groups()[:2] if n is not None] if match else []
    if match is None or any(not low <= n <= high for n in named) or sorted(named) != named:
        hint = " (0 is Sunday)" if high == RANGES[-1][1] else ""
        raise ValueError(f"{part!r} is not within {low}-{high}{hint}")
    step = int(match[3] or 1)
    if not named:
        return range(low, high + 1, step)
    # Kubernetes reads 5/15 as 5-59/15, and a lone number as itself.
    last = named[-1] if len(named) == 2 or match[3] is None else high
    return range(named[0], last + 1, step)


def _is_star(text: str) -> bool:
    """Tell whether a field leaves the choice of days to the other one; */2 does not, in Kubernetes."""
    return any(part in ("*", "*/1") for part in text.split(","))
