"""The day follows the session table, whatever its hours, and never skips a state."""

from datetime import UTC, date, datetime, timedelta

import pytest

from prime_jennie.domain.lifecycle import MarketState
from prime_jennie.domain.sessions import Session
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.strategy.lifecycle import next_change_at, next_state, opening_at, wanted_state

DAY = date(2025, 3, 4)
SESSION = Session(
    day=DAY, opens_at=datetime(2025, 3, 4, 0, 0, tzinfo=UTC), closes_at=datetime(2025, 3, 4, 6, 30, tzinfo=UTC)
)
S = MarketState


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    """Return a moment of the day in Seoul."""
    return datetime(2025, 3, 4, hour, minute, second, tzinfo=UTC) - timedelta(hours=9)


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (at(8, 29, 59), S.OFFLINE),
        (at(8, 30), S.READY),
        (at(8, 59, 59), S.READY),
        (at(9), S.TRADING),
        (at(15, 29, 59), S.TRADING),
        (at(15, 30), S.CLOSED),
        (at(23), S.CLOSED),
    ],
)
def test_the_session_says_where_the_day_should_stand(now: datetime, state: MarketState) -> None:
    assert wanted_state(SESSION, now) is state


def test_on_a_day_without_a_session_nothing_opens() -> None:
    assert wanted_state(None, at(10)) is S.OFFLINE
    assert next_change_at(None, at(10)) is None


def test_the_exam_day_opens_an_hour_later() -> None:
    exam = load_sessions().get(date(2024, 11, 14))
    assert exam is not None
    half_past_nine = datetime(2024, 11, 14, 0, 30, tzinfo=UTC)
    assert opening_at(exam) == half_past_nine
    assert wanted_state(exam, half_past_nine - timedelta(seconds=1)) is S.OFFLINE
    assert wanted_state(exam, half_past_nine) is S.READY
    assert wanted_state(exam, datetime(2024, 11, 14, 7, 29, tzinfo=UTC)) is S.TRADING


def test_the_next_change_is_the_next_moment_of_the_session() -> None:
    moments = [at(8, 30), at(9), at(15, 20), at(15, 30)]
    for moment in moments:
        assert next_change_at(SESSION, moment - timedelta(seconds=1)) == moment
    assert next_change_at(SESSION, at(15, 30)) is None


@pytest.mark.parametrize(
    ("state", "wanted", "of_today", "step"),
    [
        (S.OFFLINE, S.OFFLINE, True, None),
        (S.OFFLINE, S.READY, True, S.INITIALIZING),
        (S.OFFLINE, S.TRADING, True, S.INITIALIZING),
        (S.OFFLINE, S.CLOSED, True, None),
        (S.INITIALIZING, S.TRADING, True, S.READY),
        (S.READY, S.READY, True, None),
        (S.READY, S.TRADING, True, S.TRADING),
        (S.READY, S.CLOSED, True, S.CLOSING),
        (S.TRADING, S.TRADING, True, None),
        (S.TRADING, S.CLOSED, True, S.CLOSING),
        (S.CLOSING, S.CLOSED, True, S.CLOSED),
        (S.CLOSED, S.CLOSED, True, None),
        (S.CLOSED, S.TRADING, True, None),
        (S.CLOSED, S.OFFLINE, False, None),
        (S.CLOSED, S.READY, False, S.INITIALIZING),
        (S.CLOSED, S.TRADING, False, S.INITIALIZING),
        (S.TRADING, S.OFFLINE, False, S.CLOSING),
        (S.TRADING, S.TRADING, False, S.CLOSING),
        (S.READY, S.READY, False, S.CLOSING),
        (S.READY, S.TRADING, False, S.CLOSING),
        (S.STOPPED, S.TRADING, True, None),
    ],
)
def test_each_step_is_the_next_on_the_way(
    state: MarketState, wanted: MarketState, of_today: bool, step: MarketState | None
) -> None:
    found = next_state(state, wanted, of_today=of_today)
    assert found is step
    assert found is None or state.can_become(found)


def test_a_house_started_after_the_close_closes_what_it_opened_before() -> None:
    assert next_state(S.OFFLINE, S.CLOSED, of_today=True, owes_closing=True) is S.INITIALIZING


def test_every_way_from_anywhere_ends() -> None:
    for state in MarketState:
        for wanted in (S.OFFLINE, S.READY, S.TRADING, S.CLOSED):
            for of_today in (True, False):
                now: MarketState | None = state
                for _ in range(len(MarketState) + 1):
                    now = next_state(now, wanted, of_today=of_today) if now is not None else None
                    if now is S.CLOSED:
                        now = None
                assert now is None, (state, wanted, of_today)
