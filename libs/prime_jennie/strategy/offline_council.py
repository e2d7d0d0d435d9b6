"""A council without a model: every word follows from the figures, the same ones give the same words."""

from collections.abc import Sequence
from statistics import median

from prime_jennie.domain.macro import GlobalSnapshot, PoliticalRisk, RiskFactor, VixRegime
from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.signals import SignalType
from prime_jennie.strategy.council import (
    Brief,
    RiskAssessment,
    RiskView,
    SectorMomentum,
    SectorView,
    StrategistView,
    Verdict,
    sentiment_of,
)
from prime_jennie.strategy.index_technicals import Alignment, IndexTechnicals
from prime_jennie.strategy.regime import regime_of_score

NAME = "offline council (deterministic, no model)"

FEWEST_STOCKS = 5
SECTOR_LEAD_PCT = 3.0
"""How far a sector must lead or lag the median sector over 20 sessions to be called bullish or bearish."""
MOST_SECTORS = 3
OVERHEATED_RSI, EXHAUSTED_RSI = 75.0, 30.0
LIVELY_PCT, WILD_PCT = 1.5, 2.5
"""Deviation of KOSPI's daily moves; a calm year has about 1 %."""
HEAVY_SELLING = -5_000.0
"""Foreigners' and institutions' net selling together, 억원, that nobody but persons absorbed."""

_ALIGNMENT = {Alignment.RISING: "정배열", Alignment.FALLING: "역배열", Alignment.MIXED: "혼조", None: "배열 미확인"}
_SIZE_PCT = {
    MarketRegime.STRONG_BULL: 110.0,
    MarketRegime.BULL: 100.0,
    MarketRegime.SIDEWAYS: 90.0,
    MarketRegime.BEAR: 70.0,
    MarketRegime.STRONG_BEAR: 50.0,
}
_TODAY = ((-3.0, -15.0), (-2.0, -10.0), (-1.0, -5.0))
"""KOSPI's day so far and what it takes off the score: coarse steps, so that a second's delay changes no verdict."""
_FEAR = {VixRegime.ELEVATED: -5.0, VixRegime.CRISIS: -10.0}
_FEAR_SIZE = {VixRegime.ELEVATED: -10.0, VixRegime.CRISIS: -20.0}


def strategist_view(brief: Brief) -> StrategistView:
    """Take the price's own score; sectors by their lead over the median one, risks by the chart."""
    return StrategistView(
        overall_sentiment=sentiment_of(brief.price.score),
        sentiment_score=brief.price.score,
        regime_hint=_hint(brief.kospi),
        sector_signals=_sector_views(brief.sectors),
        risk_factors=_chart_risks(brief.kospi),
        opportunity_factors=_opportunities(brief.kospi),
        investor_flow_analysis=_flows(brief.snapshot),
    )


def risk_view(brief: Brief, strategist: StrategistView) -> RiskView:
    """Take off the score what today's fall, a fearful VIX and unabsorbed selling weigh; nothing is ever added."""
    shifts = [
        (_today_shift(brief.today_change_pct), f"장중 코스피 {brief.today_change_pct or 0:+.1f}%"),
        (_FEAR.get(_fear(brief), 0.0), f"VIX {_fear(brief)}"),
        (_selling_shift(brief.snapshot), "외국인·기관 동반 대량 순매도"),
    ]
    weighed = [(points, why) for points, why in shifts if points]
    score = max(0.0, strategist.sentiment_score + sum(points for points, _ in weighed))
    risks = tuple(RiskFactor(name=why, severity="HIGH" if points <= -10 else "MID") for points, why in weighed)
    reason = ", ".join(f"{why} {points:+.0f}" for points, why in weighed) or "조정할 위험 신호 없음"
    return RiskView(
        risk_assessment=RiskAssessment(
            agree_with_sentiment=not weighed, adjusted_sentiment_score=score, adjustment_reason=reason
        ),
        political_risk_level=PoliticalRisk.LOW,
        political_risk_summary="정치 위험을 판단할 자료가 없어 낮음으로 둠",
        additional_risk_factors=risks,
        position_size_pct=_size_pct(brief, score),
        stop_loss_adjust_pct=_stop_pct(brief.kospi),
        risk_reasoning=reason,
    )


