"""The macro council: what its members see, what each of them says, and how that becomes one insight (rulebook §7)."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field

from prime_jennie.domain.macro import (
    Consensus,
    GlobalSnapshot,
    KeyTheme,
    MacroInsight,
    PoliticalRisk,
    RiskFactor,
    SectorSignal,
    Sentiment,
    VixRegime,
)
from prime_jennie.domain.model import Message
from prime_jennie.domain.money import Finite, Ratio, Score
from prime_jennie.domain.news import Headline
from prime_jennie.domain.sectors import SectorGroup, sector_named
from prime_jennie.domain.signals import SignalType
from prime_jennie.strategy.index_technicals import IndexTechnicals
from prime_jennie.strategy.price_score import PriceScore

T = TypeVar("T")

CHEER_REACH, WARN_REACH = 15.0, 30.0
"""How far above and below KOSPI's own price score a member may go: price decides, and words that warn of a night's news
may move it further than words that cheer, whoever wrote them."""
ANALYST_REACH = 20.0
"""How far analyst and judge may stand from the strategist (rulebook §7)."""
SIZE_PCT = (50.0, 130.0)
STOP_PCT = (80.0, 150.0)
NEUTRAL_PCT = 100.0
MOST_RISKS, MOST_OPPORTUNITIES, MOST_THEMES = 10, 5, 5
LONGEST_HINT, LONGEST_TEXT = 200, 2_000

_CONSENSUS = ((5.0, Consensus.STRONG_AGREE), (15.0, Consensus.AGREE), (25.0, Consensus.PARTIAL_DISAGREE))
_SENTIMENT = (
    (70.0, Sentiment.BULLISH),
    (60.0, Sentiment.NEUTRAL_TO_BULLISH),
    (40.0, Sentiment.NEUTRAL),
    (25.0, Sentiment.NEUTRAL_TO_BEARISH),
)
_SIGNAL: dict[str, Literal["HOT", "NEUTRAL", "AVOID"]] = {"bullish": "HOT", "neutral": "NEUTRAL", "bearish": "AVOID"}


@dataclass(frozen=True, slots=True)
class SectorMomentum:
    """How a sector's stocks did on average over the last 20 sessions."""

    sector_group: SectorGroup
    mean_return_pct: float
    stocks: int


@dataclass(frozen=True, slots=True)
class Brief:
    """What the members see; `today_change_pct` is KOSPI's day so far, None outside the session or unknown."""

    day: date
    at: datetime
    kospi: IndexTechnicals
    price: PriceScore
    kosdaq: IndexTechnicals | None = None
    today_change_pct: float | None = None
    snapshot: GlobalSnapshot | None = None
    sectors: tuple[SectorMomentum, ...] = ()
    yesterday: MacroInsight | None = None
    headlines: tuple[Headline, ...] = ()
    gaps: tuple[str, ...] = ()


def _sector(name: object) -> object:
    return sector_named(name) if isinstance(name, str) else name


def _no_persons_signal(signal: SignalType) -> SignalType:
    if signal is SignalType.MANUAL:
        raise ValueError("MANUAL is a person's own and no strategy")
    return signal


def _cut(text: str) -> str:
    return text[:LONGEST_TEXT]


def _cut_hint(text: str) -> str:
    return text[:LONGEST_HINT]


def _first(most: int) -> AfterValidator:
    return AfterValidator(lambda items: items[:most])


SectorName = Annotated[SectorGroup, BeforeValidator(_sector)]
"""A sector by its Korean label or its member name; any other word is refused (rulebook §1.3 ✗)."""
StrategyName = Annotated[SignalType, AfterValidator(_no_persons_signal)]
Prose = Annotated[str, AfterValidator(_cut)]
Hint = Annotated[str, AfterValidator(_cut_hint)]


class SectorView(Message):
    """The strategist's word on one sector."""

    signal: Literal["bullish", "neutral", "bearish"]
    confidence: Ratio | None = None
    reasoning: Prose = ""


