"""What the market allows: from the council's insight, from the index alone, tempered by the throttle."""

from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prime_jennie.domain.macro import (
    Consensus,
    MacroInsight,
    PoliticalRisk,
    RiskLevel,
    Sentiment,
    ThrottleState,
    TradingContext,
    VixRegime,
)
from prime_jennie.domain.market import IndexDailyPrice, MarketRegime
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.signals import SignalType
from prime_jennie.strategy.regime import IndexReading
from prime_jennie.strategy.regime_context import (
    IndexFallback,
    context_of,
    describe,
    describe_insight,
    index_fallback,
    judged,
    risk_off_level,
)
from prime_jennie.strategy.throttle import RULES

DAY = date(2026, 2, 19)
EARLY = datetime(2026, 2, 18, 22, 30, tzinfo=UTC)  # 07:30 in Seoul
OPEN = datetime(2026, 2, 19, 0, 0, tzinfo=UTC)
READING = IndexReading(MarketRegime.BULL, MappingProxyType({MarketRegime.BULL: 60.0}), 1.234, -0.5, 3.456)
FALLBACK = IndexFallback(READING, "index")


def insight(**changes: Any) -> MacroInsight:
    figures: dict[str, Any] = {
        "insight_date": DAY,
        "sentiment": Sentiment.NEUTRAL,
        "sentiment_score": 50,
        "regime_hint": "횡보",
        "position_size_pct": 110,
        "stop_loss_adjust_pct": 120,
        "political_risk_level": PoliticalRisk.LOW,
        "vix_regime": VixRegime.NORMAL,
        "council": "exaone",
        "decided_at": EARLY,
    }
    return MacroInsight.model_validate(figures | changes)


def throttle(level: RiskLevel, day: date = DAY, raised_at: datetime = OPEN) -> ThrottleState:
    return ThrottleState(day=day, at=OPEN, level=level, raised_at=raised_at)


def bar(source: str | None, close: float = 2_500, day: date = date(2026, 2, 13)) -> IndexDailyPrice:
    return IndexDailyPrice(
        index_code="0001",
        price_date=day,
        open_price=close,
        high_price=close,
        low_price=close,
        close_price=close,
        volume=1,
        source=source,
    )


@pytest.mark.parametrize(
    ("score", "regime"),
    [
        (100, MarketRegime.STRONG_BULL),
        (70, MarketRegime.STRONG_BULL),
        (69.9, MarketRegime.BULL),
        (60, MarketRegime.BULL),
        (59.9, MarketRegime.SIDEWAYS),
        (40, MarketRegime.SIDEWAYS),
        (39.9, MarketRegime.BEAR),
        (25, MarketRegime.BEAR),
        (24.9, MarketRegime.STRONG_BEAR),
        (0, MarketRegime.STRONG_BEAR),
    ],
)
def test_the_score_decides_the_regime(score: float, regime: MarketRegime) -> None:
    assert context_of(insight(sentiment_score=score), None, DAY).market_regime is regime


def test_percentages_become_multipliers_and_the_rest_is_carried() -> None:
    found = context_of(
        insight(
            sectors_to_favor=[SectorGroup.FINANCE, SectorGroup.TELECOM],
            sectors_to_avoid=[SectorGroup.TELECOM],
            strategies_to_avoid=[SignalType.MOMENTUM],
            council_consensus=Consensus.AGREE,
        ),
        None,
        DAY,
    )
    assert (found.date, found.position_multiplier, found.stop_loss_multiplier) == (DAY, 1.1, 1.2)
    assert found.council_multiplier_raw == 1.1
    assert (found.favor_sectors, found.avoid_sectors) == ((SectorGroup.FINANCE,), (SectorGroup.TELECOM,))
    assert found.strategies_to_avoid == (SignalType.MOMENTUM,)
    assert found.regime_source == "exaone: score 50.0, agree"
    assert (found.intraday_risk_level, found.intraday_multiplier_raw, found.buys_blocked) == ("NORMAL", None, False)


@pytest.mark.parametrize(("vix", "high"), [("low_vol", False), ("normal", False), ("elevated", True), ("crisis", True)])
def test_an_elevated_vix_is_high_volatility(vix: str, high: bool) -> None:
    found = context_of(insight(vix_regime=vix), None, DAY)
    assert (found.vix_regime, found.is_high_volatility) == (VixRegime(vix), high)


FEAR, POLITICS = {"vix_regime": "crisis"}, {"political_risk_level": "high"}
GLOOM, SMALL = {"sentiment_score": 29.9}, {"position_size_pct": 69.9}


@pytest.mark.parametrize(
    ("worries", "level"),
    [
        ({}, 0),
        (FEAR, 0),
        (GLOOM, 0),
        (FEAR | POLITICS, 1),
        (FEAR | POLITICS | SMALL, 2),
        (FEAR | POLITICS | SMALL | GLOOM, 3),
        ({"sentiment_score": 30, "position_size_pct": 70, "vix_regime": "elevated", **POLITICS}, 1),
        ({"political_risk_level": "medium", **GLOOM, **SMALL}, 1),
        ({"political_risk_level": "critical", **GLOOM, **SMALL}, 2),
    ],
)
def test_risk_off_counts_worries_less_one(worries: dict[str, Any], level: int) -> None:
    assert risk_off_level(insight(**worries)) == level


