"""The sentiment score that KOSPI's own price action gives: 0 to 100, by the bounds of the regimes."""

from dataclasses import dataclass

from prime_jennie.domain.market import MarketRegime
from prime_jennie.strategy.index_technicals import Alignment, IndexTechnicals
from prime_jennie.strategy.regime import IndexReading

CRASH_DAY_PCT = -5.0
CRASH_WEEK_PCT = -7.0
CRASH_GAP_PCT = -10.0
"""A fall of a day, of a week, or a distance below MA120 from which a falling index is in a strong bear market."""

_BANDS = {
    MarketRegime.STRONG_BULL: (70.0, 90.0),
    MarketRegime.BULL: (60.0, 69.9),
    MarketRegime.SIDEWAYS: (40.0, 59.9),
    MarketRegime.BEAR: (25.0, 39.9),
    MarketRegime.STRONG_BEAR: (5.0, 24.9),
}
_ORDER = {Alignment.RISING: 1.0, Alignment.MIXED: 0.5, Alignment.FALLING: 0.0}


@dataclass(frozen=True, slots=True)
class PriceScore:
    """The score, the regime whose band it lies in, and how high in that band the chart puts it (0–1)."""

    score: float
    regime: MarketRegime
    strength: float


def price_score(reading: IndexReading, chart: IndexTechnicals) -> PriceScore:
    """Score an index: the regime by the rulebook's index reading, the place within its band by the whole chart.

    So the score never contradicts the reading; it only adds what a reading cannot say, a crash (STRONG_BEAR).
    """
    regime = reading.regime
    if regime is MarketRegime.BEAR and is_crash(chart):
        regime = MarketRegime.STRONG_BEAR
    strength = chart_strength(chart)
    low, high = _BANDS[regime]
    return PriceScore(round(low + (high - low) * strength, 1), regime, strength)


def is_crash(chart: IndexTechnicals) -> bool:
    """Say whether the index fell so far that a bear market is a strong one."""
    below_pct = chart.gap_ma120_pct
    return (
        chart.return_1d_pct <= CRASH_DAY_PCT
        or chart.return_5d_pct <= CRASH_WEEK_PCT
        or (below_pct is not None and below_pct <= CRASH_GAP_PCT)
    )


def chart_strength(chart: IndexTechnicals) -> float:
    """Return the mean of what is known of a chart, each figure brought to 0–1."""
    votes = [
        None if chart.alignment is None else _ORDER[chart.alignment],
        _between(chart.gap_ma120_pct, -10, 10),
        _between(chart.rsi, 30, 70),
        _between(chart.percent_b, 0, 1),
        _between(chart.return_20d_pct, -8, 8),
        None if chart.macd_histogram is None else float(chart.macd_histogram > 0),
    ]
    known = [vote for vote in votes if vote is not None]
    return sum(known) / len(known)


def _between(figure: float | None, low: float, high: float) -> float | None:
    return None if figure is None else min(1.0, max(0.0, (figure - low) / (high - low)))
