"""Sessions: phases, neighbours, and what lies outside the table."""

from datetime import UTC, date, datetime, time

import pytest
from pydantic import ValidationError

from prime_jennie.domain.sessions import (
    KST,
    Session,
    SessionPhase,
    SessionTable,
    UnknownSession,
    holding_days,
    kst_midnight,
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=KST)


def session(day: str, opens: str = "09:00", closes: str = "15:30") -> Session:
    on = date.fromisoformat(day)
    return Session(
        day=on,
        opens_at=datetime.combine(on, time.fromisoformat(opens), KST),
        closes_at=datetime.combine(on, time.fromisoformat(closes), KST),
    )


# Thursday, Friday, Monday, Tuesday; the weekend of 15 and 16 March 2025 between them.
TABLE = SessionTable([session(day) for day in ("2025-03-13", "2025-03-14", "2025-03-17", "2025-03-18")])


@pytest.mark.parametrize(
    ("clock", "phase"),
    [
        ("08:29:59", SessionPhase.BEFORE),
        ("08:30:00", SessionPhase.OPENING_AUCTION),
        ("08:59:59", SessionPhase.OPENING_AUCTION),
        ("09:00:00", SessionPhase.REGULAR),
        ("15:19:59", SessionPhase.REGULAR),
        ("15:20:00", SessionPhase.CLOSING_AUCTION),
        ("15:29:59", SessionPhase.CLOSING_AUCTION),
        ("15:30:00", SessionPhase.CLOSED),
    ],
)
def test_each_phase_begins_at_its_first_instant(clock: str, phase: SessionPhase) -> None:
    assert TABLE.phase_at(at(f"2025-03-13T{clock}")) is phase


def test_nine_to_half_past_is_regular() -> None:
    """Ancestor's defect: 09:00–09:30 was called pre_opening."""
    assert TABLE.phase_at(at("2025-03-13T09:10:00")) is SessionPhase.REGULAR


def test_only_regular_and_closing_auction_count_as_open() -> None:
    assert [phase for phase in SessionPhase if phase.is_open] == [SessionPhase.REGULAR, SessionPhase.CLOSING_AUCTION]


def test_the_exam_day_shifts_every_phase_by_an_hour() -> None:
    exam = session("2025-11-13", "10:00", "16:30")
    assert exam.phase_at(at("2025-11-13T09:30:00")) is SessionPhase.OPENING_AUCTION
    assert exam.phase_at(at("2025-11-13T16:15:00")) is SessionPhase.REGULAR
    assert exam.phase_at(at("2025-11-13T16:20:00")) is SessionPhase.CLOSING_AUCTION


def test_a_weekend_is_closed_throughout() -> None:
    assert TABLE.phase_at(at("2025-03-15T10:00:00")) is SessionPhase.CLOSED
    assert not TABLE.is_session(date(2025, 3, 15))


def test_the_day_is_seouls_whatever_the_zone_of_the_question() -> None:
    # 00:10 UTC on the 13th is 09:10 in Seoul.
    assert TABLE.phase_at(datetime.fromisoformat("2025-03-13T00:10:00+00:00")) is SessionPhase.REGULAR


@pytest.mark.parametrize("day", [date(2025, 3, 12), date(2025, 3, 19)])
def test_a_day_outside_the_table_is_unknown_not_closed(day: date) -> None:
    with pytest.raises(UnknownSession, match=r"2025-03-13…2025-03-18"):
        TABLE.is_session(day)


def test_a_table_may_speak_for_days_around_its_sessions() -> None:
    table = SessionTable([session("2025-03-13")], first=date(2025, 3, 1), last=date(2025, 3, 31))
    assert not table.is_session(date(2025, 3, 20))


def test_the_session_of_a_moment_is_none_where_buys_must_stop() -> None:
    of_thursday = TABLE.of(at("2025-03-13T23:59:00"))
    assert of_thursday is not None
    assert of_thursday.day == date(2025, 3, 13)
    assert TABLE.of(at("2025-03-15T10:00:00")) is None
    assert TABLE.of(at("2025-03-19T10:00:00")) is None  # beyond the table