def test_an_insight_of_another_day_is_refused() -> None:
    with pytest.raises(ValueError, match="2026-02-19 says nothing about 2026-02-20"):
        context_of(insight(), None, date(2026, 2, 20))


def test_a_context_without_a_council_is_neutral_and_its_unknown_vix_normal() -> None:
    found = context_of(FALLBACK, None, DAY)
    assert (found.market_regime, found.date, found.regime_source) == (MarketRegime.BULL, DAY, "index")
    assert (found.position_multiplier, found.stop_loss_multiplier) == (1.0, 1.0)
    assert (found.vix_regime, found.risk_off_level, found.buys_blocked) == (VixRegime.NORMAL, 0, False)
    assert found.council_multiplier_raw is None


@pytest.mark.parametrize(
    ("level", "size_pct", "score", "multiplier", "regime"),
    [
        (RiskLevel.CAUTION, 130, 65, 0.8, MarketRegime.BULL),
        (RiskLevel.CAUTION, 50, 65, 0.5, MarketRegime.BULL),
        (RiskLevel.WARNING, 100, 65, 0.6, MarketRegime.BEAR),
        (RiskLevel.WARNING, 100, 20, 0.6, MarketRegime.STRONG_BEAR),
        (RiskLevel.DANGER, 100, 75, 0.3, MarketRegime.BEAR),
        (RiskLevel.CRITICAL, 100, 75, 0.3, MarketRegime.STRONG_BEAR),
    ],
)
def test_the_throttle_takes_the_smaller_factor_and_the_worse_regime(
    level: RiskLevel, size_pct: float, score: float, multiplier: float, regime: MarketRegime
) -> None:
    found = context_of(insight(position_size_pct=size_pct, sentiment_score=score), throttle(level), DAY)
    assert (found.position_multiplier, found.market_regime) == (multiplier, regime)
    assert (found.intraday_risk_level, found.intraday_multiplier_raw) == (level, RULES[level].factor)
    assert found.buys_blocked is (level is RiskLevel.CRITICAL)
    assert found.stop_loss_multiplier == 1.2


def test_the_index_fallback_is_throttled_as_well() -> None:
    found = context_of(FALLBACK, throttle(RiskLevel.CRITICAL), DAY)
    assert (found.buys_blocked, found.market_regime) == (True, MarketRegime.STRONG_BEAR)
    assert TradingContext.model_validate_json(found.model_dump_json()) == found


def test_yesterdays_throttle_is_caution_until_a_council_speaks() -> None:
    yesterday = throttle(RiskLevel.CRITICAL, date(2026, 2, 18), datetime(2026, 2, 18, 5, tzinfo=UTC))
    assert context_of(FALLBACK, yesterday, DAY).intraday_risk_level is RiskLevel.CAUTION
    assert context_of(insight(decided_at=None), yesterday, DAY).intraday_risk_level is RiskLevel.CAUTION
    assert context_of(insight(), yesterday, DAY).intraday_risk_level is RiskLevel.NORMAL


@given(st.floats(50, 130), st.floats(0, 100), st.sampled_from(list(RiskLevel)), st.sampled_from(list(RiskLevel)))
def test_a_worse_level_never_allows_more(size_pct: float, score: float, one: RiskLevel, other: RiskLevel) -> None:
    better, worse = sorted((one, other), key=lambda level: level.severity)
    spoken = insight(position_size_pct=size_pct, sentiment_score=score)
    loose, tight = (context_of(spoken, throttle(level), DAY) for level in (better, worse))
    assert tight.position_multiplier <= loose.position_multiplier
    assert list(MarketRegime).index(tight.market_regime) >= list(MarketRegime).index(loose.market_regime)
    assert tight.buys_blocked >= loose.buys_blocked


def test_a_failed_member_shows_in_the_source() -> None:
    assert describe_insight(insight(is_fallback=True, council=None)) == "council: score 50.0, a member failed"
    assert len(describe_insight(insight(council="m" * 500))) == 200


def test_the_index_is_read_from_its_bars() -> None:
    bars = [bar(None, 2_500 + 15 * day) for day in range(30)]
    found = index_fallback(bars)
    assert found is not None
    assert found.reading.regime is MarketRegime.BULL
    assert found.source == describe(found.reading, bars)
    assert index_fallback(bars[:19]) is None


def test_the_insight_speaks_before_the_index_and_neither_is_none() -> None:
    bars = [bar(None, 2_500 + 15 * day) for day in range(30)]
    assert judged(insight(), throttle(RiskLevel.CAUTION), bars, DAY) == context_of(
        insight(), throttle(RiskLevel.CAUTION), DAY
    )
    found = index_fallback(bars)
    assert found is not None
    assert judged(None, None, bars, DAY) == context_of(found, None, DAY)
    assert judged(None, throttle(RiskLevel.CRITICAL), [], DAY) is None


def test_the_source_names_index_last_day_and_figures() -> None:
    assert describe(READING, [bar(None)]) == (
        "index fallback 0001 to 2026-02-13: +1.23 % from MA20, 1d -0.50 %, 5d +3.46 %"
    )


def test_approximated_figures_are_labelled_and_cut_to_what_a_context_takes() -> None:
    assert "0001 (shares × close) to" in describe(READING, [bar("shares × close")])
    source = describe(READING, [bar("x" * 500)])
    assert context_of(IndexFallback(READING, source), None, DAY).regime_source == source
