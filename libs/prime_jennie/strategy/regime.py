"""Market regimes: where one comes from and which limits it brings (rulebook §3.5, §7.3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from prime_jennie.domain.market import MarketRegime
from prime_jennie.strategy.indicators import change_pct

MA_CLOSES = 20
SIDEWAYS_BAND_PCT = 3.0
CAUTION_ORDER = (MarketRegime.BEAR, MarketRegime.SIDEWAYS, MarketRegime.BULL, MarketRegime.STRONG_BULL)


@dataclass(frozen=True, slots=True)
class ScaleOutLevel:
    """Sell `share_pct` of the holding once its profit reaches `profit_pct`."""

    profit_pct: float
    share_pct: float


@dataclass(frozen=True, slots=True)
class RegimeParameters:
    """The limits one regime brings; percentages in percent, caps as shares of the capital."""

    cash_floor_pct: float
    scale_out: tuple[ScaleOutLevel, ...]
    rsi_guard: float
    trailing_drop_pct: float
    tightening_start_day: int
    sector_cap_pct: float
    stock_cap_pct: float


def _levels(*pairs: tuple[float, float]) -> tuple[ScaleOutLevel, ...]:
    return tuple(ScaleOutLevel(profit_pct=profit, share_pct=share) for profit, share in pairs)


BULL_SCALE_OUT = _levels((7, 25), (15, 25), (25, 15))
SIDEWAYS_SCALE_OUT = _levels((3, 25), (7, 25), (12, 25), (18, 15))
BEAR_SCALE_OUT = _levels((2, 25), (5, 25), (8, 25), (12, 15))

REGIME_PARAMETERS: Mapping[MarketRegime, RegimeParameters] = MappingProxyType(
    {
        MarketRegime.STRONG_BULL: RegimeParameters(5, BULL_SCALE_OUT, 85, 3.0, 15, 50, 25),
        MarketRegime.BULL: RegimeParameters(10, BULL_SCALE_OUT, 85, 3.0, 15, 30, 15),
        MarketRegime.SIDEWAYS: RegimeParameters(15, SIDEWAYS_SCALE_OUT, 75, 3.5, 10, 30, 15),
        MarketRegime.BEAR: RegimeParameters(25, BEAR_SCALE_OUT, 75, 3.5, 10, 30, 15),
        MarketRegime.STRONG_BEAR: RegimeParameters(25, BEAR_SCALE_OUT, 75, 4.0, 10, 30, 15),
    }
)


def parameters_of(regime: MarketRegime) -> RegimeParameters:
    """Return the regime's row of the table in rulebook §3.5."""
    return REGIME_PARAMETERS[regime]


def regime_of_score(sentiment_score: float) -> MarketRegime:
    """Map the council's sentiment score (0–100) to a regime (rulebook §7.3)."""
    if not 0 <= sentiment_score <= 100:
        raise ValueError(f"a sentiment score lies within 0–100, not {sentiment_score}")
    if sentiment_score >= 70:
        return MarketRegime.STRONG_BULL
    if sentiment_score >= 60:
        return MarketRegime.BULL
    if sentiment_score >= 40:
        return MarketRegime.SIDEWAYS
    if sentiment_score >= 25:
        return MarketRegime.BEAR
    return MarketRegime.STRONG_BEAR


@dataclass(frozen=True, slots=True)
class IndexReading:
    """What the index says: the winning regime, every regime's score and the figures behind them, in percent."""

    regime: MarketRegime
    scores: Mapping[MarketRegime, float]
    distance_pct: float
    return_1d_pct: float
    return_5d_pct: float


def read_index(closes: Sequence[float]) -> IndexReading | None:
    """Score the regimes on an index's daily closes, oldest first; None below 20 closes (rulebook §3.5).

    The newest close counts in its own MA20. Of equal scores the more cautious regime wins; a score of zero or less
    speaks for nothing, and with no other the market is SIDEWAYS. STRONG_BEAR comes from a council only.
    """
    if len(closes) < MA_CLOSES:
        return None
    distance = change_pct(sum(closes[-MA_CLOSES:]) / MA_CLOSES, closes[-1])
    day, week = change_pct(closes[-2], closes[-1]), change_pct(closes[-6], closes[-1])
    scores = regime_scores(distance, day, week)
    spoken = [regime for regime in CAUTION_ORDER if scores.get(regime, 0.0) > 0]
    winner = max(spoken, key=lambda regime: scores[regime], default=MarketRegime.SIDEWAYS)
    return IndexReading(winner, MappingProxyType(scores), distance, day, week)


def regime_scores(distance_pct: float, return_1d_pct: float, return_5d_pct: float) -> dict[MarketRegime, float]:
    """Return the score of each regime that applies, from the distance to MA20 and the 1- and 5-day returns."""
    scores: dict[MarketRegime, float] = {}
    if distance_pct > 0:
        scores[MarketRegime.STRONG_BULL] = min(50, return_1d_pct / 2 * 50) + min(50, return_5d_pct / 4 * 50)
        scores[MarketRegime.BULL] = 30 + min(40, 10 * return_5d_pct) + min(30, 2 * distance_pct)
    elif distance_pct < 0:
        scores[MarketRegime.BEAR] = 40 + min(40, 10 * abs(return_5d_pct)) + min(20, 2 * abs(distance_pct))
    if abs(distance_pct) < SIDEWAYS_BAND_PCT:
        scores[MarketRegime.SIDEWAYS] = (
            (30 if abs(distance_pct) < 2 else 0)
            + (30 if abs(return_5d_pct) < 1 else 0)
            + (40 if abs(return_1d_pct) < 0.5 else 0)
        )
    return scores
