"""Ages in sessions, and a person's own stocks."""

from datetime import date, datetime

import pytest

from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.sessions import KST, Session, SessionTable, UnknownSession
from prime_jennie.strategy.watchlist import age_sessions, manual_entry

# Mon 16 to Wed 18 Feb 2026 are the lunar new year's holidays.
DAYS = [date(2026, 2, day) for day in (9, 10, 11, 12, 13, 19, 20, 23)]
SESSIONS = SessionTable(
    Session(
        day=day,
        opens_at=datetime(day.year, day.month, day.day, 9, 0, tzinfo=KST),
        closes_at=datetime(day.year, day.month, day.day, 15, 30, tzinfo=KST),
    )
    for day in DAYS
)


@pytest.mark.parametrize(
    ("since", "age"),
    [
        (date(2026, 2, 19), 0),
        (date(2026, 2, 13), 1),
        (date(2026, 2, 14), 1),
        (date(2026, 2, 12), 2),
        (date(2026, 2, 9), 5),
        (date(2026, 2, 20), 0),
        (date(2020, 1, 1), 5),
    ],
)
def test_age_counts_sessions_not_days_since_the_first_entry(since: date, age: int) -> None:
    assert age_sessions(since, date(2026, 2, 19), SESSIONS) == age


def test_a_stock_without_a_first_entry_date_is_one_session_old() -> None:
    assert age_sessions(None, date(2026, 2, 19), SESSIONS) == 1


def test_a_day_beyond_the_table_is_unknown() -> None:
    with pytest.raises(UnknownSession):
        age_sessions(date(2026, 2, 19), date(2026, 3, 2), SESSIONS)


def test_age_does_not_move_with_the_hourly_scores() -> None:
    """✗ scored_at refreshes on every hourly run: only the first entry date counts, and a score's time is not asked."""
    entry = manual_entry("005930", "삼성전자", rank=1, since=date(2026, 2, 12))
    rescored = entry.model_copy(update={"scored_at": datetime(2026, 2, 19, 14, 30, tzinfo=KST)})
    ages = [age_sessions(one.since, date(2026, 2, 19), SESSIONS) for one in (entry, rescored)]
    assert ages == [2, 2]


def test_a_persons_own_stock_joins_in_the_middle() -> None:
    entry = manual_entry("0004Y0", "새회사", rank=50, since=date(2026, 2, 12), sector_group=SectorGroup.FINANCE)
    assert (entry.llm_score, entry.hybrid_score) == (50, 50)
    assert (entry.trade_tier, entry.risk_tag, entry.is_tradable) == ("TIER2", "NEUTRAL", True)
    assert (entry.rank, entry.since, entry.sector_group) == (50, date(2026, 2, 12), SectorGroup.FINANCE)
