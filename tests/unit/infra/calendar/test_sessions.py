"""Check the shipped session table against the calendar library and against what the library does not know."""

import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import exchange_calendars
import pytest

from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.sessions import KST, SessionPhase, UnknownSession
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.calendar.generate import main as generate
from prime_jennie.infra.calendar.sessions import OVERRIDES_FILE, read_sessions, sessions_file

EXAM_DAYS = [
    date(2021, 11, 18),
    date(2022, 11, 17),
    date(2023, 11, 16),
    date(2024, 11, 14),
    date(2025, 11, 13),
    date(2026, 11, 19),
]
SESSIONS_FILE = sessions_file("XKRX")
DAYS_OFF_THE_LIBRARY_TRADES = [date(2026, 6, 3), date(2026, 7, 17), date(2027, 5, 3), date(2027, 7, 19)]


@pytest.mark.parametrize("day", EXAM_DAYS)
def test_on_exam_days_the_exchange_opens_and_closes_an_hour_later(day: date) -> None:
    session = load_sessions().get(day)
    assert session is not None
    assert session.opens_at.astimezone(KST).strftime("%H:%M") == "10:00"
    assert session.closes_at.astimezone(KST).strftime("%H:%M") == "16:30"
    # 09:30 KST is 00:30 UTC: an ordinary table would call it open.
    assert load_sessions().phase_at(datetime.combine(day, datetime.min.time(), UTC).replace(minute=30)) in (
        SessionPhase.BEFORE,
        SessionPhase.OPENING_AUCTION,
    )


@pytest.mark.parametrize("day", DAYS_OFF_THE_LIBRARY_TRADES)
def test_days_off_that_the_library_misses_have_no_session(day: date) -> None:
    assert not load_sessions().is_session(day)


@pytest.mark.parametrize(
    ("day", "why"),
    [
        (date(2024, 12, 25), "Christmas"),
        (date(2024, 12, 31), "the year's last day"),
        (date(2025, 1, 27), "a holiday declared three weeks before"),
        (date(2025, 6, 3), "the presidential election"),
        (date(2025, 10, 8), "a substitute holiday"),
        (date(2026, 2, 17), "lunar new year"),
        (date(2025, 3, 8), "a Saturday"),
    ],
)
def test_holidays_have_no_session(day: date, why: str) -> None:
    assert not load_sessions().is_session(day), why


def test_the_years_first_session_opens_at_ten() -> None:
    for first in (date(2024, 1, 2), date(2025, 1, 2), date(2026, 1, 2), date(2027, 1, 4)):
        session = load_sessions().get(first)
        assert session is not None
        assert session.opens_at.astimezone(KST).strftime("%H:%M") == "10:00"
        assert session.closes_at.astimezone(KST).strftime("%H:%M") == "15:30"


def test_before_august_2016_the_session_was_half_an_hour_shorter() -> None:
    before, after = load_sessions().get(date(2016, 7, 29)), load_sessions().get(date(2016, 8, 1))
    assert before is not None
    assert after is not None
    assert before.closes_at.astimezone(KST).strftime("%H:%M") == "15:00"
    assert after.closes_at.astimezone(KST).strftime("%H:%M") == "15:30"


def test_the_table_is_the_library_but_for_the_overrides() -> None:
    calendar = exchange_calendars.get_calendar("XKRX", start="2015-01-01", end="2027-12-31")
    theirs = {
        at.date(): (opens.to_pydatetime(), closes.to_pydatetime())
        for at, opens, closes in calendar.schedule[["open", "close"]].itertuples()
    }
    table = load_sessions()
    ours = {s.day: (s.opens_at, s.closes_at) for s in table.sessions_between(table.first, table.last)}
    different = {day for day in theirs.keys() | ours.keys() if theirs.get(day) != ours.get(day)}
    assert different == {*EXAM_DAYS, *DAYS_OFF_THE_LIBRARY_TRADES}


@pytest.mark.parametrize("day", [date(2014, 12, 30), date(2028, 1, 3)])
def test_a_day_beyond_the_table_is_unknown_not_open(day: date) -> None:
    with pytest.raises(UnknownSession):
        load_sessions().is_session(day)


def test_settlement_skips_holidays() -> None:
    # Friday 2025-02-28; Saturday is 1 March (a holiday), Monday its substitute: T+1 = Tuesday, T+2 = Wednesday.
    assert load_sessions().settlement_day(date(2025, 2, 28)) == date(2025, 3, 5)


def test_the_check_passes_on_the_committed_file_and_fails_on_another(tmp_path: Path) -> None:
    assert generate(["--check"]) == 0
    other = tmp_path / "xkrx.csv"
    other.write_text(SESSIONS_FILE.read_text().replace("2025-03-10,09:00", "2025-03-10,10:00"))
    assert generate(["--check"], tmp_path) == 1
    assert "2025-03-10,10:00" in other.read_text()
    generate([], tmp_path)
    assert other.read_text() == SESSIONS_FILE.read_text()
    assert generate(["--check"], tmp_path) == 0


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        (date(2026, 2, 19), "14:30", "21:00"),
        (date(2026, 7, 1), "13:30", "20:00"),
        (date(2025, 11, 28), "14:30", "18:00"),
    ],
)
def test_new_york_keeps_its_summer_time_and_its_half_days(day: date, opens: str, closes: str) -> None:
    session = load_sessions("XNYS").get(day)
    assert session is not None
    assert (session.opens_at.strftime("%H:%M"), session.closes_at.strftime("%H:%M")) == (opens, closes)
    assert load_sessions("XNYS").is_session(date(2024, 11, 14)), "Seoul's exam day is an ordinary one there"
    assert not load_sessions("XNYS").is_session(date(2025, 1, 9)), "a day of mourning"


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ("date,open,close\n2025-03-10,9am,15:30\n", "xkrx.csv 2025-03-10: open: not readable: '9am'"),
        ("date,open,close\n2025-13-10,09:00,15:30\n", "xkrx.csv 2025-13-10: date: not readable: '2025-13-10'"),
        ("date,open\n2025-03-10,09:00\n", "close"),
        ("date,open,close\n2025-03-11,09:00,15:30\n2025-03-10,09:00,15:30\n", "the days must ascend"),
        ("date,open,close\n2025-03-10,09:00,15:30\n2025-03-10,09:00,15:30\n", "the days must ascend"),
    ],
)
def test_a_broken_table_names_file_day_and_column(tmp_path: Path, lines: str, complaint: str) -> None:
    file = tmp_path / "xkrx.csv"
    file.write_text(lines)
    with pytest.raises(BadInput) as error:
        read_sessions(file, OVERRIDES_FILE)
    assert complaint in str(error.value)


def test_loading_imports_neither_pandas_nor_the_library() -> None:
    code = (
        "import sys; from prime_jennie.infra.calendar import load_sessions; load_sessions();"
        "sys.exit(any(name in sys.modules for name in ('pandas', 'numpy', 'exchange_calendars')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
