"""Which days of a price history are missing."""

from datetime import date

from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.price_history import missing_sessions
from tests.support.executors import DAY, SAMSUNG, daily_bars

SESSIONS = load_sessions()


def test_a_complete_history_misses_nothing() -> None:
    assert missing_sessions(daily_bars(SAMSUNG, 72_100), SESSIONS, DAY) == []


def test_a_gap_and_a_late_end_are_both_named() -> None:
    bars = [
        bar
        for bar in daily_bars(SAMSUNG, 72_100)
        if bar.price_date not in (date(2025, 2, 20), date(2025, 3, 7))  # the 7th is the session before the day
    ]
    assert missing_sessions(bars, SESSIONS, DAY) == [date(2025, 2, 20), date(2025, 3, 7)]


def test_an_empty_history_names_no_day() -> None:
    assert missing_sessions([], SESSIONS, DAY) == []