def verdict(brief: Brief, strategist: StrategistView, analyst: RiskView | None) -> Verdict:
    """Follow the analyst, who only ever warns; without one, the strategist."""
    score = strategist.sentiment_score if analyst is None else analyst.risk_assessment.adjusted_sentiment_score
    favor, avoid = _strategies(regime_of_score(score), brief.kospi)
    return Verdict(
        final_sentiment=sentiment_of(score),
        final_sentiment_score=score,
        final_regime_hint=strategist.regime_hint,
        strategies_to_favor=favor,
        strategies_to_avoid=avoid,
        sectors_to_favor=_strongest(strategist, "bullish"),
        sectors_to_avoid=_strongest(strategist, "bearish"),
        final_position_size_pct=_size_pct(brief, score) if analyst is None else analyst.position_size_pct,
        final_stop_loss_adjust_pct=_stop_pct(brief.kospi) if analyst is None else analyst.stop_loss_adjust_pct,
        trading_reasoning=_reasoning(brief, strategist, analyst, score),
    )


def _hint(chart: IndexTechnicals) -> str:
    strength = "" if chart.rsi is None else f", RSI {chart.rsi:.0f}"
    return (
        f"코스피 20일선 {chart.gap_ma20_pct:+.1f}%, 1일 {chart.return_1d_pct:+.1f}%, 5일 {chart.return_5d_pct:+.1f}%"
        f"{strength}, {_ALIGNMENT[chart.alignment]}"
    )


def _sector_views(sectors: Sequence[SectorMomentum]) -> dict[SectorGroup, SectorView]:
    counted = sorted(
        (sector for sector in sectors if sector.stocks >= FEWEST_STOCKS),
        key=lambda sector: (-sector.mean_return_pct, sector.sector_group.value),
    )
    if not counted:
        return {}
    middle = median(sector.mean_return_pct for sector in counted)
    return {sector.sector_group: _sector_view(sector, middle) for sector in counted}


def _sector_view(sector: SectorMomentum, middle_pct: float) -> SectorView:
    lead = sector.mean_return_pct - middle_pct
    told = f"20일 평균 {sector.mean_return_pct:+.1f}% (업종 중앙값 {middle_pct:+.1f}%, {sector.stocks}종목)"
    if lead >= SECTOR_LEAD_PCT and sector.mean_return_pct > 0:
        return SectorView(signal="bullish", confidence=min(1.0, lead / 10), reasoning=told)
    if lead <= -SECTOR_LEAD_PCT and sector.mean_return_pct < 0:
        return SectorView(signal="bearish", confidence=min(1.0, -lead / 10), reasoning=told)
    return SectorView(signal="neutral", reasoning=told)


def _strongest(strategist: StrategistView, signal: str) -> tuple[SectorGroup, ...]:
    called = [(sector, view) for sector, view in strategist.sector_signals.items() if view.signal == signal]
    called.sort(key=lambda one: (-(one[1].confidence or 0.0), one[0].value))
    return tuple(sector for sector, _ in called[:MOST_SECTORS])


def _chart_risks(chart: IndexTechnicals) -> tuple[RiskFactor, ...]:
    risks: list[RiskFactor] = []
    if chart.rsi is not None and chart.rsi > OVERHEATED_RSI:
        risks.append(RiskFactor(name=f"과열: RSI {chart.rsi:.0f}", severity="MID"))
    if chart.daily_volatility_pct is not None and chart.daily_volatility_pct > LIVELY_PCT:
        severity = "HIGH" if chart.daily_volatility_pct > WILD_PCT else "MID"
        risks.append(RiskFactor(name=f"변동성 확대: 일간 {chart.daily_volatility_pct:.1f}%", severity=severity))
    if chart.gap_ma120_pct is not None and chart.gap_ma120_pct < 0:
        risks.append(RiskFactor(name=f"120일선 하회: {chart.gap_ma120_pct:+.1f}%", severity="MID"))
    risks += [
        RiskFactor(name=f"{cross.lines} 하향 교차 ({cross.sessions_ago}일 전)", severity="LOW")
        for cross in chart.crosses
        if not cross.upward
    ]
    return tuple(risks)


