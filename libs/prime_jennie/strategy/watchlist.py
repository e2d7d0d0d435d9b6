"""How long a stock has been on the watchlist, and how a person's own choice joins it (rulebook §4)."""

from datetime import date

from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.sessions import SessionTable
from prime_jennie.domain.tiers import RiskTag, TradeTier
from prime_jennie.domain.watchlist import WatchlistEntry

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
