"""Carry what the scout found: scores, tiers and the list the scanner watches."""

from datetime import date, datetime
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from prime_jennie.domain.market import DailyPrice, MarketRegime, StockSnapshot
from prime_jennie.domain.model import Message, Record, Timestamp
from prime_jennie.domain.money import Amount, Finite, Krw, Percent, Ratio, Score
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.symbols import Exclusion, StockCode, StockMaster
from prime_jennie.domain.tiers import RiskTag as RiskTag
from prime_jennie.domain.tiers import TradeTier as TradeTier
from prime_jennie.domain.tiers import refuse_tradable_blocked, refuse_unvetoed_distribution

MAX_WATCHLIST: Final = 50
_SCORE_TOLERANCE: Final = 1.5

Grade = Literal["S", "A", "B", "C", "D"]


class MarketFlow(Message):
    """Who bought on balance: net purchases in KRW and foreign ownership in percent."""

    foreign_net: Krw
    institution_net: Krw
    foreign_ratio: Percent


class WatchlistEntry(Message):
    """One stock the scanner may buy."""

    stock_code: StockCode
    stock_name: str = Field(min_length=1)
    quant_score: Score = 0
    llm_score: Score
    hybrid_score: Score
    rank: int = Field(ge=1, le=MAX_WATCHLIST)
    is_tradable: bool
    trade_tier: TradeTier
    risk_tag: RiskTag = RiskTag.NEUTRAL
    veto_applied: bool = False
    sector_group: SectorGroup | None = None
    market_flow: MarketFlow | None = None
    scored_at: Timestamp | None = None
    since: date | None = None
    """First day on the list: `scored_at` is refreshed hourly and cannot tell an age (rulebook §4.1 ✗)."""

    @model_validator(mode="after")
    def _tier_and_tag_agree(self) -> Self:
        refuse_tradable_blocked(self.trade_tier, is_tradable=self.is_tradable)
        refuse_unvetoed_distribution(self.risk_tag, veto_applied=self.veto_applied)
        return self


class HotWatchlist(Message):
    """The list as published under watchlist:active."""

    generated_at: Timestamp
    market_regime: MarketRegime
    stocks: tuple[WatchlistEntry, ...] = Field(max_length=MAX_WATCHLIST)
    version: str = Field(pattern=r"^v[0-9]{8,20}$")
    unchecked: tuple[Exclusion, ...] = ()
    """Kinds for which the scout has no source: a stock of the list may be of them unseen."""
    gaps: tuple[str, ...] = ()
    """What the scout would have looked at and was not to be had."""

    @model_validator(mode="after")
    def _each_stock_once(self) -> Self:
        codes = [entry.stock_code for entry in self.stocks]
        if len(set(codes)) != len(codes):
            raise ValueError("stocks must name each stock_code once")
        return self

    @staticmethod
    def version_of(generated_at: datetime) -> str:
        """Return the version of a list made at a moment: "v" and the UTC timestamp to the second."""
        return f"v{generated_at:%Y%m%d%H%M%S}"


class QuantScore(Record):
    """Seven factors and their capped sum (rulebook §3.1)."""

    stock_code: StockCode
    stock_name: str = Field(min_length=1)
    total_score: Score
    momentum_score: float = Field(ge=0, le=20, allow_inf_nan=False)
    quality_score: float = Field(ge=0, le=20, allow_inf_nan=False)
    value_score: float = Field(ge=0, le=20, allow_inf_nan=False)
    technical_score: float = Field(ge=0, le=10, allow_inf_nan=False)
    news_score: float = Field(ge=0, le=10, allow_inf_nan=False)
    supply_demand_score: float = Field(ge=0, le=20, allow_inf_nan=False)
    sector_momentum_score: float = Field(ge=0, le=10, allow_inf_nan=False)
    matched_conditions: tuple[str, ...] = ()
    condition_win_rate: Ratio | None = None
    condition_confidence: Literal["LOW", "MID", "HIGH"] | None = None
    is_valid: bool = True
    invalid_reason: str | None = None
    gaps: tuple[str, ...] = ()
    """What is not known of the stock and counts as neutral."""

    @model_validator(mode="after")
    def _total_is_the_sum(self) -> Self:
        parts = (
            self.momentum_score
            + self.quality_score
            + self.value_score
            + self.technical_score
            + self.news_score
            + self.supply_demand_score
            + self.sector_momentum_score
        )
        expected = min(100.0, max(0.0, parts))
        if abs(self.total_score - expected) > _SCORE_TOLERANCE:
            raise ValueError(f"total_score {self.total_score} differs from the factors' sum {expected:.2f}")
        return self


class LLMAnalysis(Record):
    """What the analyst model thinks, before and after the clamp to quant ±15."""

    stock_code: StockCode
    raw_score: Score
    clamped_score: Score
    grade: Grade
    reason: str = Field(min_length=10)
    scored_at: Timestamp


class HybridScore(Record):
    """The score that decides tier and tradability."""

    stock_code: StockCode
    stock_name: str = Field(min_length=1)
    quant_score: Score
    llm_score: Score
    """Raw."""
    hybrid_score: Score
    """Clamped."""
    risk_tag: RiskTag
    trade_tier: TradeTier
    is_tradable: bool
    veto_applied: bool
    llm_grade: Grade | None = None
    llm_reason: str | None = None
    scored_at: Timestamp

    @model_validator(mode="after")
    def _tier_and_tag_agree(self) -> Self:
        refuse_tradable_blocked(self.trade_tier, is_tradable=self.is_tradable)
        refuse_unvetoed_distribution(self.risk_tag, veto_applied=self.veto_applied)
        return self


class InvestorTradingSummary(Record):
    """Sixty days of flows: net purchases in KRW, the ratio's trend in percentage points."""

    foreign_net_buy_sum: Krw
    institution_net_buy_sum: Krw
    foreign_holding_ratio: Percent | None = None
    foreign_ratio_trend: Finite | None = None
    """Mean of the last ten observations minus the mean of the ten before."""


class FinancialTrend(Record):
    """Reported valuation figures."""

    per: Finite | None = None
    pbr: Finite | None = None
    roe: Finite | None = None


class AnalystConsensus(Record):
    """What analysts expect; the revision is over 30 days."""

    forward_per: Finite | None = None
    forward_eps: Finite | None = None
    forward_roe: Finite | None = None
    target_price: Amount | None = None
    analyst_count: int | None = Field(default=None, ge=0)
    investment_opinion: Finite | None = None
    eps_revision_pct: Finite | None = None


class EnrichedCandidate(Record):
    """All that is known of a stock when it is scored; what could not be fetched stays None."""

    master: StockMaster
    snapshot: StockSnapshot | None = None
    daily_prices: tuple[DailyPrice, ...] = ()
    """Oldest first, of the last 250 sessions at most."""
    news_sentiment_avg: Score | None = None
    investor_trading: InvestorTradingSummary | None = None
    financial_trend: FinancialTrend | None = None
    consensus: AnalystConsensus | None = None
    sector_avg_return_20d: Finite | None = None
    rag_news_context: str | None = None
