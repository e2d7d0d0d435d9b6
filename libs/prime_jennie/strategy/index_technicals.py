"""What an index's chart says: means, their order and crosses, strength, bands, momentum (rulebook §7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import pairwise
from statistics import pstdev

from prime_jennie.domain.market import IndexDailyPrice
from prime_jennie.strategy.indicators import bollinger, change_pct, crosses_above, macd, rsi_wilder, sma

SHORTEST_HISTORY = 20
CROSS_SESSIONS = 5
VOLATILITY_SESSIONS = 20
MEANS = (5, 20, 60, 120)


class Alignment(StrEnum):
    """The order of MA5, MA20, MA60 and MA120."""

    RISING = "rising"
    FALLING = "falling"
    MIXED = "mixed"


@dataclass(frozen=True, slots=True)
class Cross:
    """One line that crossed another; `sessions_ago` 0 is the newest bar."""

    lines: str
    upward: bool
    sessions_ago: int


@dataclass(frozen=True, slots=True)
class IndexTechnicals:
    """The figures of one index; None means too few bars for that figure, percentages are in percent."""

    index_code: str
    last_day: date
    source: str | None
    bars: int
    close: float
    return_1d_pct: float
    return_5d_pct: float
    return_20d_pct: float | None
    ma5: float
    ma20: float
    ma60: float | None
    ma120: float | None
    alignment: Alignment | None
    gap_ma20_pct: float
    gap_ma120_pct: float | None
    rsi: float | None
    percent_b: float
    band_width_pct: float
    macd: float | None
    macd_signal: float | None
    macd_histogram: float | None
    daily_volatility_pct: float | None
    """Deviation of the last 20 daily moves."""
    crosses: tuple[Cross, ...]


def index_technicals(bars: Sequence[IndexDailyPrice]) -> IndexTechnicals | None:
    """Read an index's daily bars, oldest first; None below 20 bars."""
    if len(bars) < SHORTEST_HISTORY:
        return None
    closes = [bar.close_price for bar in bars]
    ma5, ma20, ma60, ma120 = (sma(closes, period) for period in MEANS)
    bands, lines = bollinger(closes), macd(closes)
    assert ma5 is not None and ma20 is not None and bands is not None  # noqa: S101, PT018 - 20 closes were demanded
    moves = [change_pct(earlier, later) for earlier, later in pairwise(closes[-VOLATILITY_SESSIONS - 1 :])]
    return IndexTechnicals(
        index_code=bars[-1].index_code,
        last_day=bars[-1].price_date,
        source=bars[-1].source,
        bars=len(bars),
        close=closes[-1],
        return_1d_pct=change_pct(closes[-2], closes[-1]),
        return_5d_pct=change_pct(closes[-6], closes[-1]),
        return_20d_pct=change_pct(closes[-21], closes[-1]) if len(closes) > 20 else None,
        ma5=ma5,
        ma20=ma20,
        ma60=ma60,
        ma120=ma120,
        alignment=_alignment(ma5, ma20, ma60, ma120),
        gap_ma20_pct=change_pct(ma20, closes[-1]),
        gap_ma120_pct=None if ma120 is None else change_pct(ma120, closes[-1]),
        rsi=rsi_wilder(closes),
        percent_b=bands.percent_b,
        band_width_pct=bands.width_pct,
        macd=None if lines is None else lines.line[-1],
        macd_signal=None if lines is None else lines.signal[-1],
        macd_histogram=None if lines is None else lines.histogram[-1],
        daily_volatility_pct=pstdev(moves) if len(moves) == VOLATILITY_SESSIONS else None,
        crosses=_crosses(closes),
    )


def _alignment(ma5: float, ma20: float, ma60: float | None, ma120: float | None) -> Alignment | None:
    if ma60 is None or ma120 is None:
        return None
    if ma5 > ma20 > ma60 > ma120:
        return Alignment.RISING
    return Alignment.FALLING if ma5 < ma20 < ma60 < ma120 else Alignment.MIXED


def _crosses(closes: Sequence[float]) -> tuple[Cross, ...]:
    """Return the crosses of the last sessions, the newest first."""
    lines = macd(closes)
    pairs = [
        ("MA5/MA20", _means(closes, 5), _means(closes, 20)),
        ("MA20/MA60", _means(closes, 20), _means(closes, 60)),
        ("MACD/signal", [], []) if lines is None else ("MACD/signal", lines.line, lines.signal),
    ]
    found = [
        Cross(name, upward, ago)
        for name, fast, slow in pairs
        for ago in range(min(CROSS_SESSIONS, len(slow) - 1))
        for upward in (True, False)
        if _crossed(fast, slow, ago, upward=upward)
    ]
    return tuple(sorted(found, key=lambda cross: cross.sessions_ago))


def _crossed(fast: Sequence[float], slow: Sequence[float], ago: int, *, upward: bool) -> bool:
    over, under = (fast, slow) if upward else (slow, fast)
    return crosses_above(over[-2 - ago], under[-2 - ago], over[-1 - ago], under[-1 - ago])


def _means(closes: Sequence[float], period: int) -> list[float]:
    """Return the mean of each of the last sessions that has one, oldest first."""
    ends = range(max(period, len(closes) - CROSS_SESSIONS), len(closes) + 1)
    return [sum(closes[end - period : end]) / period for end in ends]
