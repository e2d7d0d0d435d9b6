"""What the market allows now: the council's insight or the index alone, tempered by the throttle (rulebook §7.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from prime_jennie.domain.macro import MacroInsight, PoliticalRisk, RiskLevel, ThrottleState, TradingContext, VixRegime
from prime_jennie.domain.market import IndexDailyPrice, MarketRegime
from prime_jennie.strategy.regime import IndexReading, read_index, regime_of_score
from prime_jennie.strategy.throttle import RULES, carried

NEUTRAL_MULTIPLIER = 1.0
LEAST_MULTIPLIER = 0.3
LONGEST_SOURCE = 200
HIGHEST_RISK_OFF = 3
RISK_OFF_SCORE = 30
RISK_OFF_SIZE_PCT = 70

_FEARFUL = (VixRegime.ELEVATED, VixRegime.CRISIS)
_POLITICAL = (PoliticalRisk.HIGH, PoliticalRisk.CRITICAL)
_FROM_BULL_TO_BEAR = tuple(MarketRegime)


@dataclass(frozen=True, slots=True)
class IndexFallback:
    """The regime by the index alone, and how it was found: what stands in where no council has spoken."""

    reading: IndexReading
    source: str


def index_fallback(bars: Sequence[IndexDailyPrice]) -> IndexFallback | None:
    """Read the regime from an index's daily bars, oldest first; None where there are too few."""
    reading = read_index([bar.close_price for bar in bars])
    return None if reading is None else IndexFallback(reading, describe(reading, bars))


def judged(
    insight: MacroInsight | None, throttle: ThrottleState | None, bars: Sequence[IndexDailyPrice], day: date
) -> TradingContext | None:
    """Build a day's context from its insight, else from the index's bars before it; None where neither speaks."""
    basis = insight or index_fallback(bars)
    return None if basis is None else context_of(basis, throttle, day)


def context_of(basis: MacroInsight | IndexFallback, throttle: ThrottleState | None, day: date) -> TradingContext:
    """Build a day's context.

    The throttle's factor and the council's multiplier: the smaller one counts, never below 0.3, and a factor of 0 is
    `buys_blocked`. Its floor makes the regime worse, never better. An insight of another day is refused.
    """
    context = _of_insight(basis, day) if isinstance(basis, MacroInsight) else _of_index(basis, day)
    council_at = basis.decided_at if isinstance(basis, MacroInsight) else None
    level = carried(throttle, day, council_at)
    return context if level is RiskLevel.NORMAL else _tempered(context, level)


def _tempered(context: TradingContext, level: RiskLevel) -> TradingContext:
    rule = RULES[level]
    regime = context.market_regime
    if rule.regime_floor is not None:
        regime = max(regime, rule.regime_floor, key=_FROM_BULL_TO_BEAR.index)
    return TradingContext.model_validate(
        context.model_dump()
        | {
            "market_regime": regime,
            "position_multiplier": max(LEAST_MULTIPLIER, min(context.position_multiplier, rule.factor)),
            "intraday_risk_level": level,
            "intraday_multiplier_raw": rule.factor,
            "buys_blocked": rule.factor == 0,
        }
    )


def _of_insight(insight: MacroInsight, day: date) -> TradingContext:
    if insight.insight_date != day:
        raise ValueError(f"the insight of {insight.insight_date} says nothing about {day}")
    size = insight.position_size_pct / 100
    avoided = insight.sectors_to_avoid
    return TradingContext(
        date=day,
        market_regime=regime_of_score(insight.sentiment_score),
        position_multiplier=size,
        stop_loss_multiplier=insight.stop_loss_adjust_pct / 100,
        vix_regime=insight.vix_regime,
        risk_off_level=risk_off_level(insight),
        favor_sectors=tuple(sector for sector in insight.sectors_to_favor if sector not in avoided),
        avoid_sectors=avoided,
        strategies_to_avoid=insight.strategies_to_avoid,
        is_high_volatility=insight.vix_regime in _FEARFUL,
        council_multiplier_raw=size,
        regime_source=describe_insight(insight),
    )


def _of_index(fallback: IndexFallback, day: date) -> TradingContext:
    """No council has spoken: neither its size nor its stop adjustment is known, so both are neutral."""
    return TradingContext(
        date=day,
        market_regime=fallback.reading.regime,
        position_multiplier=NEUTRAL_MULTIPLIER,
        stop_loss_multiplier=NEUTRAL_MULTIPLIER,
        regime_source=fallback.source,
    )


def risk_off_level(insight: MacroInsight) -> int:
    """Count what speaks for safety, less one, within 0–3: one worry alone stops nothing."""
    worries = (
        insight.vix_regime in _FEARFUL,
        insight.political_risk_level in _POLITICAL,
        insight.sentiment_score < RISK_OFF_SCORE,
        insight.position_size_pct < RISK_OFF_SIZE_PCT,
    )
    return min(HIGHEST_RISK_OFF, max(0, sum(worries) - 1))


def describe_insight(insight: MacroInsight) -> str:
    """Say who found the regime, with the score; a fallback among the members is told."""
    consensus = f", {insight.council_consensus}" if insight.council_consensus else ""
    fallback = ", a member failed" if insight.is_fallback else ""
    told = f"{insight.council or 'council'}: score {insight.sentiment_score:.1f}{consensus}{fallback}"
    return told[:LONGEST_SOURCE]


def describe(reading: IndexReading, bars: Sequence[IndexDailyPrice]) -> str:
    """Say how the index showed the regime, with its numbers and the label of approximated figures."""
    last = bars[-1]
    label = f" ({last.source})" if last.source else ""
    return (
        f"index fallback {last.index_code}{label} to {last.price_date}: {reading.distance_pct:+.2f} % from MA20,"
        f" 1d {reading.return_1d_pct:+.2f} %, 5d {reading.return_5d_pct:+.2f} %"
    )[:LONGEST_SOURCE]
