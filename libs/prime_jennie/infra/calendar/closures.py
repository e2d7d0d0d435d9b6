"""Read the days on which one installation's exchanges stay closed or keep other hours, beyond what ships with us."""

import csv
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.sessions import Session

COLUMNS: Final = ("exchange", "date", "open", "close", "reason")
Stamp = tuple[int, int, int]
"""What tells one state of a file from the next: a mounted ConfigMap is replaced, never written into."""


def stamp_of(file: Path) -> Stamp:
    """Tell a file's state; raise BadInput where there is none: closures that nobody can read are not no closures."""
    try:
        found = file.stat()
    except OSError as error:
        raise BadInput(file.name, "", f"cannot be read: {error.strerror}") from None
    return found.st_ino, found.st_mtime_ns, found.st_size


def read_closures(file: Path, zones: Mapping[str, ZoneInfo]) -> dict[str, dict[date, Session | None]]:
    """Return each exchange's days, None where it stays closed; hours are on the exchange's own clocks."""
    found: dict[str, dict[date, Session | None]] = {exchange: {} for exchange in zones}
    for where, row in _rows(file):
        exchange = row["exchange"]
        if exchange not in found:
            raise BadInput(where, "exchange", f"{exchange!r} is none of {', '.join(found)}")
        day = _day(where, row["date"])
        if day in found[exchange]:
            raise BadInput(where, "date", f"{day} stands there twice for {exchange}")
        found[exchange][day] = _session(where, day, row["open"], row["close"], zones[exchange])
    return found


def _rows(file: Path) -> Iterator[tuple[str, dict[str, str]]]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(file.name, "", f"cannot be read: {type(error).__name__}") from None
    lines = list(csv.reader(text.splitlines()))
    if not lines or tuple(lines[0]) != COLUMNS:
        raise BadInput(file.name, "line 1", f"must be {','.join(COLUMNS)}")
    for number, values in enumerate(lines[1:], start=2):
        if values:
            if len(values) != len(COLUMNS):
                raise BadInput(file.name, f"line {number}", f"must have {len(COLUMNS)} columns, not {len(values)}")
            yield f"{file.name} line {number}", dict(zip(COLUMNS, map(str.strip, values), strict=True))


def _day(where: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(where, "date", f"must be a day such as 2026-10-05, not {text!r}") from None


def _session(where: str, day: date, opens: str, closes: str, zone: ZoneInfo) -> Session | None:
    if not opens and not closes:
        return None
    try:
        begins, ends = (datetime.combine(day, time.fromisoformat(clock), zone) for clock in (opens, closes))
        return Session(day=day, opens_at=begins, closes_at=ends)
    except ValueError:
        hours = f"{opens!r} to {closes!r}"
        raise BadInput(where, "open", f"must be two clock times in order, or none for a closure; not {hours}") from None
