"""What a stock's daily bars say before they are judged: returns, averages, RSI, the distance from the year's high.

A bar without volume is no trade: its carried close would make a halted stock look calm, so it is left out everywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from prime_jennie.domain.market import DailyPrice, StockSnapshot
from prime_jennie.strategy.indicators import change_pct, rsi_wilder

FEWEST_BARS = 20
YEAR_SESSIONS = 250
MONTH_BARS, QUARTER_BARS, HALF_YEAR_BARS = 20, 60, 120


@dataclass(frozen=True, slots=True)
class PriceFigures:
    """Figures of one stock with at least 20 traded bars, in KRW and percent."""

    bars: int
    price: float
    """The quote of a stock that has traded today, else the last traded close."""
    last_close: float
    rsi: float
    return_20_pct: float
    return_60_pct: float | None
    return_120_pct: float | None
    ma5: float
    ma20: float
    volume_ratio: float
    """Mean volume of the last 5 traded bars ÷ of the last 20."""
    high_52w: float
    high_distance_pct: float
    """Price against the highest high of the last 250 sessions: 0 or less until a new high is made."""


def traded(bars: Sequence[DailyPrice]) -> list[DailyPrice]:
    """Return the bars on which shares changed hands."""
    return [bar for bar in bars if bar.volume > 0]


def figures_of(bars: Sequence[DailyPrice], snapshot: StockSnapshot | None = None) -> PriceFigures | None:
    """Read a stock's bars, oldest first, of the last 250 sessions at most; None below 20 traded ones.

    A return over n bars runs from the first close of the last n bars to the newest close.
    """
    known = traded(bars)
    if len(known) < FEWEST_BARS:
        return None
    closes = [bar.close_price for bar in known]
    volumes = [bar.volume for bar in known]
    rsi = rsi_wilder(closes)
    assert rsi is not None  # noqa: S101 - 20 closes are more than the 15 it needs
    price = float(snapshot.price if snapshot is not None and snapshot.volume > 0 else closes[-1])
    high = float(max(max(bar.high_price, bar.close_price) for bar in known))
    return PriceFigures(
        bars=len(known),
        price=price,
        last_close=float(closes[-1]),
        rsi=rsi,
        return_20_pct=change_pct(closes[-MONTH_BARS], closes[-1]),
        return_60_pct=_return_over(closes, QUARTER_BARS),
        return_120_pct=_return_over(closes, HALF_YEAR_BARS),
        ma5=sum(closes[-5:]) / 5,
        ma20=sum(closes[-20:]) / 20,
        volume_ratio=(sum(volumes[-5:]) / 5) / (sum(volumes[-20:]) / 20),
        high_52w=high,
        high_distance_pct=change_pct(high, price),
    )


def _return_over(closes: Sequence[int], bars: int) -> float | None:
    return change_pct(closes[-bars], closes[-1]) if len(closes) >= bars else None
