"""Scores, tiers and the list: totals, ranks, and rules between fields."""

from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError

from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.symbols import Market, StockMaster
from prime_jennie.domain.watchlist import (
    EnrichedCandidate,
    HotWatchlist,
    HybridScore,
    InvestorTradingSummary,
    LLMAnalysis,
    QuantScore,
    WatchlistEntry,
)

AT = datetime(2025, 3, 12, 23, 30, tzinfo=UTC)
ENTRY = {
    "stock_code": "005930",
    "stock_name": "삼성전자",
    "llm_score": 50,
    "hybrid_score": 50,
    "rank": 1,
    "is_tradable": True,
    "trade_tier": "TIER2",
}
FACTORS = {
    "momentum_score": 10,
    "quality_score": 10,
    "value_score": 10,
    "technical_score": 5,
    "news_score": 5,
    "supply_demand_score": 10,
    "sector_momentum_score": 5,
}
QUANT = {"stock_code": "005930", "stock_name": "삼성전자", **FACTORS}
HYBRID = {
    "stock_code": "005930",
    "stock_name": "삼성전자",
    "quant_score": 55,
    "llm_score": 60,
    "hybrid_score": 60,
    "risk_tag": "NEUTRAL",
    "trade_tier": "TIER1",
    "is_tradable": True,
    "veto_applied": False,
    "scored_at": AT,
}


@pytest.mark.parametrize("rank", [1, 50])
def test_ranks_run_from_1_to_50(rank: int) -> None:
    assert WatchlistEntry.model_validate(ENTRY | {"rank": rank}).rank == rank


@pytest.mark.parametrize("rank", [0, 51, -1, 1.5])
def test_a_rank_outside_1_to_50_is_refused(rank: float) -> None:
    with pytest.raises(ValidationError, match="rank"):
        WatchlistEntry.model_validate(ENTRY | {"rank": rank})


@pytest.mark.parametrize(("model", "body"), [(WatchlistEntry, ENTRY), (HybridScore, HYBRID)])
def test_blocked_means_not_tradable(model, body: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="BLOCKED"):
        model.model_validate(body | {"trade_tier": "BLOCKED"})
    assert not model.model_validate(body | {"trade_tier": "BLOCKED", "is_tradable": False}).is_tradable


@pytest.mark.parametrize(("model", "body"), [(WatchlistEntry, ENTRY), (HybridScore, HYBRID)])
def test_distribution_risk_means_veto(model, body: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="veto_applied"):
        model.model_validate(body | {"risk_tag": "DISTRIBUTION_RISK"})
    assert model.model_validate(body | {"risk_tag": "DISTRIBUTION_RISK", "veto_applied": True}).veto_applied


def test_age_counts_from_the_first_day_not_from_the_last_scoring() -> None:
    """Ancestor's defect: scored_at is refreshed hourly, so nothing ever grew old."""
    entry = WatchlistEntry.model_validate(ENTRY | {"scored_at": AT, "since": "2025-03-10"})
    assert entry.since == date(2025, 3, 10)


# 10 + 10 + 10 + 5 + 5 + 10 + 5 = 55
@pytest.mark.parametrize("total", [55, 53.5, 56.5])
def test_a_total_within_1_5_of_the_sum_is_taken(total: float) -> None:
    assert QuantScore.model_validate(QUANT | {"total_score": total}).total_score == total


@pytest.mark.parametrize("total", [53.4, 56.6, 0, 100])
def test_a_total_further_from_the_sum_is_refused(total: float) -> None:
    with pytest.raises(ValidationError, match=r"sum 55\.00"):
        QuantScore.model_validate(QUANT | {"total_score": total})


def test_the_sum_is_capped_at_100() -> None:
    # 20 + 20 + 20 + 10 + 10 + 20 + 10 = 110, capped to 100
    full = {name: 10 if name in ("technical_score", "news_score", "sector_momentum_score") else 20 for name in FACTORS}
    assert QuantScore.model_validate(QUANT | full | {"total_score": 100}).total_score == 100


@pytest.mark.parametrize(("field", "value"), [("momentum_score", 20.1), ("technical_score", 10.1), ("news_score", -1)])
def test_a_factor_outside_its_range_is_refused(field: str, value: float) -> None:
    with pytest.raises(ValidationError, match=field):
        QuantScore.model_validate(QUANT | {"total_score": 55, field: value})


def test_an_analysis_needs_a_reason_and_a_known_grade() -> None:
    body = {"stock_code": "005930", "raw_score": 71, "clamped_score": 70, "scored_at": AT}
    assert LLMAnalysis.model_validate(body | {"grade": "A", "reason": "실적 개선과 수급이 좋다"}).grade == "A"
    with pytest.raises(ValidationError, match="reason"):
        LLMAnalysis.model_validate(body | {"grade": "A", "reason": "좋다"})
    with pytest.raises(ValidationError, match="grade"):
        LLMAnalysis.model_validate(body | {"grade": "F", "reason": "실적 개선과 수급이 좋다"})


def test_a_watchlist_round_trips_and_its_version_is_v_and_the_timestamp() -> None:
    assert HotWatchlist.version_of(AT) == "v20250312233000"
    made = HotWatchlist(
        generated_at=AT,
        market_regime=MarketRegime.BULL,
        stocks=[WatchlistEntry.model_validate(ENTRY)],
        version=HotWatchlist.version_of(AT),
    )
    assert HotWatchlist.model_validate_json(made.model_dump_json()) == made


@pytest.mark.parametrize(
    "change",
    [
        {"version": "3"},
        {"stocks": [ENTRY, ENTRY | {"rank": 2}]},
        {"stocks": [ENTRY | {"stock_code": f"{n:06}"} for n in range(51)]},
        {"generated_at": "2025-03-13T08:30:00"},
    ],
)
def test_a_broken_watchlist_is_refused(change: dict[str, object]) -> None:
    body = {"generated_at": AT, "market_regime": "BULL", "stocks": [ENTRY], "version": "v20250312233000"}
    assert HotWatchlist.model_validate(body)
    with pytest.raises(ValidationError):
        HotWatchlist.model_validate(body | change)


def test_what_could_not_be_fetched_of_a_candidate_stays_unknown() -> None:
    master = StockMaster(stock_code="005930", stock_name="삼성전자", market=Market.KOSPI)
    candidate = EnrichedCandidate(master=master)
    assert candidate.snapshot is candidate.consensus is candidate.news_sentiment_avg is None


def test_investor_sums_may_be_negative_but_not_fractions() -> None:
    body = {"foreign_net_buy_sum": -3_000_000_000, "institution_net_buy_sum": 1}
    assert InvestorTradingSummary.model_validate(body).foreign_net_buy_sum < 0
    with pytest.raises(ValidationError):
        InvestorTradingSummary.model_validate(body | {"institution_net_buy_sum": 0.5})
