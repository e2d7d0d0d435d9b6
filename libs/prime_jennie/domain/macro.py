"""Carry the day's weather: sentiment, regime, volatility, and what they forbid."""

import datetime
from enum import StrEnum
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.model import Message, Record, Timestamp
from prime_jennie.domain.money import Finite, Multiplier, Percent, Ratio, RawMultiplier, Score
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.signals import SignalType

_VIX_BOUNDS: Final = (15.0, 25.0, 35.0)


class VixRegime(StrEnum):
    """Volatility bands: below 15, 15 to 25, 25 to 35, 35 and above."""

    LOW_VOL = "low_vol"
    NORMAL = "normal"
    ELEVATED = "elevated"
    CRISIS = "crisis"

    @classmethod
    def of(cls, vix: float | None) -> "VixRegime":
        """Return the band of a VIX value; an unknown VIX counts as normal."""
        if vix is None:
            return cls.NORMAL
        low, normal, elevated = _VIX_BOUNDS
        if vix < low:
            return cls.LOW_VOL
        if vix < normal:
            return cls.NORMAL
        return cls.ELEVATED if vix < elevated else cls.CRISIS


class Sentiment(StrEnum):
    """The council's reading of the market."""

    BULLISH = "bullish"
    NEUTRAL_TO_BULLISH = "neutral_to_bullish"
    NEUTRAL = "neutral"
    NEUTRAL_TO_BEARISH = "neutral_to_bearish"
    BEARISH = "bearish"


class RiskLevel(StrEnum):
    """The intraday throttle's level."""

    NORMAL = "NORMAL"
    CAUTION = "CAUTION"
    WARNING = "WARNING"
    DANGER = "DANGER"
    CRITICAL = "CRITICAL"

    @property
    def severity(self) -> int:
        """Return 0 for NORMAL up to 4 for CRITICAL."""
        return list(RiskLevel).index(self)


class PoliticalRisk(StrEnum):
    """How much politics may move the market."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Consensus(StrEnum):
    """How far the council's members agree."""

    STRONG_AGREE = "strong_agree"
    AGREE = "agree"
    PARTIAL_DISAGREE = "partial_disagree"
    DISAGREE = "disagree"


class SectorSignal(Message):
    """The council's word on one sector; a name outside SectorGroup is refused (rulebook §1.3 ✗)."""

    sector_group: SectorGroup
    signal: Literal["HOT", "NEUTRAL", "AVOID"]
    confidence: Ratio | None = None
    reasoning: str | None = None


class KeyTheme(Message):
    """A theme of the day, most important first."""

    rank: int = Field(ge=1)
    theme: str = Field(min_length=1)
    description: str
    impact: Literal["Positive", "Negative", "Mixed"]
    duration: str | None = None


class RiskFactor(Message):
    """Something that may go wrong."""

    name: str = Field(min_length=1)
    severity: Literal["HIGH", "MID", "LOW"]
    duration_days: int | None = Field(default=None, ge=0)


class MacroInsight(Message):
    """The council's verdict of a day."""

    insight_date: datetime.date
    sentiment: Sentiment
    sentiment_score: Score
    regime_hint: str = Field(max_length=200)
    sector_signals: tuple[SectorSignal, ...] = ()
    key_themes: tuple[KeyTheme, ...] = ()
    risk_factors: tuple[RiskFactor, ...] = ()
    sectors_to_favor: tuple[SectorGroup, ...] = ()
    sectors_to_avoid: tuple[SectorGroup, ...] = ()
    position_size_pct: float = Field(ge=50, le=130, allow_inf_nan=False)
    stop_loss_adjust_pct: float = Field(ge=80, le=150, allow_inf_nan=False)
    political_risk_level: PoliticalRisk
    council_cost_usd: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    vix_value: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    vix_regime: VixRegime
    usd_krw: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    kospi_index: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    kosdaq_index: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    strategies_to_favor: tuple[SignalType, ...] = ()
    strategies_to_avoid: tuple[SignalType, ...] = ()
    opportunity_factors: tuple[str, ...] = ()
    political_risk_summary: str = ""
    trading_reasoning: str = ""
    council: str | None = None
    """Who spoke, shown wherever the insight is: the model's name, or that no model was asked."""
    council_consensus: Consensus | None = None
    is_fallback: bool = False
    """True where a member failed and the others spoke for it."""
    gaps: tuple[str, ...] = ()
    """What the council would have looked at and was not to be had."""
    decided_at: Timestamp | None = None


