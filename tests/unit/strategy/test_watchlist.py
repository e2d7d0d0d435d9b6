"""Ages in sessions, and a person's own stocks."""

from datetime import date, datetime, timedelta

import pytest

from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.sessions import KST, Session, SessionTable, UnknownSession
from prime_jennie.domain.symbols import Exclusion
from prime_jennie.domain.watchlist import HotWatchlist, WatchlistEntry
from prime_jennie.strategy.watchlist import age_sessions, found_entries, is_valid, manual_entry, stale_sessions
from tests.support.scanning import entry

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
    first = manual_entry("005930", "삼성전자", rank=1, since=date(2026, 2, 12))
    rescored = first.model_copy(update={"scored_at": datetime(2026, 2, 19, 14, 30, tzinfo=KST)})
    ages = [age_sessions(one.since, date(2026, 2, 19), SESSIONS) for one in (first, rescored)]
    assert ages == [2, 2]


def test_a_persons_own_stock_joins_in_the_middle() -> None:
    own = manual_entry("0004Y0", "새회사", rank=50, since=date(2026, 2, 12), sector_group=SectorGroup.FINANCE)
    assert (own.llm_score, own.hybrid_score) == (50, 50)
    assert (own.trade_tier, own.risk_tag, own.is_tradable) == ("TIER2", "NEUTRAL", True)
    assert (own.rank, own.since, own.sector_group) == (50, date(2026, 2, 12), SectorGroup.FINANCE)


def listed(*entries: WatchlistEntry, at: datetime = datetime(2026, 2, 19, 8, 30, tzinfo=KST)) -> HotWatchlist:
    return HotWatchlist(
        generated_at=at, market_regime=MarketRegime.BULL, stocks=entries, version=HotWatchlist.version_of(at)
    )


@pytest.mark.parametrize(("hours", "valid"), [(0, True), (23.99, True), (24, False)])
def test_a_list_stands_for_a_day(hours: float, valid: bool) -> None:
    hot = listed()
    assert is_valid(hot, hot.generated_at + timedelta(hours=hours)) is valid


def test_the_scouts_stocks_come_best_first_without_excluded_kinds_and_what_is_listed_already() -> None:
    hot = listed(
        entry(stock_code="000660", rank=3),
        entry(stock_code="005935", stock_name="삼성전자우", rank=1),
        entry(stock_code="035420", rank=4),
        entry(stock_code="455910", stock_name="한국제12호스팩", rank=2),
        entry(stock_code="005930", rank=5),
    )
    kinds = (Exclusion.PREFERRED, Exclusion.SPAC, Exclusion.MANAGED)
    found = found_entries(hot, exclude=kinds, without={"035420"}, room=9)
    assert [one.stock_code for one in found] == ["000660", "005930"]
    assert [one.rank for one in found_entries(hot, exclude=(), without=(), room=3)] == [1, 2, 3]
    assert found_entries(hot, exclude=(), without=(), room=-1) == []


@pytest.mark.parametrize(
    ("scored_on", "since", "stale"),
    [
        (date(2026, 2, 19), date(2026, 2, 9), 0),  # the scout's own date counts
        (date(2026, 2, 12), None, 2),
        (None, date(2026, 2, 12), 2),
        (None, None, 1),
    ],
)
def test_scores_are_as_old_as_the_scout_says_and_else_as_the_listing(
    scored_on: date | None, since: date | None, stale: int
) -> None:
    scored_at = None if scored_on is None else datetime(scored_on.year, scored_on.month, scored_on.day, 8, tzinfo=KST)
    found = entry(scored_at=scored_at)
    assert stale_sessions(found, since, date(2026, 2, 19), SESSIONS) == stale
