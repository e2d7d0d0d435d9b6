"""Read the session table that ships with the project, with the corrections the calendar library lacks."""

import csv
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time
from functools import lru_cache
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.sessions import KST, Session, SessionTable
from prime_jennie.infra.calendar.closures import Stamp, read_closures, stamp_of

T = TypeVar("T")

HERE = Path(__file__).parent
XKRX = "XKRX"
EXCHANGES = {XKRX: KST, "XNYS": ZoneInfo("America/New_York")}
"""Exchanges that have a table, each with the zone of its clocks."""
OVERRIDES_FILE = HERE / "overrides.csv"
FIRST_DAY = date(2015, 1, 1)
LAST_DAY = date(2027, 12, 31)


def sessions_file(exchange: str, folder: Path = HERE) -> Path:
    """Name an exchange's table."""
    return folder / f"{exchange.lower()}.csv"


def load_sessions(exchange: str = XKRX, closures: Path | None = None) -> SessionTable:
    """Return every session of 2015–2027; a day beyond raises UnknownSession, which is closed for buys.

    `closures` is a file of this installation (see `read_closures`), read anew once it has changed; BadInput says what
    is wrong with it.
    """
    return _table(exchange, closures, None if closures is None else stamp_of(closures))


@lru_cache(maxsize=4 * len(EXCHANGES))
def _table(exchange: str, closures: Path | None, _stamp: Stamp | None) -> SessionTable:
    overrides = OVERRIDES_FILE if exchange == XKRX else None
    shipped = read_sessions(sessions_file(exchange), overrides, zone=EXCHANGES[exchange])
    if closures is None:
        return shipped
    own = read_closures(closures, EXCHANGES)[exchange]
    for day, session in own.items():
        if session is not None and not FIRST_DAY <= day <= LAST_DAY:  # closed, it is closed there anyway
            raise BadInput(closures.name, "date", f"{day} lies outside the session table {FIRST_DAY}…{LAST_DAY}")
    sessions = {session.day: session for session in shipped.sessions_between(FIRST_DAY, LAST_DAY)}
    return _laid_over(sessions, own.items())


def read_sessions(sessions_file: Path, overrides_file: Path | None, *, zone: ZoneInfo = KST) -> SessionTable:
    """Read a session table and lay its overrides over it; an override without times is a day off."""
    sessions = {day: session for day, session in _read(sessions_file, zone) if session is not None}
    return _laid_over(sessions, _read(overrides_file, zone) if overrides_file else ())


def _laid_over(sessions: dict[date, Session], overrides: Iterable[tuple[date, Session | None]]) -> SessionTable:
    for day, session in overrides:
        if session is None:
            sessions.pop(day, None)
        else:
            sessions[day] = session
    return SessionTable(sessions.values(), first=FIRST_DAY, last=LAST_DAY)


def _read(file: Path, zone: ZoneInfo) -> Iterator[tuple[date, Session | None]]:
    with file.open(newline="", encoding="utf-8") as lines:
        before: date | None = None
        for row in csv.DictReader(lines):
            day = _parsed(file, row, "date", date.fromisoformat)
            if before is not None and day <= before:
                raise BadInput(file.name, row["date"], "the days must ascend")
            before = day
            yield day, _session(file, day, row, zone)


def _session(file: Path, day: date, row: dict[str, str], zone: ZoneInfo) -> Session | None:
    if row.get("open") == row.get("close") == "":
        return None
    opens = _parsed(file, row, "open", time.fromisoformat)
    closes = _parsed(file, row, "close", time.fromisoformat)
    return Session(
        day=day,
        opens_at=datetime.combine(day, opens, zone),
        closes_at=datetime.combine(day, closes, zone),
    )


def _parsed(file: Path, row: dict[str, str], column: str, parse: Callable[[str], T]) -> T:
    try:
        return parse(row[column])
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{file.name} {row.get('date')}", column, f"not readable: {row.get(column)!r}") from error
