"""Daily warnings that tighten or end a position: the death cross and the fading MACD (rulebook §6).

Both read our own stored candles, oldest first. A broker lists its candles newest first, which would turn every
indicator round, so the order is checked and not assumed. Days without trades (halts) carry a close over and are left
out.
"""

from collections.abc import Sequence
from itertools import pairwise

from prime_jennie.domain.market import DailyPrice
from prime_jennie.strategy.indicators import macd, sma

FAST_MA_DAYS = 5
SLOW_MA_DAYS = 20
DEATH_CROSS_RATIO = 0.998
MACD_MIN_CLOSES = 36
HIGH_BARS = 10
NEAR_HIGH_RATIO = 0.98


def demand_ascending(daily: Sequence[DailyPrice]) -> None:
    """Raise ValueError unless the candles are of one stock, oldest first, one a day."""
    for earlier, later in pairwise(daily):
        if later.stock_code != earlier.stock_code:
            raise ValueError(f"daily candles of {earlier.stock_code} and {later.stock_code} are mixed")
        if later.price_date <= earlier.price_date:
            raise ValueError(
                f"daily candles of {later.stock_code} must be oldest first, one a day: "
                f"{earlier.price_date} stands before {later.price_date}"
            )


def traded_days(daily: Sequence[DailyPrice]) -> tuple[DailyPrice, ...]:
    """Return the candles of days with trades, after checking that they are oldest first."""
    demand_ascending(daily)
    return tuple(candle for candle in daily if candle.volume > 0 and candle.close_price > 0)


def death_cross(daily: Sequence[DailyPrice]) -> bool:
    """Say whether MA5 has just fallen below MA20 × 0.998; it needs 21 traded days."""
    closes = [candle.close_price for candle in traded_days(daily)]
    fast, slow = sma(closes, FAST_MA_DAYS), sma(closes, SLOW_MA_DAYS)
    fast_before, slow_before = sma(closes[:-1], FAST_MA_DAYS), sma(closes[:-1], SLOW_MA_DAYS)
    if fast is None or slow is None or fast_before is None or slow_before is None:
        return False
    return fast < slow * DEATH_CROSS_RATIO and fast_before >= slow_before


def macd_warning(daily: Sequence[DailyPrice]) -> bool:
    """Say whether the price stands near its 10-bar high while the MACD histogram has fallen since that high.

    It needs 36 traded days. The high is the highest close of the last ten bars (of equal ones the latest); one from
    before the first histogram figure cannot be compared and warns of nothing.
    """
    closes = [candle.close_price for candle in traded_days(daily)]
    lines = macd(closes) if len(closes) >= MACD_MIN_CLOSES else None
    if lines is None:
        return False
    bars_since_high, high = min(enumerate(reversed(closes[-HIGH_BARS:])), key=lambda bar: (-bar[1], bar[0]))
    if bars_since_high >= len(lines.histogram):
        return False
    return closes[-1] >= high * NEAR_HIGH_RATIO and lines.histogram[-1] < lines.histogram[-1 - bars_since_high]
