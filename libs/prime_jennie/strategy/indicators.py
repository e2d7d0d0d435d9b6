"""Technical indicators over plain sequences, always oldest first; None means too few values."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import pstdev

RSI_PERIOD = 14
ATR_PERIOD = 14
UNKNOWN_ATR_RATIO = 0.02
"""A stock whose ATR is unknown is sized and guarded as if it were 2 % of the price (rulebook §5.1)."""
MACD_FAST, MACD_SLOW, MACD_SIGNAL = 12, 26, 9
NEUTRAL_RSI = 50.0
BOLLINGER_PERIOD, BOLLINGER_DEVIATIONS = 20, 2.0


def sma(values: Sequence[float], period: int) -> float | None:
    """Return the mean of the last `period` values."""
    _demand_period(period)
    if len(values) < period:
        return None
    return sum(values[-period:]) / period


def ema_series(values: Sequence[float], period: int) -> tuple[float, ...]:
    """Return the exponential mean from the `period`-th value on; empty when there are fewer.

    The first figure is the plain mean of the first `period` values; the weight is 2 ÷ (period + 1).
    """
    _demand_period(period)
    if len(values) < period:
        return ()
    weight = 2.0 / (period + 1)
    figures = [sum(values[:period]) / period]
    for value in values[period:]:
        figures.append(figures[-1] + weight * (value - figures[-1]))
    return tuple(figures)


def rsi_wilder(values: Sequence[float], period: int = RSI_PERIOD) -> float | None:
    """Return Wilder's relative strength index, 0–100; it needs `period` + 1 values.

    A series that never moved has no strength either way and reads 50 (TA-Lib says 0).
    """
    _demand_period(period)
    if len(values) <= period:
        return None
    changes = [later - earlier for earlier, later in pairwise(values)]
    gain = sum(max(change, 0.0) for change in changes[:period]) / period
    loss = sum(max(-change, 0.0) for change in changes[:period]) / period
    for change in changes[period:]:
        gain = (gain * (period - 1) + max(change, 0.0)) / period
        loss = (loss * (period - 1) + max(-change, 0.0)) / period
    if gain + loss == 0.0:
        return NEUTRAL_RSI
    return 100.0 * gain / (gain + loss)


def true_ranges(highs: Sequence[float], lows: Sequence[float], closes: Sequence[float]) -> tuple[float, ...]:
    """Return the true range of every bar but the first, which has no close before it."""
    if not len(highs) == len(lows) == len(closes):
        raise ValueError("highs, lows and closes must be of one length")
    return tuple(
        max(high, before) - min(low, before) for high, low, before in zip(highs[1:], lows[1:], closes[:-1], strict=True)
    )


def atr(
    highs: Sequence[float], lows: Sequence[float], closes: Sequence[float], period: int = ATR_PERIOD
) -> float | None:
    """Return the plain mean of the last `period` true ranges (rulebook §5.1), which needs one bar more."""
    return sma(true_ranges(highs, lows, closes), period)


@dataclass(frozen=True, slots=True)
class Macd:
    """The three MACD lines, of one length; the last figure belongs to the last close."""

    line: tuple[float, ...]
    signal: tuple[float, ...]
    histogram: tuple[float, ...]


def macd(
    closes: Sequence[float], fast: int = MACD_FAST, slow: int = MACD_SLOW, signal: int = MACD_SIGNAL
) -> Macd | None:
    """Return the MACD lines; they need `slow` + `signal` − 1 closes.

    Both means start at the `slow`-th close, each seeded with the plain mean of its own period up to there (as TA-Lib).
    """
    if not 0 < fast < slow:
        raise ValueError("the fast period must be positive and shorter than the slow one")
    slow_series = ema_series(closes, slow)
    fast_series = ema_series(closes[slow - fast :], fast)
    line = tuple(quick - lazy for quick, lazy in zip(fast_series, slow_series, strict=True)) if slow_series else ()
    signal_series = ema_series(line, signal)
    if not signal_series:
        return None
    line = line[-len(signal_series) :]
    histogram = tuple(figure - smoothed for figure, smoothed in zip(line, signal_series, strict=True))
    return Macd(line=line, signal=signal_series, histogram=histogram)


@dataclass(frozen=True, slots=True)
class Bollinger:
    """The bands around a mean; `percent_b` is 0 on the lower and 1 on the upper, `width_pct` their distance."""

    lower: float
    middle: float
    upper: float
    percent_b: float
    width_pct: float


def bollinger(
    values: Sequence[float], period: int = BOLLINGER_PERIOD, deviations: float = BOLLINGER_DEVIATIONS
) -> Bollinger | None:
    """Return the bands of the last `period` values by their population deviation.

    A series that never moved has no width and stands in the middle of it.
    """
    middle = sma(values, period)
    if middle is None or middle <= 0:
        return None
    reach = deviations * pstdev(values[-period:], middle)
    percent_b = 0.5 if reach == 0 else (values[-1] - middle + reach) / (2 * reach)
    return Bollinger(middle - reach, middle, middle + reach, percent_b, 200.0 * reach / middle)


def crosses_above(before: float, before_other: float, now: float, now_other: float) -> bool:
    """Say whether a line that was not above another one now is."""
    return before <= before_other and now > now_other


def change_pct(start: float, end: float) -> float:
    """Return the change from `start` to `end` in percent; `start` must be positive."""
    if start <= 0:
        raise ValueError("a change needs a positive starting value")
    return (end - start) * 100.0 / start


def _demand_period(period: int) -> None:
    if period < 1:
        raise ValueError("a period must be at least 1")
