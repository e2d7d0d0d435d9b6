"""One stock's score, added up by hand, and what is said of what is not known."""

from typing import Any

import pytest

from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.watchlist import AnalystConsensus, FinancialTrend, InvestorTradingSummary
from prime_jennie.strategy import scoring
from tests.support.market_history import Cell, candidate, daily_bars, rising

KNOWN: dict[str, Any] = {
    "news_sentiment_avg": 65.0,
    "investor_trading": InvestorTradingSummary(
        foreign_net_buy_sum=5_000_000_000, institution_net_buy_sum=-1, foreign_ratio_trend=0.5
    ),
    "financial_trend": FinancialTrend(per=9.0, pbr=0.9, roe=11.0),
    "consensus": AnalystConsensus(forward_per=6.0, forward_roe=16.0, eps_revision_pct=5.0),
    "sector_avg_return_20d": 5.0,
}


def test_a_score_adds_up() -> None:
    found = scoring.score(candidate(daily_prices=daily_bars(rising(130)), **KNOWN), MarketRegime.SIDEWAYS)
    # RSI 100 → 1; 120 bars +11.78 % → 3.178; 20 bars +1.71 % → 2.342; pattern 0; revision 1.
    month, half_year = (11_290 / 11_100 - 1) * 100, (11_290 / 10_100 - 1) * 100
    momentum = 1 + (half_year + 20) / 50 * 5 + (month + 10) / 25 * 5 + 0 + 1
    assert found.momentum_score == pytest.approx(momentum)
    assert found.quality_score == 10 + 5 + 5  # expected ROE 16 and PER 6, PBR 0.9
    assert found.value_score == 7 + 4 + 5  # reported PER 9, PBR 0.9, at its high
    assert found.technical_score == 5 + 0.5
    assert found.news_score == 7.5
    assert found.supply_demand_score == pytest.approx(6 + 4 + 4.5)
    assert found.sector_momentum_score == 5
    assert found.total_score == pytest.approx(momentum + 20 + 16 + 5.5 + 7.5 + 14.5 + 5)
    assert (found.is_valid, found.invalid_reason, found.gaps) == (True, None, ())
    assert found.matched_conditions == (
        "RSI_HOT",
        "AVERAGES_ALIGNED",
        "NEAR_YEAR_HIGH",
        "FOREIGNERS_BUY",
        "EARNINGS_REVISED_UP",
    )


def test_too_short_a_history_is_neutral_and_invalid() -> None:
    found = scoring.score(candidate(daily_prices=daily_bars(rising(19)), **KNOWN), MarketRegime.BULL)
    assert (found.total_score, found.is_valid) == (55, False)
    assert found.invalid_reason == "19 traded bars, 20 needed"
    assert found.matched_conditions == ()


def test_a_stock_of_which_nothing_is_known_but_its_bars_gets_halves_and_says_so() -> None:
    found = scoring.score(candidate(daily_prices=daily_bars(rising(20))), MarketRegime.SIDEWAYS)
    halves = (found.quality_score, found.news_score, found.supply_demand_score, found.sector_momentum_score)
    assert halves == (10, 5, 10, 5)
    assert found.value_score == 5 + 2.5 + 5
    assert found.gaps == (
        "roe",
        "per",
        "pbr",
        "eps_revision",
        "news",
        "investor_flows",
        "sector_return",
        "quarter_return",
    )


def test_a_missing_trend_or_half_year_is_a_gap_of_its_own() -> None:
    flows = InvestorTradingSummary(foreign_net_buy_sum=0, institution_net_buy_sum=0)
    known = {**KNOWN, "investor_trading": flows}
    found = scoring.score(candidate(daily_prices=daily_bars(rising(60)), **known), MarketRegime.SIDEWAYS)
    assert found.gaps == ("foreign_ratio_trend", "half_year_return")


def test_the_total_is_capped_at_a_hundred() -> None:
    assert scoring.total((20, 20, 20, 10, 10, 20, 10)) == 100
    assert scoring.total((20, 20, 20, 10, 10, 20, 0.5)) == 100


def test_a_ratio_of_zero_says_nothing() -> None:
    """Sources write 0.00 where they have no figure; taken as a figure it would be the cheapest stock of all."""
    unknown = candidate(financial_trend=FinancialTrend(per=0.0, pbr=0.0, roe=0.0))
    assert (scoring.reported_per(unknown), scoring.reported_pbr(unknown)) == (None, None)
    assert scoring.expected_roe(unknown) == 0


def test_expectations_come_before_reports_and_fall_back_to_them() -> None:
    both = candidate(**KNOWN)
    assert (scoring.expected_per(both), scoring.expected_roe(both)) == (6, 16)
    reported = candidate(financial_trend=KNOWN["financial_trend"], consensus=AnalystConsensus(forward_per=0.0))
    assert (scoring.expected_per(reported), scoring.expected_roe(reported)) == (9, 11)
    assert scoring.expected_roe(candidate()) is None


def test_what_speaks_for_a_stock_is_named() -> None:
    # 100 sessions up by 100 won, then 25 down by 60: a rising half year, a falling month.
    paused: list[Cell] = [*rising(100, step=100)]
    paused += [(19_900 - 60 * number, 19_900 - 60 * number, 1_000) for number in range(1, 26)]
    found = scoring.score(candidate(daily_prices=daily_bars(paused)), MarketRegime.BULL)
    assert "RISING_TREND_PAUSES" in found.matched_conditions
    surge: list[Cell] = [*rising(120, step=40), *[(c, c, 9_000) for c in range(14_900, 15_400, 100)]]
    strong = scoring.score(candidate(daily_prices=daily_bars(surge)), MarketRegime.BULL)
    assert {"VOLUME_GROWS", "RISING_TREND_GOES_ON", "AVERAGES_ALIGNED"} <= set(strong.matched_conditions)
    falling = scoring.score(candidate(daily_prices=daily_bars(rising(40, start=20_000, step=-50))), MarketRegime.BEAR)
    assert falling.matched_conditions == ("RSI_SOLD_OFF",)


def test_buyers_are_named() -> None:
    flows = InvestorTradingSummary(foreign_net_buy_sum=0, institution_net_buy_sum=1)
    found = scoring.score(
        candidate(daily_prices=daily_bars([(10_000, 10_000, 5)] * 30), investor_trading=flows), MarketRegime.BULL
    )
    assert found.matched_conditions == ("RSI_STRONG", "NEAR_YEAR_HIGH", "INSTITUTIONS_BUY")


def test_a_sector_of_four_says_nothing() -> None:
    five = [(SectorGroup.FINANCE, float(number)) for number in range(5)]
    four = [(SectorGroup.CHEMICAL, 10.0)] * 4
    assert scoring.sector_returns([*five, *four]) == {SectorGroup.FINANCE: 2.0}