def test_neighbours_skip_the_weekend() -> None:
    assert TABLE.next(date(2025, 3, 14)).day == date(2025, 3, 17)
    assert TABLE.next(date(2025, 3, 15)).day == date(2025, 3, 17)
    assert TABLE.previous(date(2025, 3, 17)).day == date(2025, 3, 14)
    assert TABLE.previous(date(2025, 3, 16), 2).day == date(2025, 3, 13)


def test_a_neighbour_beyond_the_table_is_unknown() -> None:
    with pytest.raises(UnknownSession):
        TABLE.next(date(2025, 3, 18))
    with pytest.raises(UnknownSession):
        TABLE.previous(date(2025, 3, 13))


@pytest.mark.parametrize(
    ("day", "before"),
    [("2025-03-17", date(2025, 3, 14)), ("2025-03-13", None), ("2025-03-12", None), ("2025-03-19", None)],
)
def test_the_day_before_is_none_where_the_table_does_not_reach_it(day: str, before: date | None) -> None:
    assert TABLE.day_before(date.fromisoformat(day)) == before


def test_a_trade_settles_two_sessions_later() -> None:
    assert TABLE.settlement_day(date(2025, 3, 13)) == date(2025, 3, 17)
    assert TABLE.settlement_day(date(2025, 3, 14)) == date(2025, 3, 18)
    with pytest.raises(UnknownSession):
        TABLE.settlement_day(date(2025, 3, 17))


def test_sessions_between_includes_both_ends() -> None:
    days = [one.day.day for one in TABLE.sessions_between(date(2025, 3, 14), date(2025, 3, 17))]
    assert days == [14, 17]


@pytest.mark.parametrize(("since", "age"), [(14, 1), (13, 2), (15, 1), (17, 0), (18, 0)])
def test_age_counts_sessions_not_days(since: int, age: int) -> None:
    assert TABLE.age(date(2025, 3, since), date(2025, 3, 17)) == age


def test_minutes_count_from_the_open_and_to_the_close() -> None:
    one = session("2025-03-13")
    assert one.minutes_from_open(at("2025-03-13T09:15:00")) == 15
    assert one.minutes_from_open(at("2025-03-13T08:50:00")) == -10
    assert one.minutes_to_close(at("2025-03-13T15:00:00")) == 30


def test_a_session_must_open_before_it_closes_and_on_its_own_day() -> None:
    with pytest.raises(ValidationError, match="before it closes"):
        session("2025-03-13", "15:30", "09:00")
    with pytest.raises(ValidationError, match="another day"):
        Session(day=date(2025, 3, 14), opens_at=at("2025-03-13T09:00:00"), closes_at=at("2025-03-13T15:30:00"))


def test_a_table_refuses_nothing_twice_and_too_narrow() -> None:
    one = session("2025-03-13")
    with pytest.raises(ValueError, match="at least one"):
        SessionTable([])
    with pytest.raises(ValueError, match="once"):
        SessionTable([one, one])
    with pytest.raises(ValueError, match="cover"):
        SessionTable([one], first=date(2025, 3, 14))


@pytest.mark.parametrize(
    "moment", ["2025-03-12T15:00:00+00:00", "2025-03-13T00:30:00+00:00", "2025-03-13T23:59:59+09:00"]
)
def test_a_day_in_seoul_begins_at_three_in_the_afternoon_utc(moment: str) -> None:
    assert kst_midnight(datetime.fromisoformat(moment)) == datetime.fromisoformat("2025-03-12T15:00:00+00:00")


def test_holding_days_are_dates_in_seoul() -> None:
    # 23:30 UTC on the 3rd is 08:30 on the 4th in Seoul
    bought = datetime(2025, 3, 3, 23, 30, tzinfo=UTC)
    assert holding_days(bought, datetime(2025, 3, 4, 6, 0, tzinfo=UTC)) == 0
    assert holding_days(bought, datetime(2025, 3, 4, 15, 0, tzinfo=UTC)) == 1
    assert holding_days(bought, datetime(2025, 4, 3, 1, 0, tzinfo=UTC)) == 30
    assert holding_days(bought, datetime(2025, 3, 1, tzinfo=UTC)) == 0