class StrategistView(Message):
    """What the strategist says; lists longer than the rulebook's are cut, text too."""

    overall_sentiment: Sentiment
    sentiment_score: Score
    regime_hint: Hint
    sector_signals: dict[SectorName, SectorView] = Field(default_factory=dict)
    key_themes: Annotated[tuple[KeyTheme, ...], _first(MOST_THEMES)] = ()
    risk_factors: Annotated[tuple[RiskFactor, ...], _first(MOST_RISKS)] = ()
    opportunity_factors: Annotated[tuple[Prose, ...], _first(MOST_OPPORTUNITIES)] = ()
    investor_flow_analysis: Prose = ""


class RiskAssessment(Message):
    """Whether the analyst agrees with the strategist."""

    agree_with_sentiment: bool
    adjusted_sentiment_score: Score
    adjustment_reason: Prose = ""


class RiskView(Message):
    """What the risk analyst says; percentages beyond their range are brought back into it."""

    risk_assessment: RiskAssessment
    political_risk_level: PoliticalRisk
    political_risk_summary: Prose = ""
    additional_risk_factors: Annotated[tuple[RiskFactor, ...], _first(MOST_RISKS)] = ()
    position_size_pct: Finite
    stop_loss_adjust_pct: Finite
    risk_reasoning: Prose = ""


class Verdict(Message):
    """What the chief judge says; the consensus is computed, whatever the judge calls it."""

    final_sentiment: Sentiment
    final_sentiment_score: Score
    final_regime_hint: Hint
    strategies_to_favor: tuple[StrategyName, ...] = ()
    strategies_to_avoid: tuple[StrategyName, ...] = ()
    sectors_to_favor: tuple[SectorName, ...] = ()
    sectors_to_avoid: tuple[SectorName, ...] = ()
    final_position_size_pct: Finite
    final_stop_loss_adjust_pct: Finite
    trading_reasoning: Prose = ""
    council_consensus: Consensus | None = None


@dataclass(frozen=True, slots=True)
class Sitting:
    """What was said; a member that failed is None, and `failures` says why."""

    strategist: StrategistView
    analyst: RiskView | None
    verdict: Verdict | None
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scores:
    """The three scores once each stands within its reach."""

    strategist: float
    analyst: float
    final: float


def scores_of(sitting: Sitting, price: PriceScore) -> Scores:
    """Bound what was said: all by the price's own score, analyst and judge by the strategist's as well.

    A missing analyst agrees with the strategist; without a judge both count half.
    """
    strategist = _by_price(sitting.strategist.sentiment_score, price)
    analyst = strategist
    if sitting.analyst is not None:
        analyst = _by_both(sitting.analyst.risk_assessment.adjusted_sentiment_score, strategist, price)
    final = (strategist + analyst) / 2
    if sitting.verdict is not None:
        final = _by_both(sitting.verdict.final_sentiment_score, strategist, price)
    return Scores(round(strategist, 1), round(analyst, 1), round(final, 1))


def consensus_of(sitting: Sitting) -> Consensus:
    """Name the gap between strategist and analyst; with a member missing nobody can say they agree."""
    if sitting.analyst is None or sitting.verdict is None:
        return Consensus.PARTIAL_DISAGREE
    gap = abs(sitting.strategist.sentiment_score - sitting.analyst.risk_assessment.adjusted_sentiment_score)
    return next((consensus for bound, consensus in _CONSENSUS if gap <= bound), Consensus.DISAGREE)


def sentiment_of(score: float) -> Sentiment:
    """Return the word for a score, by the bounds of the regimes."""
    return next((word for bound, word in _SENTIMENT if score >= bound), Sentiment.BEARISH)