class ThrottleState(Message):
    """How tight the intraday throttle is, and what it remembers to loosen in order (rulebook §7.4)."""

    day: datetime.date
    at: Timestamp
    """The slot that judged last."""
    level: RiskLevel = RiskLevel.NORMAL
    previous_level: RiskLevel = RiskLevel.NORMAL
    changed_at: Timestamp | None = None
    """The slot in which `previous_level` became `level`."""
    raised_at: Timestamp | None = None
    """When it last worsened: CAUTION ends only after a council that spoke later."""
    recovery_start: Timestamp | None = None
    """Since when the market has read better than the level; None while it does not."""
    misses: int = Field(default=0, ge=0)
    """Slots in a row without a usable index quote."""
    kospi_change_pct: Finite | None = None
    vix: float | None = Field(default=None, ge=0, allow_inf_nan=False)


class TradingContext(Message):
    """What the market allows now: the content of regime:current."""

    date: datetime.date
    market_regime: MarketRegime
    position_multiplier: Multiplier
    stop_loss_multiplier: Multiplier
    vix_regime: VixRegime = VixRegime.NORMAL
    risk_off_level: int = Field(default=0, ge=0, le=10)
    favor_sectors: tuple[SectorGroup, ...] = ()
    avoid_sectors: tuple[SectorGroup, ...] = ()
    strategies_to_avoid: tuple[SignalType, ...] = ()
    is_high_volatility: bool = False
    intraday_risk_level: RiskLevel = RiskLevel.NORMAL
    intraday_multiplier_raw: RawMultiplier | None = None
    council_multiplier_raw: RawMultiplier | None = None
    buys_blocked: bool = False
    """The throttle's "no buys"; a flag of its own, because 0.0 is no multiplier (rulebook §1.1 ✗)."""
    regime_source: str | None = Field(default=None, max_length=200)
    """How the regime was found, and whether that is an approximation."""

    @model_validator(mode="after")
    def _zero_factor_blocks(self) -> Self:
        zero = 0.0 in (self.intraday_multiplier_raw, self.council_multiplier_raw)
        if (zero or self.intraday_risk_level is RiskLevel.CRITICAL) and not self.buys_blocked:
            raise ValueError("a zero factor or intraday_risk_level CRITICAL demands buys_blocked=true")
        return self

    @classmethod
    def safe_default(cls, day: datetime.date) -> "TradingContext":
        """Return the careful context for exits when none is known; its absence forbids buys all the same."""
        return cls(date=day, market_regime=MarketRegime.SIDEWAYS, position_multiplier=0.8, stop_loss_multiplier=1.2)


class GlobalSnapshot(Record):
    """The world's figures of a day; flows in hundred million KRW (억원)."""

    snapshot_date: datetime.date
    timestamp: Timestamp
    fed_rate: Finite | None = None
    treasury_10y: Finite | None = None
    us_cpi_yoy: Finite | None = None
    vix: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    vix_regime: VixRegime
    dxy_index: Finite | None = None
    usd_krw: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    bok_rate: Finite | None = None
    kospi_index: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    kospi_change_pct: Finite | None = None
    kosdaq_index: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    kosdaq_change_pct: Finite | None = None
    kospi_foreign_net: Finite | None = None
    kosdaq_foreign_net: Finite | None = None
    kospi_institutional_net: Finite | None = None
    kospi_retail_net: Finite | None = None
    completeness_pct: Percent
    data_sources: tuple[str, ...] = ()
