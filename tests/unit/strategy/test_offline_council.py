"""The council without a model: every word follows from the figures."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prime_jennie.domain.macro import MacroInsight
from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.signals import SignalType
from prime_jennie.strategy.council import Brief, SectorMomentum, Sitting, StrategistView, insight_of
from prime_jennie.strategy.offline_council import NAME, risk_view, strategist_view, verdict
from prime_jennie.strategy.regime import regime_of_score
from tests.support.council import CRASHING, FALLING, FLAT, RISING, brief, snapshot
from tests.support.insights import COUNCIL_AT

WILD = [2_500.0 * (1 + 0.03 * (-1) ** day) for day in range(144)] + [2_500.0] * 6
LIVELY = [2_500.0 * (1 + 0.01 * (-1) ** day) for day in range(144)] + [2_500.0] * 6
CLIMBING = [2_500.0 + 20 * (-1) ** day for day in range(144)] + [2_520.0, 2_505.0, 2_545.0, 2_530.0, 2_565.0, 2_585.0]


def sat(given_brief: Brief) -> Sitting:
    view = strategist_view(given_brief)
    analyst = risk_view(given_brief, view)
    return Sitting(view, analyst, verdict(given_brief, view, analyst))


def decided(given_brief: Brief) -> MacroInsight:
    return insight_of(given_brief, sat(given_brief), council=NAME, decided_at=COUNCIL_AT, cost_usd=0.0)


def sectors(**returns: float) -> tuple[SectorMomentum, ...]:
    return tuple(SectorMomentum(SectorGroup[name], pct, 30) for name, pct in returns.items())


@pytest.mark.parametrize("closes", [RISING, FLAT, FALLING, CRASHING, WILD, FLAT[:20]])
def test_on_a_plain_index_the_score_is_the_prices_own(closes: list[float]) -> None:
    given_brief = brief(closes)
    found = decided(given_brief)
    assert found.sentiment_score == given_brief.price.score
    assert regime_of_score(found.sentiment_score) is given_brief.price.regime
    assert found.council == "offline council (deterministic, no model)"


@given(st.sampled_from([RISING, FLAT, FALLING, WILD]), st.none() | st.floats(5, 80), st.none() | st.floats(-8, 8))
def test_the_same_brief_gives_the_same_insight(closes: list[float], vix: float | None, today_pct: float | None) -> None:
    given_brief = brief(closes, snapshot=snapshot(vix=vix), today_change_pct=today_pct)
    assert decided(given_brief) == decided(given_brief)


def test_sectors_are_called_by_their_lead_over_the_median() -> None:
    found = decided(
        brief(
            sectors=(
                *sectors(FINANCE=9.0, AUTOMOBILE=5.1, TELECOM=1.0, CHEMICAL=0.5, UTILITY=-4.0, STEEL_MATERIAL=-9.5),
                SectorMomentum(SectorGroup.LOGISTICS_TRANSPORT, 40.0, 4),
            )
        )
    )
    assert found.sectors_to_favor == (SectorGroup.FINANCE, SectorGroup.AUTOMOBILE)
    assert found.sectors_to_avoid == (SectorGroup.STEEL_MATERIAL, SectorGroup.UTILITY)
    assert {signal.sector_group: signal.signal for signal in found.sector_signals}[SectorGroup.TELECOM] == "NEUTRAL"
    assert len(found.sector_signals) == 6


def test_leading_in_a_falling_market_is_no_reason_to_buy() -> None:
    found = decided(brief(sectors=sectors(FINANCE=-1.0, TELECOM=-6.0, CHEMICAL=-7.0)))
    assert found.sectors_to_favor == ()
    rising = decided(brief(sectors=sectors(FINANCE=1.0, TELECOM=6.0, CHEMICAL=7.0)))
    assert rising.sectors_to_avoid == ()


def test_three_sectors_at_most_are_favoured_the_strongest_first() -> None:
    found = decided(
        brief(
            sectors=sectors(
                FINANCE=20,
                AUTOMOBILE=15,
                TELECOM=15,
                CHEMICAL=14,
                UTILITY=0,
                STEEL_MATERIAL=0,
                BIO_HEALTH=0,
                CONSTRUCTION=0,
                MEDIA_ENTERTAINMENT=0,
            )
        )
    )
    assert found.sectors_to_favor == (SectorGroup.FINANCE, SectorGroup.AUTOMOBILE, SectorGroup.TELECOM)


@pytest.mark.parametrize(
    ("changes", "points"),
    [
        ({}, 0),
        ({"today_change_pct": -0.99}, 0),
        ({"today_change_pct": 3.0}, 0),
        ({"today_change_pct": -1.0}, -5),
        ({"today_change_pct": -2.5}, -10),
        ({"today_change_pct": -4.0}, -15),
        ({"snapshot": snapshot(vix=24.9)}, 0),
        ({"snapshot": snapshot(vix=25.0)}, -5),
        ({"snapshot": snapshot(vix=35.0)}, -10),
        ({"snapshot": snapshot(kospi_foreign_net=-4_000, kospi_institutional_net=-1_500)}, -3),
        ({"snapshot": snapshot(kospi_foreign_net=-9_000, kospi_institutional_net=4_000)}, 0),
        ({"snapshot": snapshot(kospi_foreign_net=-9_000)}, 0),
        (
            {
                "snapshot": snapshot(vix=40.0, kospi_foreign_net=-9_000, kospi_institutional_net=-1),
                "today_change_pct": -3,
            },
            -28,
        ),
    ],
)
def test_the_analyst_only_ever_takes_off(changes: dict[str, Any], points: float) -> None:
    given_brief = brief(**changes)
    view = strategist_view(given_brief)
    found = risk_view(given_brief, view)
    assert found.risk_assessment.adjusted_sentiment_score == pytest.approx(view.sentiment_score + points)
    assert found.risk_assessment.agree_with_sentiment is (points == 0)
    assert bool(found.additional_risk_factors) is (points != 0)


def test_a_score_never_falls_below_zero() -> None:
    given_brief = brief(FALLING, snapshot=snapshot(vix=50), today_change_pct=-6)
    assert risk_view(given_brief, strategist_view(given_brief)).risk_assessment.adjusted_sentiment_score == 0
    assert decided(given_brief).sentiment_score == 0


@pytest.mark.parametrize(
    ("closes", "vix", "size", "stop"),
    [
        ([*FLAT, 2_520, 2_560, 2_600, 2_650, 2_710], None, 100, 100),
        (FLAT, None, 90, 100),
        (FLAT, 26, 80, 100),
        (FLAT, 36, 70, 100),
        (LIVELY, None, 80, 115),
        (WILD, None, 80, 130),
        (FALLING, None, 50, 100),
        ([*FLAT, 2_470, 2_460, 2_450, 2_440, 2_430], None, 70, 100),
    ],
)
def test_size_and_stops_follow_regime_fear_and_unrest(
    closes: list[float], vix: float | None, size: float, stop: float
) -> None:
    found = decided(brief(closes, snapshot=snapshot(vix=vix)))
    assert (found.position_size_pct, found.stop_loss_adjust_pct) == (size, stop)


CHASING = (SignalType.MOMENTUM, SignalType.MOMENTUM_CONTINUATION)


@pytest.mark.parametrize(
    ("closes", "favor", "avoid"),
    [
        (FALLING, (), (*CHASING, SignalType.VOLUME_BREAKOUT, SignalType.GOLDEN_CROSS)),
        ([*FLAT, 2_470, 2_460, 2_450, 2_440, 2_430], (), CHASING),
        (RISING, (SignalType.DIP_BUY,), CHASING),
        (FLAT, (SignalType.DIP_BUY,), ()),
        (CLIMBING, (SignalType.GOLDEN_CROSS, SignalType.DIP_BUY), ()),
    ],
)
def test_nobody_chases_rises_in_a_bear_or_an_overheated_market(
    closes: list[float], favor: tuple[SignalType, ...], avoid: tuple[SignalType, ...]
) -> None:
    found = decided(brief(closes))
    assert (found.strategies_to_favor, found.strategies_to_avoid) == (favor, avoid)


def test_the_words_carry_the_figures_and_the_gaps() -> None:
    found = decided(brief(RISING, gaps=("news",), today_change_pct=-1.2))
    assert "정배열" in found.regime_hint
    assert "RSI 100" in found.regime_hint
    assert "빠진 자료: news" in found.trading_reasoning
    assert "장중 코스피 -1.2%" in found.trading_reasoning
    assert found.risk_factors[0].name == "과열: RSI 100"
    short = strategist_view(brief(FLAT[:14] + [2_500.0] * 6))
    assert "배열 미확인" in short.regime_hint


def test_chart_risks_and_chances_are_named() -> None:
    crash = strategist_view(brief(CRASHING))
    assert [risk.severity for risk in crash.risk_factors][:1] == ["MID"]
    assert any("하향 교차" in risk.name for risk in crash.risk_factors)
    assert any("120일선 하회" in risk.name for risk in strategist_view(brief(FALLING)).risk_factors)
    assert any("과매도" in chance for chance in strategist_view(brief(FALLING)).opportunity_factors)
    turned = strategist_view(brief([*FALLING, *[2_520.0 + 30 * day for day in range(8)]]))
    assert any("상향 교차" in chance for chance in turned.opportunity_factors)
    assert strategist_view(brief(WILD)).risk_factors[0].severity == "HIGH"


@pytest.mark.parametrize(
    ("figures", "told"),
    [
        ({}, "수급 자료 없음"),
        (
            {"kospi_foreign_net": -3_000, "kospi_institutional_net": 2_000, "kospi_retail_net": 900},
            "외국인 -3,000억원, 기관 +2,000억원, 개인 +900억원: 외국인 매도를 기관이 받아 중립",
        ),
        ({"kospi_foreign_net": 1_000}, "외국인 +1,000억원"),
    ],
)
def test_flows_are_told_as_they_are(figures: dict[str, float], told: str) -> None:
    assert strategist_view(brief(snapshot=snapshot(**figures))).investor_flow_analysis == told


def test_the_judge_speaks_without_an_analyst_too() -> None:
    given_brief = brief(FLAT)
    view: StrategistView = strategist_view(given_brief)
    found = verdict(given_brief, view, None)
    assert (found.final_sentiment_score, found.final_position_size_pct) == (view.sentiment_score, 90)
    assert regime_of_score(found.final_sentiment_score) is MarketRegime.SIDEWAYS