def _opportunities(chart: IndexTechnicals) -> tuple[str, ...]:
    found = [f"{cross.lines} 상향 교차 ({cross.sessions_ago}일 전)" for cross in chart.crosses if cross.upward]
    if chart.rsi is not None and chart.rsi < EXHAUSTED_RSI:
        found.append(f"과매도: RSI {chart.rsi:.0f}")
    return tuple(found)


def _flows(snapshot: GlobalSnapshot | None) -> str:
    if snapshot is None or snapshot.kospi_foreign_net is None:
        return "수급 자료 없음"
    net = {
        "외국인": snapshot.kospi_foreign_net,
        "기관": snapshot.kospi_institutional_net,
        "개인": snapshot.kospi_retail_net,
    }
    told = ", ".join(f"{who} {amount:+,.0f}억원" for who, amount in net.items() if amount is not None)
    absorbed = snapshot.kospi_foreign_net < 0 < (snapshot.kospi_institutional_net or 0.0)
    return f"{told}: 외국인 매도를 기관이 받아 중립" if absorbed else told


def _fear(brief: Brief) -> VixRegime:
    return VixRegime.of(None if brief.snapshot is None else brief.snapshot.vix)


def _today_shift(change_pct: float | None) -> float:
    if change_pct is None:
        return 0.0
    return next((points for bound, points in _TODAY if change_pct <= bound), 0.0)


def _selling_shift(snapshot: GlobalSnapshot | None) -> float:
    if snapshot is None or snapshot.kospi_foreign_net is None or snapshot.kospi_institutional_net is None:
        return 0.0
    foreign, institutions = snapshot.kospi_foreign_net, snapshot.kospi_institutional_net
    unabsorbed = foreign < 0 and institutions < 0 and foreign + institutions <= HEAVY_SELLING
    return -3.0 if unabsorbed else 0.0


def _size_pct(brief: Brief, score: float) -> float:
    chart = brief.kospi
    size = _SIZE_PCT[regime_of_score(score)] + _FEAR_SIZE.get(_fear(brief), 0.0)
    if chart.daily_volatility_pct is not None and chart.daily_volatility_pct > LIVELY_PCT:
        size -= 10.0
    if chart.rsi is not None and chart.rsi > OVERHEATED_RSI:
        size -= 10.0
    return max(50.0, size)


def _stop_pct(chart: IndexTechnicals) -> float:
    """Give stops more room where every day moves more."""
    if chart.daily_volatility_pct is None or chart.daily_volatility_pct <= LIVELY_PCT:
        return 100.0
    return 130.0 if chart.daily_volatility_pct > WILD_PCT else 115.0


def _strategies(regime: MarketRegime, chart: IndexTechnicals) -> tuple[tuple[SignalType, ...], tuple[SignalType, ...]]:
    """Return whom to favour and whom to avoid: no chasing of rises in a bear or an overheated market."""
    chasing = (SignalType.MOMENTUM, SignalType.MOMENTUM_CONTINUATION)
    if regime is MarketRegime.STRONG_BEAR:
        return (), (*chasing, SignalType.VOLUME_BREAKOUT, SignalType.GOLDEN_CROSS)
    if regime is MarketRegime.BEAR:
        return (), chasing
    if chart.rsi is not None and chart.rsi > OVERHEATED_RSI:
        return (SignalType.DIP_BUY,), chasing
    return ((SignalType.GOLDEN_CROSS, SignalType.DIP_BUY), ()) if regime.is_bull else ((SignalType.DIP_BUY,), ())


def _reasoning(brief: Brief, strategist: StrategistView, analyst: RiskView | None, score: float) -> str:
    parts = [f"지수 점수 {brief.price.score:.1f} ({brief.price.regime})", strategist.regime_hint]
    if analyst is not None:
        parts.append(analyst.risk_reasoning)
    if brief.gaps:
        parts.append("빠진 자료: " + ", ".join(brief.gaps))
    return f"최종 {score:.1f}점. " + ". ".join(parts)
