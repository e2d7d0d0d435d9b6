"""Delete what nobody needs any more, some at a time."""

from datetime import date, datetime, time, timedelta
from typing import Final

from prime_jennie.domain.sessions import KST
from prime_jennie.infra.database.repositories.collected_prices import CollectedPrices
from prime_jennie.infra.database.repositories.gaps import GapRepository
from prime_jennie.infra.database.repositories.workers import WorkerRepository

GAP_DAYS: Final = 365
# A day adds one session and some ten thousand minutes: so much a run catches up with weeks of standstill in a few days.
_MOST_SESSIONS: Final = 20
_ROWS_AT_ONCE: Final = 10_000
_MOST_ROUNDS: Final = 10


async def clean_up(
    prices: CollectedPrices,
    gaps: GapRepository,
    workers: WorkerRepository,
    today: date,
    *,
    minute_bars_days: int,
    daily_bars_years: int,
) -> str:
    """Delete bars and gaps that are too old and workers long silent, and return the clause for the outcome."""
    daily = await prices.drop_daily_before(years_before(today, daily_bars_years), most_days=_MOST_SESSIONS)
    oldest_minute = datetime.combine(today - timedelta(days=minute_bars_days), time.min, KST)
    minutes = 0
    for _ in range(_MOST_ROUNDS):
        dropped = await prices.drop_minute_before(oldest_minute, most=_ROWS_AT_ONCE)
        minutes += dropped
        if dropped < _ROWS_AT_ONCE:
            break
    old_gaps = await gaps.drop_before(today - timedelta(days=GAP_DAYS), most=_ROWS_AT_ONCE)
    silent = await workers.forget_old()
    return f"dropped {daily:,} daily and {minutes:,} minute bars, {old_gaps:,} gaps, {silent:,} silent workers"


def years_before(day: date, years: int) -> date:
    """Return the same day so many years before; 29 February becomes the 28th."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)
