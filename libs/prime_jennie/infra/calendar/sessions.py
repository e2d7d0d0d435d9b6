"""Read the session table that ships with the project, with the corrections the calendar library lacks."""

import csv
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from functools import cache
from pathlib import Path
from typing import TypeVar

from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.sessions import KST, Session, SessionTable

T = TypeVar("T")

HERE = Path(__file__).parent
SESSIONS_FILE = HERE / "xkrx.csv"
OVERRIDES_FILE = HERE / "overrides.csv"
FIRST_DAY = date(2015, 1, 1)
LAST_DAY = date(2027, 12, 31)


@cache
def load_sessions() -> SessionTable:
    """Return every KRX session of 2015–2027; a day beyond raises UnknownSession, which is closed for buys."""
    return read_sessions(SESSIONS_FILE, OVERRIDES_FILE)


def read_sessions(sessions_file: Path, overrides_file: Path) -> SessionTable:
    """Read a session table and lay its overrides over it; an override without times is a day off."""
    sessions = {day: session for day, session in _read(sessions_file) if session is not None}
    for day, session in _read(overrides_file):
        if session is None:
            sessions.pop(day, None)
        else:
            sessions[day] = session
    return SessionTable(sessions.values(), first=FIRST_DAY, last=LAST_DAY)


def _read(file: Path) -> Iterator[tuple[date, Session | None]]:
    with file.open(newline="", encoding="utf-8") as lines:
        before: date | None = None
        for row in csv.DictReader(lines):
            day = _parsed(file, row, "date", date.fromisoformat)
            if before is not None and day <= before:
                raise BadInput(file.name, row["date"], "the days must ascend")
            before = day
            yield day, _session(file, day, row)


def _session(file: Path, day: date, row: dict[str, str]) -> Session | None:
    if row.get("open") == row.get("close") == "":
        return None
    opens = _parsed(file, row, "open", time.fromisoformat)
    closes = _parsed(file, row, "close", time.fromisoformat)
    return Session(
        day=day,
        opens_at=datetime.combine(day, opens, KST),
        closes_at=datetime.combine(day, closes, KST),
    )


def _parsed(file: Path, row: dict[str, str], column: str, parse: Callable[[str], T]) -> T:
    try:
        return parse(row[column])
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{file.name} {row.get('date')}", column, f"not readable: {row.get(column)!r}") from error
