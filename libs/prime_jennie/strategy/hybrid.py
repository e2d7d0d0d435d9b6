"""Join the quant score with an analyst's: a model may move it by fifteen points, and never the risk tag (§3.2)."""

from datetime import datetime
from typing import Final

from prime_jennie.domain.tiers import RiskTag, TradeTier
from prime_jennie.domain.watchlist import Grade, HybridScore, QuantScore

MAX_CORRECTION: Final = 15.0
LOWEST_ANALYSED: Final = 25.0
"""A stock below this quant score is not worth a question."""

_GRADES: Final[tuple[tuple[float, Grade], ...]] = ((80, "S"), (65, "A"), (50, "B"), (35, "C"))
_TIERS: Final = ((60.0, TradeTier.TIER1), (40.0, TradeTier.TIER2))


def clamped(raw_score: float, quant_score: float) -> float:
    """Return an analyst's score within fifteen points of the quant score, and within 0–100."""
    near = min(max(raw_score, quant_score - MAX_CORRECTION), quant_score + MAX_CORRECTION)
    return min(max(near, 0.0), 100.0)


def fallback_grade(score: float) -> Grade:
    """Return the grade that a score alone earns."""
    return next((grade for least, grade in _GRADES if score >= least), "D")


def tier_of(score: float, tag: RiskTag) -> TradeTier:
    """Return how far a stock may be traded; distribution risk vetoes every score."""
    if tag is RiskTag.DISTRIBUTION_RISK:
        return TradeTier.BLOCKED
    return next((tier for least, tier in _TIERS if score >= least), TradeTier.BLOCKED)


def hybrid_of(
    quant: QuantScore,
    tag: RiskTag,
    *,
    raw_score: float,
    grade: Grade,
    reason: str,
    scored_at: datetime,
    score: float | None = None,
) -> HybridScore:
    """Return the score that decides, with its tier and veto; `score` replaces the clamped one where it was smoothed."""
    hybrid = clamped(raw_score, quant.total_score) if score is None else score
    tier = tier_of(hybrid, tag)
    return HybridScore(
        stock_code=quant.stock_code,
        stock_name=quant.stock_name,
        quant_score=quant.total_score,
        llm_score=raw_score,
        hybrid_score=hybrid,
        risk_tag=tag,
        trade_tier=tier,
        is_tradable=tier is not TradeTier.BLOCKED,
        veto_applied=tag is RiskTag.DISTRIBUTION_RISK,
        llm_grade=grade,
        llm_reason=reason,
        scored_at=scored_at,
    )
