"""A model may move a score by fifteen points and no further; numbers alone veto."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.tiers import RiskTag, TradeTier
from prime_jennie.domain.watchlist import InvestorTradingSummary, QuantScore
from prime_jennie.strategy import scoring
from prime_jennie.strategy.hybrid import clamped, fallback_grade, hybrid_of, tier_of
from prime_jennie.strategy.risk_tag import risk_tag_of
from prime_jennie.strategy.smoothing import smoothed
from tests.support.market_history import candidate, daily_bars, figures, rising

AT = datetime(2025, 2, 13, 23, 30, tzinfo=UTC)
SCORE = st.floats(0, 100)


def quant(**known: float) -> QuantScore:
    """Return a score of a plain stock, with some factors changed."""
    plain = scoring.score(candidate(daily_prices=daily_bars(rising(30))), MarketRegime.SIDEWAYS)
    return plain.model_copy(update=known)


@pytest.mark.parametrize(
    ("raw", "score", "found"), [(100, 60, 75), (0, 60, 45), (66, 60, 66), (100, 95, 100), (0, 10, 0), (75, 60, 75)]
)
def test_a_score_stays_within_fifteen_points_of_the_numbers(raw: float, score: float, found: float) -> None:
    assert clamped(raw, score) == found


@given(SCORE, SCORE)
def test_no_opinion_moves_a_score_by_more_than_fifteen(raw: float, score: float) -> None:
    assert abs(clamped(raw, score) - score) <= 15.0 + 1e-9
    assert 0 <= clamped(raw, score) <= 100


@pytest.mark.parametrize(
    ("score", "grade"), [(80, "S"), (79.9, "A"), (65, "A"), (64.9, "B"), (50, "B"), (35, "C"), (34.9, "D"), (0, "D")]
)
def test_the_grade_that_a_score_earns(score: float, grade: str) -> None:
    assert fallback_grade(score) == grade


@pytest.mark.parametrize(
    ("score", "tier"),
    [(60, TradeTier.TIER1), (59.9, TradeTier.TIER2), (40, TradeTier.TIER2), (39.9, TradeTier.BLOCKED)],
)
def test_tiers(score: float, tier: TradeTier) -> None:
    assert tier_of(score, RiskTag.CAUTION) is tier


def test_distribution_risk_vetoes_the_best_score() -> None:
    found = hybrid_of(quant(), RiskTag.DISTRIBUTION_RISK, raw_score=100, grade="S", reason="하나" * 10, scored_at=AT)
    assert (found.trade_tier, found.is_tradable, found.veto_applied) == (TradeTier.BLOCKED, False, True)


def test_raw_and_clamped_scores_are_both_kept_and_a_smoothed_one_decides() -> None:
    stock = quant()
    score = stock.total_score
    plain = hybrid_of(stock, RiskTag.NEUTRAL, raw_score=100, grade="S", reason="하나" * 10, scored_at=AT)
    assert (plain.llm_score, plain.hybrid_score, plain.quant_score) == (100, score + 15, score)
    later = hybrid_of(stock, RiskTag.NEUTRAL, raw_score=100, grade="S", reason="하나" * 10, scored_at=AT, score=41.0)
    assert (later.hybrid_score, later.trade_tier) == (41.0, TradeTier.TIER2)


SELLING = InvestorTradingSummary(foreign_net_buy_sum=-3_000_000_001, institution_net_buy_sum=-3_000_000_001)
AT_EASE = InvestorTradingSummary(foreign_net_buy_sum=-3_000_000_000, institution_net_buy_sum=-3_000_000_000)


def test_everybody_leaving_a_hot_stock_at_its_high_is_distribution() -> None:
    hot = figures(rsi=70.1, high_distance_pct=-3.0)
    assert risk_tag_of(quant(), hot, SELLING) is RiskTag.DISTRIBUTION_RISK
    assert risk_tag_of(quant(), figures(rsi=70.0, high_distance_pct=-3.0), SELLING) is RiskTag.CAUTION
    assert risk_tag_of(quant(), figures(rsi=70.1, high_distance_pct=-3.1), SELLING) is RiskTag.CAUTION
    assert risk_tag_of(quant(), hot, AT_EASE) is RiskTag.NEUTRAL
    foreigners_only = SELLING.model_copy(update={"institution_net_buy_sum": 0})
    assert risk_tag_of(quant(), hot, foreigners_only) is RiskTag.CAUTION


def test_unknown_flows_accuse_nobody() -> None:
    assert risk_tag_of(quant(), figures(rsi=79.0), None) is RiskTag.NEUTRAL
    assert risk_tag_of(quant(), figures(rsi=80.1), None) is RiskTag.CAUTION


def test_a_bullish_stock_is_strong_in_three_ways() -> None:
    strong = {"momentum_score": 12.0, "supply_demand_score": 12.0, "quality_score": 10.0}
    assert risk_tag_of(quant(**strong), figures(), None) is RiskTag.BULLISH
    for weak in strong:
        assert risk_tag_of(quant(**{**strong, weak: 9.9}), figures(), None) is RiskTag.NEUTRAL


@pytest.mark.parametrize(
    ("earlier", "found"), [((), 60.0), ((66.0,), 63.0), ((66.0, 72.0), 66.0), ((66.0, 72.0, 0.0), 66.0)]
)
def test_a_score_is_smoothed_over_three_dates_at_most(earlier: tuple[float, ...], found: float) -> None:
    assert smoothed(60.0, earlier) == found
