"""What a strategy and a gate may look at: one stock at the moment one of its bars completed."""

from dataclasses import dataclass
from datetime import datetime

from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.sessions import Session
from prime_jennie.domain.watchlist import WatchlistEntry
from prime_jennie.strategy.bars import Bar, BarAggregator, volume_ratio
from prime_jennie.strategy.indicators import rsi_wilder


@dataclass(frozen=True, slots=True)
class ScanView:
    """One stock as the scanner sees it.

    `bars` are completed, oldest first, this session's only. `price` and `at` are those of the tick that completed the
    last bar, so a decision never depends on when it was computed. `first_bars` are the earliest of the session, which
    `bars` forgets after an hour; `session` is the day's, None where none is known.
    """

    entry: WatchlistEntry
    age_sessions: int
    bars: tuple[Bar, ...]
    price: int
    at: datetime
    regime: MarketRegime
    vwap: float | None
    volume_ratio: float | None
    rsi: float | None
    first_bars: tuple[Bar, ...] = ()
    session: Session | None = None

    @property
    def bar_age_secs(self) -> float:
        """Return how long ago the last bar's minute ended."""
        return (self.at - self.bars[-1].closes_at).total_seconds()


def view_of(
    aggregator: BarAggregator,
    *,
    entry: WatchlistEntry,
    age_sessions: int,
    price: int,
    at: datetime,
    regime: MarketRegime,
    session: Session | None = None,
) -> ScanView:
    """Freeze what is known about a stock right after `aggregator` completed a bar."""
    bars = aggregator.bars
    return ScanView(
        entry=entry,
        age_sessions=age_sessions,
        bars=bars,
        price=price,
        at=at,
        regime=regime,
        vwap=aggregator.vwap,
        volume_ratio=volume_ratio(bars),
        rsi=rsi_wilder([bar.close_price for bar in bars]),
        first_bars=aggregator.first_bars,
        session=session,
    )
