"""Keep what is held, what it is worth, and what was done."""

from datetime import date
from typing import Self

from pydantic import Field, computed_field, model_validator

from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.model import Message, Record, Timestamp
from prime_jennie.domain.money import Amount, Finite, Krw, PositiveAmount, Price, Quantity, Score
from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.signals import SellReason, SignalType
from prime_jennie.domain.symbols import StockCode
from prime_jennie.domain.tiers import TradeTier


class Position(Record):
    """A holding; average price in KRW with fractions, all amounts whole KRW."""

    stock_code: StockCode
    stock_name: str = Field(min_length=1)
    quantity: Quantity
    average_buy_price: Price
    total_buy_amount: Amount
    current_price: Amount | None = None
    current_value: Amount | None = None
    profit_pct: Finite | None = None
    """Of the price alone, before fees and tax, as exits are decided by it; what is earned in KRW comes from `pnl`."""
    sector_group: SectorGroup | None = None
    high_watermark: Amount | None = None
    stop_loss_price: Amount | None = None
    bought_at: Timestamp | None = None


class PortfolioState(Message):
    """An account at a moment; the derived figures are in its JSON and ignored when read back."""

    positions: tuple[Position, ...]
    cash_balance: Krw
    total_asset: Krw
    stock_eval_amount: Amount
    position_count: int = Field(ge=0)
    timestamp: Timestamp

    @model_validator(mode="after")
    def _counts_its_positions(self) -> Self:
        codes = [position.stock_code for position in self.positions]
        if len(set(codes)) != len(codes):
            raise ValueError("positions must name each stock_code once")
        if self.position_count != len(codes):
            raise ValueError(f"position_count {self.position_count} differs from {len(codes)} positions")
        return self

    @computed_field  # type: ignore[prop-decorator]
    @property
    def cash_ratio(self) -> float:
        """Return cash as a share of all assets, 0 where there are none."""
        return self.cash_balance / self.total_asset if self.total_asset > 0 else 0.0

    @computed_field  # type: ignore[prop-decorator]
    @property
    def sector_distribution(self) -> dict[SectorGroup, float]:
        """Return each sector's share of the positions' value (at cost where no price is known); no sector is 기타."""
        values: dict[SectorGroup, int] = {}
        for position in self.positions:
            group = position.sector_group or SectorGroup.ETC
            value = position.total_buy_amount if position.current_value is None else position.current_value
            values[group] = values.get(group, 0) + value
        total = sum(values.values())
        return {group: value / total for group, value in values.items()} if total else {}


class DailySnapshot(Record):
    """An account at the end of a session."""

    snapshot_date: date
    total_asset: Krw
    cash_balance: Krw
    stock_eval_amount: Amount
    total_profit_loss: Krw | None = None
    realized_profit_loss: Krw | None = None


class TradeRecord(Record):
    """One execution, and why it was made."""

    stock_code: StockCode
    stock_name: str = Field(min_length=1)
    trade_type: TradeType
    quantity: Quantity
    price: PositiveAmount
    total_amount: PositiveAmount
    reason: str
    strategy_signal: SignalType | None = None
    market_regime: MarketRegime | None = None
    llm_score: Score | None = None
    hybrid_score: Score | None = None
    trade_tier: TradeTier | None = None
    timestamp: Timestamp


class TradeNotification(Message):
    """Tell the owner about a trade; `price` is the average over its executions."""

    trade_type: TradeType
    stock_code: StockCode
    stock_name: str = Field(min_length=1)
    quantity: Quantity
    price: Price
    total_amount: PositiveAmount
    signal_type: SignalType | None = None
    trade_tier: TradeTier | None = None
    hybrid_score: Score | None = None
    sell_reason: SellReason | None = None
    profit_pct: Finite | None = None
    holding_days: int | None = Field(default=None, ge=0)
    timestamp: Timestamp


def first_stop_price_krw(fill_price_krw: float, stop_loss_pct: float) -> int:
    """Return the stop to store with a fresh position: fill × (1 − stop-loss), whole won (rulebook §5.1)."""
    return int(fill_price_krw * (100 - stop_loss_pct) / 100)


def sold_cost_krw(total_buy_krw: int, held: int, sold: int) -> int:
    """Return the cost of the shares sold, in proportion; selling the rest takes every won that is left."""
    if not 0 < sold <= held:
        raise ValueError(f"{sold} of {held} shares cannot be sold")
    return total_buy_krw * sold // held
