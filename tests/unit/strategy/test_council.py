"""How the members' words become one insight: bounds, fallbacks, consensus."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prime_jennie.domain.language import BadAnswer
from prime_jennie.domain.macro import Consensus, MacroInsight, PoliticalRisk, RiskFactor, Sentiment, VixRegime
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.signals import SignalType
from prime_jennie.infra.clients.llm.answers import read_answer
from prime_jennie.strategy.council import (
    Brief,
    RiskView,
    Sitting,
    StrategistView,
    Verdict,
    consensus_of,
    insight_of,
    scores_of,
    sentiment_of,
)
from prime_jennie.strategy.price_score import price_score
from prime_jennie.strategy.regime import read_index
from tests.support.council import FLAT, RISING, brief, risk, snapshot, verdict, view
from tests.support.insights import COUNCIL_AT, DAY

SCORES = st.floats(0, 100)


def decided(sitting: Sitting, given_brief: Brief | None = None) -> MacroInsight:
    return insight_of(given_brief or brief(), sitting, council="exaone", decided_at=COUNCIL_AT, cost_usd=0.2)


def test_a_full_sitting_is_the_judges_word_with_the_others_findings() -> None:
    sitting = Sitting(
        view(
            52,
            sector_signals={
                "금융": {"signal": "bullish", "confidence": 0.7, "reasoning": "밸류업"},
                "TELECOM": {"signal": "bearish"},
            },
            risk_factors=[{"name": "환율", "severity": "MID"}],
            opportunity_factors=["저평가"],
            key_themes=[{"rank": 1, "theme": "밸류업", "description": "", "impact": "Positive"}],
        ),
        risk(48, political_risk_summary="선거", additional_risk_factors=[{"name": "관세", "severity": "HIGH"}]),
        verdict(
            50,
            sectors_to_favor=["금융", "통신", "금융"],
            sectors_to_avoid=["TELECOM"],
            strategies_to_favor=["DIP_BUY", "MOMENTUM"],
            strategies_to_avoid=["MOMENTUM"],
            trading_reasoning="지수가 말한다",
        ),
    )
    found = decided(sitting, brief(snapshot=snapshot(vix=27.5, usd_krw=1_450.0), gaps=("news: none",)))
    assert (found.insight_date, found.decided_at, found.council, found.gaps) == (
        DAY,
        COUNCIL_AT,
        "exaone",
        ("news: none",),
    )
    assert (found.sentiment_score, found.sentiment, found.regime_hint) == (50.0, Sentiment.NEUTRAL, "판사의 말")
    assert [(signal.sector_group, signal.signal) for signal in found.sector_signals] == [
        (SectorGroup.FINANCE, "HOT"),
        (SectorGroup.TELECOM, "AVOID"),
    ]
    assert (found.sectors_to_favor, found.sectors_to_avoid) == ((SectorGroup.FINANCE,), (SectorGroup.TELECOM,))
    assert (found.strategies_to_favor, found.strategies_to_avoid) == ((SignalType.DIP_BUY,), (SignalType.MOMENTUM,))
    assert [risk_factor.name for risk_factor in found.risk_factors] == ["환율", "관세"]
    assert (found.position_size_pct, found.stop_loss_adjust_pct) == (105.0, 95.0)
    assert (found.political_risk_level, found.political_risk_summary) == (PoliticalRisk.MEDIUM, "선거")
    assert (found.vix_value, found.vix_regime, found.usd_krw) == (27.5, VixRegime.ELEVATED, 1_450.0)
    assert (found.kospi_index, found.kosdaq_index, found.council_cost_usd) == (FLAT[-1], None, 0.2)
    assert (found.council_consensus, found.is_fallback) == (Consensus.STRONG_AGREE, False)
    assert (found.trading_reasoning, found.opportunity_factors) == ("지수가 말한다", ("저평가",))
    assert found.key_themes[0].theme == "밸류업"


def test_without_an_analyst_the_strategist_stands_at_full_size_and_low_politics() -> None:
    found = decided(Sitting(view(52), None, None, ("analyst: late", "judge: late")))
    assert (found.sentiment_score, found.position_size_pct, found.stop_loss_adjust_pct) == (52.0, 100.0, 100.0)
    assert (found.political_risk_level, found.council_consensus) == (PoliticalRisk.LOW, Consensus.PARTIAL_DISAGREE)
    assert (found.is_fallback, found.vix_regime) == (True, VixRegime.NORMAL)
    judged = decided(Sitting(view(52), None, verdict(54)))
    assert (judged.sentiment_score, judged.position_size_pct, judged.is_fallback) == (54.0, 105.0, True)


def test_without_a_judge_strategist_and_analyst_are_merged() -> None:
    said = view(
        60, sector_signals={"금융": {"signal": "bullish"}, "통신": {"signal": "bearish"}, "기타": {"signal": "neutral"}}
    )
    found = decided(Sitting(said, risk(50), None, ("judge: not JSON",)))
    assert (found.sentiment_score, found.sentiment) == (55.0, Sentiment.NEUTRAL)
    assert (found.position_size_pct, found.stop_loss_adjust_pct) == (90.0, 110.0)
    assert (found.sectors_to_favor, found.sectors_to_avoid) == ((SectorGroup.FINANCE,), (SectorGroup.TELECOM,))
    assert (found.regime_hint, found.council_consensus) == ("전략가의 말", Consensus.PARTIAL_DISAGREE)
    assert found.strategies_to_avoid == ()


@pytest.mark.parametrize(
    ("analyst", "consensus"),
    [
        (50, Consensus.STRONG_AGREE),
        (45, Consensus.STRONG_AGREE),
        (44.9, Consensus.AGREE),
        (65, Consensus.AGREE),
        (65.1, Consensus.PARTIAL_DISAGREE),
        (25, Consensus.PARTIAL_DISAGREE),
        (24.9, Consensus.DISAGREE),
        (100, Consensus.DISAGREE),
    ],
)
def test_consensus_is_the_gap_of_what_was_said(analyst: float, consensus: Consensus) -> None:
    sitting = Sitting(view(50), risk(analyst), verdict(50, council_consensus="strong_agree"))
    assert consensus_of(sitting) is consensus


def test_who_obeys_a_headline_moves_the_score_by_its_reach_only() -> None:
    price = brief().price
    obeyed = scores_of(Sitting(view(100), risk(100), verdict(100)), price)
    assert (obeyed.strategist, obeyed.analyst, obeyed.final) == (round(price.score + 15, 1),) * 3
    ruined = scores_of(Sitting(view(0), risk(0), verdict(0)), price)
    assert (ruined.strategist, ruined.analyst, ruined.final) == (round(price.score - 30, 1),) * 3


@given(SCORES, st.none() | SCORES, st.none() | SCORES)
def test_every_score_stays_within_its_reach(strategist: float, analyst: float | None, judge: float | None) -> None:
    price = brief().price
    sitting = Sitting(
        view(strategist), None if analyst is None else risk(analyst), None if judge is None else verdict(judge)
    )
    found = scores_of(sitting, price)
    assert all(price.score - 30.05 <= score <= price.score + 15.05 for score in (found.strategist, found.final))
    assert abs(found.analyst - found.strategist) <= 20.1
    assert abs(found.final - found.strategist) <= 20.1
    insight = decided(sitting)
    assert insight.sentiment is sentiment_of(insight.sentiment_score)


@given(SCORES, SCORES)
def test_a_gloomier_strategist_is_never_a_better_score(one: float, other: float) -> None:
    low, high = sorted((one, other))
    price = brief().price
    for analyst, judge in ((None, None), (risk(50), None), (risk(50), verdict(50))):
        gloomy, glad = (scores_of(Sitting(view(score), analyst, judge), price).final for score in (low, high))
        assert gloomy <= glad


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_percentages_come_back_into_their_range(size: float, stop: float) -> None:
    judged = decided(
        Sitting(view(50), None, verdict(50, final_position_size_pct=size, final_stop_loss_adjust_pct=stop))
    )
    merged = decided(Sitting(view(50), risk(50, position_size_pct=size, stop_loss_adjust_pct=stop), None))
    for found in (judged, merged):
        assert found.position_size_pct == min(130, max(50, size))
        assert found.stop_loss_adjust_pct == min(150, max(80, stop))


@pytest.mark.parametrize(
    ("score", "word"),
    [(70, "bullish"), (60, "neutral_to_bullish"), (40, "neutral"), (25, "neutral_to_bearish"), (24.9, "bearish")],
)
def test_the_word_follows_the_score(score: float, word: str) -> None:
    assert sentiment_of(score) == word


def answer(model: type[Any], **changes: Any) -> Any:
    good = {
        StrategistView: {"overall_sentiment": "neutral", "sentiment_score": 50, "regime_hint": "h"},
        Verdict: {
            "final_sentiment": "neutral",
            "final_sentiment_score": 50,
            "final_regime_hint": "h",
            "final_position_size_pct": 100,
            "final_stop_loss_adjust_pct": 100,
        },
        RiskView: {
            "risk_assessment": {"agree_with_sentiment": True, "adjusted_sentiment_score": 50},
            "political_risk_level": "low",
            "position_size_pct": 100,
            "stop_loss_adjust_pct": 100,
        },
    }[model]
    return read_answer(json.dumps(good | changes), model)


def test_a_sector_goes_by_its_label_or_its_members_name_in_a_models_json() -> None:
    said = answer(StrategistView, sector_signals={"반도체/IT": {"signal": "bullish"}, "FINANCE": {"signal": "neutral"}})
    assert list(said.sector_signals) == [SectorGroup.SEMICONDUCTOR_IT, SectorGroup.FINANCE]
    assert answer(Verdict, sectors_to_avoid=["조선/방산"]).sectors_to_avoid == (SectorGroup.DEFENSE_SHIPBUILDING,)


@pytest.mark.parametrize(
    ("model", "wrong"),
    [
        (StrategistView, {"sector_signals": {"2차전지": {"signal": "bullish"}}}),
        (StrategistView, {"sector_signals": {"금융": {"signal": "HOT"}}}),
        (StrategistView, {"sector_signals": ["금융"]}),
        (StrategistView, {"sentiment_score": 101}),
        (StrategistView, {"sentiment_score": "50"}),
        (StrategistView, {"overall_sentiment": "euphoric"}),
        (StrategistView, {"risk_factors": [{"name": "x", "severity": "EXTREME"}]}),
        (Verdict, {"sectors_to_favor": ["AI"]}),
        (Verdict, {"sectors_to_favor": [7]}),
        (Verdict, {"strategies_to_avoid": ["EVERYTHING"]}),
        (Verdict, {"strategies_to_avoid": ["MANUAL"]}),
        (Verdict, {"final_position_size_pct": None}),
        (RiskView, {"political_risk_level": "none"}),
        (RiskView, {"risk_assessment": {"agree_with_sentiment": "yes", "adjusted_sentiment_score": 50}}),
    ],
)
def test_names_and_words_outside_the_rulebook_are_refused_not_dropped(model: type[Any], wrong: dict[str, Any]) -> None:
    with pytest.raises(BadAnswer):
        answer(model, **wrong)


def test_what_is_too_long_is_cut() -> None:
    many = [{"name": f"r{i}", "severity": "LOW"} for i in range(15)]
    said = answer(StrategistView, regime_hint="h" * 500, risk_factors=many, opportunity_factors=["o" * 5_000] * 9)
    assert (len(said.regime_hint), len(said.risk_factors)) == (200, 10)
    assert [len(text) for text in said.opportunity_factors] == [2_000] * 5
    more = risk(50, additional_risk_factors=many)
    assert decided(Sitting(said, more, None)).risk_factors == tuple(
        RiskFactor(name=f"r{i}", severity="LOW") for i in range(10)
    )


def test_the_schema_that_a_model_is_given_names_every_sector() -> None:
    schema = json.dumps(StrategistView.model_json_schema(), ensure_ascii=False)
    assert all(sector.value in schema for sector in SectorGroup)


def test_price_reads_high_when_it_rises() -> None:
    reading = read_index(RISING)
    assert reading is not None
    assert price_score(reading, brief(RISING).kospi).score > brief(FLAT).price.score
