"""Briefs and members' answers for tests of the council."""

from datetime import date
from typing import Any

from prime_jennie.domain.macro import GlobalSnapshot, PoliticalRisk, Sentiment, VixRegime
from prime_jennie.strategy.council import Brief, RiskAssessment, RiskView, StrategistView, Verdict
from prime_jennie.strategy.index_technicals import index_technicals
from prime_jennie.strategy.price_score import price_score
from prime_jennie.strategy.regime import read_index
from tests.support.insights import COUNCIL_AT, DAY, index_bars

RISING = [2_500.0 + 8 * day for day in range(150)]
FLAT = [2_500.0 + (day % 3) for day in range(150)]
FALLING = [3_700.0 - 8 * day for day in range(150)]
CRASHING = [*RISING[:-1], RISING[-2] * 0.91]


def brief(closes: list[float] = FLAT, **changes: Any) -> Brief:
    """Return what the members see when KOSPI closed like this."""
    bars = index_bars(closes)
    chart, reading = index_technicals(bars), read_index(closes)
    assert chart is not None
    assert reading is not None
    return Brief(**({"day": DAY, "at": COUNCIL_AT, "kospi": chart, "price": price_score(reading, chart)} | changes))


def snapshot(day: date = DAY, **figures: Any) -> GlobalSnapshot:
    """Return a snapshot with a test's figures."""
    vix = VixRegime.of(figures.get("vix"))
    known: dict[str, Any] = {"snapshot_date": day, "timestamp": COUNCIL_AT, "vix_regime": vix, "completeness_pct": 40}
    return GlobalSnapshot.model_validate(known | figures)


def view(score: float, **changes: Any) -> StrategistView:
    """Return a strategist's word."""
    said: dict[str, Any] = {
        "overall_sentiment": Sentiment.NEUTRAL,
        "sentiment_score": score,
        "regime_hint": "전략가의 말",
    }
    return StrategistView.model_validate(said | changes)


def risk(score: float, **changes: Any) -> RiskView:
    """Return an analyst's word."""
    said: dict[str, Any] = {
        "risk_assessment": RiskAssessment(agree_with_sentiment=True, adjusted_sentiment_score=score),
        "political_risk_level": PoliticalRisk.MEDIUM,
        "position_size_pct": 90.0,
        "stop_loss_adjust_pct": 110.0,
    }
    return RiskView.model_validate(said | changes)


def verdict(score: float, **changes: Any) -> Verdict:
    """Return a judge's word."""
    said: dict[str, Any] = {
        "final_sentiment": Sentiment.BULLISH,
        "final_sentiment_score": score,
        "final_regime_hint": "판사의 말",
        "final_position_size_pct": 105.0,
        "final_stop_loss_adjust_pct": 95.0,
    }
    return Verdict.model_validate(said | changes)