def insight_of(
    brief: Brief, sitting: Sitting, *, council: str, decided_at: datetime, cost_usd: float | None
) -> MacroInsight:
    """Merge a sitting into the day's insight. The sentiment's word follows the bounded score, not the member's own."""
    view, analyst, verdict = sitting.strategist, sitting.analyst, sitting.verdict
    final = scores_of(sitting, brief.price).final
    favor, avoid = _sectors(view, verdict)
    snapshot = brief.snapshot
    more_risks = () if analyst is None else analyst.additional_risk_factors
    return MacroInsight(
        insight_date=brief.day,
        sentiment=sentiment_of(final),
        sentiment_score=final,
        regime_hint=view.regime_hint if verdict is None else verdict.final_regime_hint,
        sector_signals=tuple(_signal(sector, said) for sector, said in view.sector_signals.items()),
        key_themes=view.key_themes,
        risk_factors=(*view.risk_factors, *more_risks)[:MOST_RISKS],
        sectors_to_favor=favor,
        sectors_to_avoid=avoid,
        position_size_pct=_size_pct(analyst, verdict),
        stop_loss_adjust_pct=_stop_pct(analyst, verdict),
        political_risk_level=PoliticalRisk.LOW if analyst is None else analyst.political_risk_level,
        council_cost_usd=cost_usd,
        vix_value=None if snapshot is None else snapshot.vix,
        vix_regime=VixRegime.of(None if snapshot is None else snapshot.vix),
        usd_krw=None if snapshot is None else snapshot.usd_krw,
        kospi_index=brief.kospi.close,
        kosdaq_index=None if brief.kosdaq is None else brief.kosdaq.close,
        strategies_to_favor=() if verdict is None else _once(verdict.strategies_to_favor, verdict.strategies_to_avoid),
        strategies_to_avoid=() if verdict is None else _once(verdict.strategies_to_avoid),
        opportunity_factors=view.opportunity_factors,
        political_risk_summary="" if analyst is None else analyst.political_risk_summary,
        trading_reasoning="" if verdict is None else verdict.trading_reasoning,
        council=council,
        council_consensus=consensus_of(sitting),
        is_fallback=analyst is None or verdict is None,
        gaps=brief.gaps,
        decided_at=decided_at,
    )


def _sectors(view: StrategistView, verdict: Verdict | None) -> tuple[tuple[SectorGroup, ...], tuple[SectorGroup, ...]]:
    """Return whom to favour and whom to avoid; a sector in both is avoided."""
    if verdict is not None:
        favor, avoid = verdict.sectors_to_favor, verdict.sectors_to_avoid
    else:
        favor = tuple(sector for sector, said in view.sector_signals.items() if said.signal == "bullish")
        avoid = tuple(sector for sector, said in view.sector_signals.items() if said.signal == "bearish")
    return _once(favor, avoid), _once(avoid)


def _size_pct(analyst: RiskView | None, verdict: Verdict | None) -> float:
    if verdict is not None:
        return _clamp(verdict.final_position_size_pct, *SIZE_PCT)
    return NEUTRAL_PCT if analyst is None else _clamp(analyst.position_size_pct, *SIZE_PCT)


def _stop_pct(analyst: RiskView | None, verdict: Verdict | None) -> float:
    if verdict is not None:
        return _clamp(verdict.final_stop_loss_adjust_pct, *STOP_PCT)
    return NEUTRAL_PCT if analyst is None else _clamp(analyst.stop_loss_adjust_pct, *STOP_PCT)


def _signal(sector: SectorGroup, said: SectorView) -> SectorSignal:
    return SectorSignal(
        sector_group=sector,
        signal=_SIGNAL[said.signal],
        confidence=said.confidence,
        reasoning=said.reasoning or None,
    )


def _once(items: tuple[T, ...], without: tuple[T, ...] = ()) -> tuple[T, ...]:
    return tuple(item for item in dict.fromkeys(items) if item not in without)


def _by_price(score: float, price: PriceScore) -> float:
    return _clamp(_clamp(score, price.score - WARN_REACH, price.score + CHEER_REACH), 0.0, 100.0)


def _by_both(score: float, strategist: float, price: PriceScore) -> float:
    return _by_price(_clamp(score, strategist - ANALYST_REACH, strategist + ANALYST_REACH), price)


def _clamp(figure: float, low: float, high: float) -> float:
    return min(high, max(low, figure))
