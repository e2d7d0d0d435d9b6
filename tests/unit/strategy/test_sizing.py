"""Rulebook §5.1, steps 1–7; unless said otherwise the worked vector: 50 M assets, price 72,100, ATR 1,442 (2 %)."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prime_jennie.domain.risk import PositionSizingRequest, PositionSizingResult
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.tiers import RiskTag, TradeTier
from prime_jennie.strategy.capital import RiskLimits
from prime_jennie.strategy.sizing import (
    MAX_SHARES,
    effective_atr_krw,
    risk_tag_multiplier,
    size_as_asked,
    size_position,
    staleness_multiplier,
    tier_multiplier,
)

RULEBOOK = RiskLimits(risk_per_trade_pct=1, position_cap_pct=12, sector_cap_pct=30, cash_floor_pct=10)
WIDE = replace(RULEBOOK, position_cap_pct=100)


def request(**known: Any) -> PositionSizingRequest:
    facts: dict[str, Any] = {
        "stock_code": "005930",
        "stock_price": 72_100,
        "atr": 1_442.0,
        "available_cash": 50_000_000,
        "portfolio_value": 50_000_000,
        "llm_score": 70,
        "hybrid_score": 70,
        "trade_tier": TradeTier.TIER1,
        "risk_tag": RiskTag.NEUTRAL,
    }
    return PositionSizingRequest(**(facts | known))


def sized(limits: RiskLimits = RULEBOOK, **known: Any) -> PositionSizingResult:
    return size_position(request(**known), limits)


def test_the_rulebooks_worked_vector_buys_fifty_eight_shares() -> None:
    # 500,000 ÷ 2,884 = 173.4 → 173; 6,000,000 ÷ 72,100 = 83.2 → 83; 83 × 0.7 = 58.1 → 58
    result = sized()
    assert result.quantity == 58
    # 83 × 72,100 = 5,984,300 = 11.9686 %; 58 × 72,100 = 4,181,800 = 8.3636 %
    assert result.target_weight_pct == pytest.approx(11.9686)
    assert result.actual_weight_pct == pytest.approx(8.3636)
    assert result.applied_multipliers["tier"] == 0.7
    assert "173" in result.reasoning
    assert "83" in result.reasoning


@pytest.mark.parametrize(
    ("atr", "effective"),
    [
        (500.0, 1_000.0),  # under 1 % of 100,000
        (1_000.0, 1_000.0),
        (3_210.0, 3_210.0),
        (5_000.0, 5_000.0),
        (9_000.0, 5_000.0),  # over 5 %
        (0.0, 2_000.0),  # unknown
        (None, 2_000.0),
    ],
)
def test_the_atr_is_clipped_to_one_to_five_percent_and_two_where_unknown(atr: float | None, effective: float) -> None:
    assert effective_atr_krw(atr, 100_000) == effective


def test_a_held_sector_shrinks_the_risk_budget() -> None:
    # wide cap: 500,000 × 0.7 ÷ 2,884 = 121.3 → 121; × 0.7 = 84.7 → 84
    held = {"sector_group": SectorGroup.SEMICONDUCTOR_IT, "held_sector_groups": (SectorGroup.SEMICONDUCTOR_IT,)}
    result = sized(WIDE, **held)
    assert result.quantity == 84
    assert result.applied_multipliers["sector_held"] == 0.7
    other = held | {"held_sector_groups": (SectorGroup.FINANCE,)}
    assert sized(WIDE, **other).quantity == 121  # 173 × 0.7 = 121.1


def test_an_unknown_sector_is_never_a_held_one() -> None:
    assert sized(WIDE, held_sector_groups=(SectorGroup.ETC,)).quantity == 121


def test_the_base_is_at_least_one_share() -> None:
    # budget 20,000 ÷ (2 × 20,000) = 0.5 → 1; the weight cap of 100 % allows two
    result = sized(WIDE, stock_price=1_000_000, atr=20_000, portfolio_value=2_000_000, hybrid_score=90)
    assert result.quantity == 1


def test_a_share_dearer_than_the_weight_cap_is_not_bought() -> None:
    result = sized(stock_price=7_000_000, atr=140_000)
    assert result.quantity == 0
    assert "12 %" in result.reasoning


def test_the_weight_cap_follows_the_limits() -> None:
    # 18 % of 50 M = 9,000,000 ÷ 72,100 = 124.8 → 124; × 0.7 = 86.8 → 86
    assert sized(replace(RULEBOOK, position_cap_pct=18)).quantity == 86


def test_no_order_is_larger_than_ten_thousand_shares() -> None:
    # 1 % of 1,000 bn at 1,000 KRW with ATR 10: base 500,000,000
    result = sized(
        WIDE,
        stock_price=1_000,
        atr=10,
        available_cash=10**12,
        portfolio_value=10**12,
        hybrid_score=90,
        position_multiplier=1.3,
    )
    assert result.quantity == 10_000


def test_the_risk_budget_follows_the_limits() -> None:
    # 50 M × 0.5 % = 250,000 ÷ 2,884 = 86.7 → 86; × 0.7 = 60.2
    assert sized(replace(WIDE, risk_per_trade_pct=0.5)).quantity == 60


def test_cash_that_must_stay_is_not_spent() -> None:
    # cash 10,000,000 − 5,000,000 kept = 5,000,000 ÷ 72,100 = 69.3 → 69 of 83 (83 %); × 0.7 = 48.3 → 48
    assert sized(available_cash=10_000_000).quantity == 48


def test_cash_for_less_than_half_the_target_skips() -> None:
    # half of 83 is 41.5: 42 shares need 3,028,200 over the kept 5,000,000, 41 are too few
    assert sized(available_cash=8_028_200).quantity == 29  # 42 × 0.7 = 29.4
    result = sized(available_cash=8_028_199)
    assert result.quantity == 0
    assert "cash covers 41 of 83" in result.reasoning


def test_cash_for_exactly_half_the_target_still_buys() -> None:
    # weight cap 6,000,000 ÷ 60,000 = 100; 8,000,000 − 5,000,000 = 50 shares
    assert sized(stock_price=60_000, atr=1_200, available_cash=8_000_000, hybrid_score=85).quantity == 50


def test_cash_under_the_kept_share_buys_nothing() -> None:
    result = sized(available_cash=1_000_000)
    assert (result.quantity, result.target_weight_pct, result.actual_weight_pct) == (0, 0, 0)
    # not even where one share is all that is wanted
    assert sized(WIDE, stock_price=5_000_000, atr=250_000, available_cash=1_000_000, hybrid_score=90).quantity == 0


def test_portfolio_heat_counts_the_real_open_risk() -> None:
    # ✗ an ancestor always passed an open risk of zero. New: 83 × 2,884 = 239,372 = 0.478744 % of 50 M
    assert sized(portfolio_risk_pct=4.5212).quantity == 58
    result = sized(portfolio_risk_pct=4.5213)
    assert result.quantity == 0
    assert "over 5 %" in result.reasoning


def test_heat_of_exactly_five_percent_is_allowed() -> None:
    # weight cap 6,000,000 ÷ 50,000 = 120; 120 × 2,000 = 240,000 = 0.48 % of 50 M
    assert sized(stock_price=50_000, atr=1_000, hybrid_score=90, portfolio_risk_pct=4.52).quantity == 120


@pytest.mark.parametrize(
    ("hybrid", "factor"),
    [(85, 1.0), (84.9, 0.9), (80, 0.9), (79.9, 0.8), (75, 0.8), (74.9, 0.7), (70, 0.7), (69.9, 0.6), (0, 0.6)],
)
def test_tier_one_scales_with_the_hybrid_score(hybrid: float, factor: float) -> None:
    assert tier_multiplier(TradeTier.TIER1, hybrid) == factor


def test_tier_two_is_half_and_blocked_nothing_whatever_the_score() -> None:
    assert tier_multiplier(TradeTier.TIER2, 95) == 0.5
    assert tier_multiplier(TradeTier.BLOCKED, 95) == 0.0


def test_risk_tags_scale() -> None:
    assert [risk_tag_multiplier(tag) for tag in (RiskTag.BULLISH, RiskTag.NEUTRAL)] == [1.0, 1.0]
    assert risk_tag_multiplier(RiskTag.CAUTION) == 0.7
    assert risk_tag_multiplier(RiskTag.DISTRIBUTION_RISK) == 0.0


@pytest.mark.parametrize(("days", "factor"), [(0, 1.0), (1, 1.0), (2, 0.5), (3, 0.3), (30, 0.3)])
def test_old_scores_scale(days: int, factor: float) -> None:
    assert staleness_multiplier(days) == factor


@pytest.mark.parametrize("doubt", [{"trade_tier": TradeTier.BLOCKED}, {"risk_tag": RiskTag.DISTRIBUTION_RISK}])
def test_what_must_not_be_bought_is_sized_to_zero(doubt: dict[str, Any]) -> None:
    result = sized(**doubt)
    assert result.quantity == 0
    assert "not bought" in result.reasoning


def test_all_multipliers_are_applied_together() -> None:
    # 83 × 0.5 × 0.7 × 0.5 × 0.8 = 11.62 → 11
    result = sized(trade_tier=TradeTier.TIER2, risk_tag=RiskTag.CAUTION, stale_days=2, position_multiplier=0.8)
    assert result.quantity == 11


def test_multipliers_are_multiplied_as_decimals() -> None:
    # weight cap 6,000,000 ÷ 60,000 = 100; 100 × 0.8 × 0.7 = 56, where binary floats make 55.99…
    assert sized(stock_price=60_000, atr=1_200, hybrid_score=75, risk_tag=RiskTag.CAUTION).quantity == 56


def test_a_multiplier_above_one_never_lifts_a_purchase_over_its_caps() -> None:
    # 83 × 1.0 × 1.3 = 107.9 would be 15.6 % of the assets
    assert sized(hybrid_score=90, position_multiplier=1.3).quantity == 83
    # where no cap binds it acts: base 173 × 1.3 = 224.9
    assert sized(WIDE, hybrid_score=90, position_multiplier=1.3).quantity == 224


def test_a_boosted_purchase_counts_its_own_risk_as_heat() -> None:
    # 173 shares are 0.998 %, 224 are 224 × 2,884 ÷ 50 M = 1.292 %: 3.8 % of open risk leave room for the first only
    assert sized(WIDE, hybrid_score=90, portfolio_risk_pct=3.8).quantity == 173
    assert sized(WIDE, hybrid_score=90, portfolio_risk_pct=3.8, position_multiplier=1.3).quantity == 0


def test_less_than_one_share_is_none() -> None:
    # one share planned × 0.5
    result = sized(WIDE, stock_price=1_000_000, portfolio_value=2_000_000, trade_tier=TradeTier.TIER2)
    assert result.quantity == 0
    assert "less than one share" in result.reasoning


def test_no_assets_buy_nothing() -> None:
    assert sized(portfolio_value=0, available_cash=0).quantity == 0


REQUESTS = st.builds(
    request,
    stock_price=st.integers(100, 2_000_000),
    atr=st.floats(0, 200_000),
    available_cash=st.integers(0, 10**9),
    portfolio_value=st.integers(0, 10**9),
    llm_score=st.integers(0, 100),
    hybrid_score=st.integers(0, 100),
    trade_tier=st.sampled_from(TradeTier),
    risk_tag=st.sampled_from(RiskTag),
    portfolio_risk_pct=st.floats(0, 10),
    position_multiplier=st.sampled_from([0.3, 0.8, 1.0, 1.3, 2.0]),
    stale_days=st.integers(0, 5),
)
LIMITS = st.builds(
    RiskLimits,
    risk_per_trade_pct=st.floats(0.1, 5),
    position_cap_pct=st.floats(1, 100),
    sector_cap_pct=st.just(100.0),
    cash_floor_pct=st.floats(0, 99),
)


@settings(deadline=None)
@given(REQUESTS, LIMITS)
def test_no_size_ever_exceeds_weight_cash_or_heat(asked: PositionSizingRequest, limits: RiskLimits) -> None:
    result = size_position(asked, limits)
    cost = result.quantity * asked.stock_price
    assert 0 <= result.quantity <= MAX_SHARES
    assert result.reasoning
    if result.quantity:
        assert cost <= asked.portfolio_value * limits.position_cap_pct / 100 + 1e-6
        assert asked.available_cash - cost >= asked.portfolio_value * limits.cash_floor_pct / 100 - 1e-6
        risk = result.quantity * 2 * effective_atr_krw(asked.atr, asked.stock_price)
        assert asked.portfolio_risk_pct + 100 * risk / asked.portfolio_value <= 5 + 1e-9


@settings(deadline=None)
@given(REQUESTS, LIMITS)
def test_a_tighter_weight_cap_never_buys_more(asked: PositionSizingRequest, limits: RiskLimits) -> None:
    tighter = replace(limits, position_cap_pct=limits.position_cap_pct / 2)
    wide, narrow = size_position(asked, limits).quantity, size_position(asked, tighter).quantity
    # a smaller target may fit into heat or cash where the larger one was skipped whole
    assert narrow <= wide or wide == 0


def as_asked(asked: int, limits: RiskLimits = RULEBOOK, **known: Any) -> PositionSizingResult:
    return size_as_asked(asked, request(**known), limits)


def test_what_a_person_asks_for_is_not_shrunk_by_doubts() -> None:
    result = as_asked(40, trade_tier=TradeTier.TIER2, hybrid_score=50, stale_days=9)
    assert (result.quantity, result.applied_multipliers) == (40, {})
    # 40 × 72,100 = 2,884,000 = 5.768 %
    assert result.actual_weight_pct == pytest.approx(5.768)


@pytest.mark.parametrize(
    ("known", "limits", "quantity"),
    [
        ({}, RULEBOOK, 83),  # 6,000,000 ÷ 72,100
        ({"available_cash": 5_500_000}, RULEBOOK, 6),  # 500,000 above the floor of 5,000,000
        ({"stock_price": 100, "atr": 1.0, "portfolio_value": 10**9, "available_cash": 10**9}, WIDE, MAX_SHARES),
    ],
)
def test_caps_trim_what_a_person_asks_for_and_say_so(known: dict[str, Any], limits: RiskLimits, quantity: int) -> None:
    result = as_asked(50_000, limits, **known)
    assert result.quantity == quantity
    assert "asked 50000" in result.reasoning
    assert result.reasoning.endswith(f"→ {quantity}")


@pytest.mark.parametrize("known", [{"available_cash": 4_999_999}, {"portfolio_value": 0, "available_cash": 0}])
def test_without_money_above_the_floor_a_person_gets_none(known: dict[str, Any]) -> None:
    result = as_asked(10, **known)
    assert (result.quantity, result.actual_weight_pct) == (0, 0)
    assert result.reasoning.startswith("asked 10: weight cap")


def test_heat_refuses_what_a_person_asks_for() -> None:
    # 83 shares × 2,884 = 239,372 = 0.48 % of 50 M: 4.6 % + 0.48 % is over 5 %
    result = as_asked(83, portfolio_risk_pct=4.6)
    assert result.quantity == 0
    assert "over 5 %" in result.reasoning
