"""The hours of a strategy's entries, at each of their borders, and that all who ask get the same answer."""

from datetime import date, datetime, timedelta

import pytest

from prime_jennie.domain.sessions import KST, Session
from prime_jennie.domain.trading_strategy import SessionSpec
from prime_jennie.strategy.entry_window import Outside, entry_hours, window_refusal


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2025-03-04T{clock}").replace(tzinfo=KST)


SESSION = Session(day=date(2025, 3, 4), opens_at=at("09:00"), closes_at=at("15:30"))
EXAM_DAY = Session(day=date(2025, 3, 4), opens_at=at("10:00"), closes_at=at("16:30"))


@pytest.mark.parametrize(
    ("clock", "outside"),
    [
        ("00:00", Outside.BEFORE_OPEN),
        ("08:59:59", Outside.BEFORE_OPEN),
        ("09:00", Outside.TOO_EARLY),
        ("09:14:59.999999", Outside.TOO_EARLY),
        ("09:15", None),
        ("14:59:59.999999", None),
        ("15:00", Outside.TOO_LATE),
        ("15:29:59", Outside.TOO_LATE),
        ("15:30", Outside.AFTER_CLOSE),
    ],
)
def test_entries_run_from_fifteen_minutes_after_the_open_to_thirty_before_the_close(
    clock: str, outside: Outside | None
) -> None:
    refusal = window_refusal(SESSION, SessionSpec(), at(clock))
    assert (refusal.outside if refusal else None) is outside
    assert refusal is None or refusal.reason


@pytest.mark.parametrize(
    ("clock", "enters"), [("10:14:59", False), ("10:15", True), ("15:59:59", True), ("16:00", False)]
)
def test_both_ends_follow_the_session(clock: str, enters: bool) -> None:
    assert (window_refusal(EXAM_DAY, SessionSpec(), at(clock)) is None) is enters


@pytest.mark.parametrize(("minutes", "ends"), [(60, "14:30"), (20, "15:10"), (10, "15:20"), (9, "15:20"), (0, "15:20")])
def test_entries_end_with_the_continuous_trading_at_the_latest(minutes: int, ends: str) -> None:
    window = SessionSpec(entries_to_close_minutes=minutes)
    assert entry_hours(SESSION, window) == (at("09:15"), at(ends))
    assert window_refusal(SESSION, window, at(ends) - timedelta(microseconds=1)) is None
    refusal = window_refusal(SESSION, window, at(ends))
    assert refusal is not None
    assert refusal.outside is Outside.TOO_LATE


def test_the_figures_are_in_the_reason() -> None:
    early = window_refusal(SESSION, SessionSpec(), at("09:04:30"))
    late = window_refusal(SESSION, SessionSpec(entries_to_close_minutes=0), at("15:25"))
    assert early is not None
    assert early.reason == "4.5 min after the open, entries start after 15 min"
    assert late is not None
    assert late.reason == "5.0 min before the close, entries end at 10 min"


def test_without_a_session_of_today_nothing_is_entered() -> None:
    unknown = window_refusal(None, SessionSpec(), at("10:00"))
    tomorrow = at("10:00") + timedelta(days=1)
    yesterdays = window_refusal(SESSION, SessionSpec(), tomorrow)
    assert unknown is not None
    assert yesterdays is not None
    assert unknown.outside is yesterdays.outside is Outside.NO_SESSION
    assert yesterdays.reason == "the known session is of 2025-03-04, not today's"


def test_only_the_strategys_own_hours_leave_the_exchange_open() -> None:
    assert {one for one in Outside if not one.is_exchange_closed} == {Outside.TOO_EARLY, Outside.TOO_LATE}
