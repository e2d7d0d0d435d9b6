"""Say what should be bought or sold, and why."""

from enum import StrEnum
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.model import Message, Timestamp
from prime_jennie.domain.money import Finite, Multiplier, PositiveAmount, Quantity, Score
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.symbols import StockCode
from prime_jennie.domain.tiers import RiskTag, TradeTier, refuse_tradable_blocked


class SignalType(StrEnum):
    """What made the scanner (or a person) want to buy."""

    GOLDEN_CROSS = "GOLDEN_CROSS"
    RSI_REBOUND = "RSI_REBOUND"
    MOMENTUM = "MOMENTUM"
    MOMENTUM_CONTINUATION = "MOMENTUM_CONTINUATION"
    DIP_BUY = "DIP_BUY"
    VOLUME_BREAKOUT = "VOLUME_BREAKOUT"
    WATCHLIST_CONVICTION = "WATCHLIST_CONVICTION"
    ORB_BREAKOUT = "ORB_BREAKOUT"
    MANUAL = "MANUAL"


MOMENTUM_FAMILY: Final = frozenset({SignalType.MOMENTUM, SignalType.MOMENTUM_CONTINUATION})
"""Signals that wait one bar for confirmation and buy with a limit order."""


class SellReason(StrEnum):
    """Why a holding, or a part of it, is sold."""

    PROFIT_TARGET = "PROFIT_TARGET"
    STOP_LOSS = "STOP_LOSS"
    TRAILING_STOP = "TRAILING_STOP"
    BREAKEVEN_STOP = "BREAKEVEN_STOP"
    RSI_OVERBOUGHT = "RSI_OVERBOUGHT"
    TIME_EXIT = "TIME_EXIT"
    PROFIT_FLOOR = "PROFIT_FLOOR"
    DEATH_CROSS = "DEATH_CROSS"
    RISK_OFF = "RISK_OFF"
    MANUAL = "MANUAL"
    FORCED_LIQUIDATION = "FORCED_LIQUIDATION"


class BuySignal(Message):
    """Ask the buy-executor for a purchase (service-contracts §2.1)."""

    stock_code: StockCode
    stock_name: str = Field(min_length=1)
    signal_type: SignalType
    signal_price: PositiveAmount
    llm_score: Score
    hybrid_score: Score
    is_tradable: bool = True
    trade_tier: TradeTier
    risk_tag: RiskTag = RiskTag.NEUTRAL
    market_regime: MarketRegime
    source: Literal["scanner", "conviction", "manual"] = "scanner"
    timestamp: Timestamp
    rsi_value: Score | None = None
    volume_ratio: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    vwap: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    position_multiplier: Multiplier = 1.0
    sector_group: SectorGroup | None = None
    quantity: Quantity | None = None
    """At most so many shares, as a person asked; None: sizing decides."""

    @model_validator(mode="after")
    def _blocked_is_not_tradable(self) -> Self:
        refuse_tradable_blocked(self.trade_tier, is_tradable=self.is_tradable)
        return self


class SellOrder(Message):
    """Ask the sell-executor for a sale (service-contracts §2.2)."""

    stock_code: StockCode
    stock_name: str = Field(min_length=1)
    sell_reason: SellReason
    current_price: PositiveAmount
    quantity: Quantity
    timestamp: Timestamp
    buy_price: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """The position's average price, KRW; averages need not be whole."""
    profit_pct: Finite | None = None
    holding_days: int | None = Field(default=None, ge=0)
    position_id: str | None = None
    """Which life of the position is meant: a sale meant for an older one must not touch a fresh one."""
    scale_out_level: int | None = Field(default=None, ge=1)
    """The level this sale reaches when it fills; None outside scale-outs."""
