"""How long a stock has been on the watchlist, and how a person's own choice joins it (rulebook §4)."""

from collections.abc import Collection
from datetime import date, datetime, timedelta

from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.sessions import KST, SessionTable
from prime_jennie.domain.symbols import Exclusion
from prime_jennie.domain.tiers import RiskTag, TradeTier
from prime_jennie.domain.watchlist import HotWatchlist, WatchlistEntry
from prime_jennie.strategy.universe import kinds_of

VALID_FOR = timedelta(hours=24)
"""How long a list stands without a newer one."""
AGE_WITHOUT_SINCE_SESSIONS = 1
MANUAL_SCORE = 50.0


def age_sessions(since: date | None, day: date, sessions: SessionTable) -> int:
    """Count the sessions since a stock's first entry; one that names no date counts as one session old.

    The scores' own time stamp says nothing about age: every hourly run renews it. A date before the table's first day
    counts from there.
    """
    if since is None:
        return AGE_WITHOUT_SINCE_SESSIONS
    return sessions.age(max(since, sessions.first), day)


def is_valid(hot: HotWatchlist, at: datetime) -> bool:
    """Tell whether the scout's list still stands at a moment, by the clock of the day."""
    return at - hot.generated_at < VALID_FOR


def found_entries(
    hot: HotWatchlist, *, exclude: Collection[Exclusion], without: Collection[str], room: int
) -> list[WatchlistEntry]:
    """Return the scout's stocks that a strategy wants, best first: none of an excluded kind, none listed already.

    Kinds that code and name do not tell (managed, warning, overheated) are left to the scout.
    """
    wanted = [
        entry
        for entry in hot.stocks
        if entry.stock_code not in without and not set(kinds_of(entry.stock_code, entry.stock_name)) & set(exclude)
    ]
    return sorted(wanted, key=lambda entry: entry.rank)[: max(0, room)]


def stale_sessions(entry: WatchlistEntry | None, since: date | None, day: date, sessions: SessionTable) -> int:
    """Return how many sessions old a stock's scores are (rulebook §5.1).

    The scout dates its scores; what a person listed is as old as the listing, one session where nobody dated it.
    """
    if entry is not None and entry.scored_at is not None:
        return age_sessions(entry.scored_at.astimezone(KST).date(), day, sessions)
    return age_sessions(since, day, sessions)


def manual_entry(
    stock_code: str,
    stock_name: str,
    *,
    rank: int,
    since: date | None = None,
    sector_group: SectorGroup | None = None,
) -> WatchlistEntry:
    """Build the entry of a stock that a person listed: scores 50 and 50, TIER2, NEUTRAL."""
    return WatchlistEntry(
        stock_code=stock_code,
        stock_name=stock_name,
        llm_score=MANUAL_SCORE,
        hybrid_score=MANUAL_SCORE,
        rank=rank,
        is_tradable=True,
        trade_tier=TradeTier.TIER2,
        risk_tag=RiskTag.NEUTRAL,
        sector_group=sector_group,
        since=since,
    )
