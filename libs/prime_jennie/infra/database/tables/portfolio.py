"""What is held and what was traded, booked from the fills and from nothing else."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Boolean, Date, Double, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from prime_jennie.infra.database.tables.base import MYSQL_OPTIONS, Base
from prime_jennie.infra.database.types import PriceNumber, RowNumber, UtcDateTime


class ActivePortfolioRow(Base):
    """An open position; `position_id` is new each time a stock is bought from nothing."""

    __tablename__ = "active_portfolio"
    __table_args__ = (MYSQL_OPTIONS,)

    account: Mapped[str] = mapped_column(String(32), primary_key=True)
    strategy: Mapped[str] = mapped_column(String(63), primary_key=True)
    stock_code: Mapped[str] = mapped_column(String(12), primary_key=True)
    position_id: Mapped[str] = mapped_column(String(64))
    stock_name: Mapped[str] = mapped_column(String(100))
    quantity: Mapped[int] = mapped_column(BigInteger)
    average_buy_price: Mapped[float] = mapped_column(PriceNumber)
    total_buy_amount: Mapped[int] = mapped_column(BigInteger)
    buy_commission_krw: Mapped[int] = mapped_column(BigInteger)
    sector_group: Mapped[str | None] = mapped_column(String(30))
    high_watermark: Mapped[int | None] = mapped_column(BigInteger)
    stop_loss_price: Mapped[int | None] = mapped_column(BigInteger)
    scale_out_level: Mapped[int] = mapped_column(Integer)
    rsi_sold: Mapped[bool] = mapped_column(Boolean)
    bought_at: Mapped[datetime] = mapped_column(UtcDateTime)
    entry_signal: Mapped[str | None] = mapped_column(String(40))
    llm_score: Mapped[float | None] = mapped_column(Double)
    hybrid_score: Mapped[float | None] = mapped_column(Double)
    trade_tier: Mapped[str | None] = mapped_column(String(10))
    market_regime: Mapped[str | None] = mapped_column(String(20))
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class TradeLogRow(Base):
    """One booked execution; SELL rows carry the entry's scores, tier and regime (rulebook §2.1)."""

    __tablename__ = "trade_log"
    __table_args__ = (
        UniqueConstraint("fill_id", name="uq_trade_log_fill_id"),
        Index("ix_trade_log_strategy_time", "account", "strategy", "trade_timestamp"),
        Index("ix_trade_log_stock_code_trade_timestamp", "stock_code", "trade_timestamp"),
        Index("ix_trade_log_trade_type_trade_timestamp", "trade_type", "trade_timestamp"),
        Index("ix_trade_log_strategy_signal_trade_timestamp", "strategy_signal", "trade_timestamp"),
        Index("ix_trade_log_order_id", "order_id"),
        MYSQL_OPTIONS,
    )

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    account: Mapped[str] = mapped_column(String(32))
    strategy: Mapped[str] = mapped_column(String(63))
    order_id: Mapped[str] = mapped_column(String(32), ForeignKey("orders.id"))
    fill_id: Mapped[int] = mapped_column(RowNumber, ForeignKey("fills.id"))
    stock_code: Mapped[str] = mapped_column(String(12))
    stock_name: Mapped[str] = mapped_column(String(100))
    trade_type: Mapped[str] = mapped_column(String(4))
    quantity: Mapped[int] = mapped_column(BigInteger)
    price: Mapped[float] = mapped_column(PriceNumber)
    total_amount: Mapped[int] = mapped_column(BigInteger)
    commission_krw: Mapped[int] = mapped_column(BigInteger)
    tax_krw: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(Text)
    strategy_signal: Mapped[str | None] = mapped_column(String(40))
    sell_reason: Mapped[str | None] = mapped_column(String(40))
    market_regime: Mapped[str | None] = mapped_column(String(20))
    llm_score: Mapped[float | None] = mapped_column(Double)
    hybrid_score: Mapped[float | None] = mapped_column(Double)
    trade_tier: Mapped[str | None] = mapped_column(String(10))
    profit_pct: Mapped[float | None] = mapped_column(Double)
    profit_amount: Mapped[int | None] = mapped_column(BigInteger)
    holding_days: Mapped[int | None] = mapped_column(Integer)
    message_id: Mapped[str | None] = mapped_column(String(128))
    trade_timestamp: Mapped[datetime] = mapped_column(UtcDateTime)


class DailyAssetSnapshotRow(Base):
    __tablename__ = "daily_asset_snapshot"
    __table_args__ = (MYSQL_OPTIONS,)

    account: Mapped[str] = mapped_column(String(32), primary_key=True)
    strategy: Mapped[str] = mapped_column(String(63), primary_key=True)
    snapshot_date: Mapped[date] = mapped_column(Date, primary_key=True)
    total_asset: Mapped[int] = mapped_column(BigInteger)
    cash_balance: Mapped[int] = mapped_column(BigInteger)
    stock_eval_amount: Mapped[int] = mapped_column(BigInteger)
    total_profit_loss: Mapped[int | None] = mapped_column(BigInteger)
    realized_profit_loss: Mapped[int | None] = mapped_column(BigInteger)
    net_investment: Mapped[int | None] = mapped_column(BigInteger)
    position_count: Mapped[int] = mapped_column(Integer)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PositionCorrectionRow(Base):
    """Shares that left without a fill of ours, as the broker says: fills and corrections together are the position."""

    __tablename__ = "position_corrections"
    __table_args__ = (
        Index("ix_position_corrections_stock", "account", "strategy", "stock_code"),
        Index("ix_position_corrections_at", "at"),
        MYSQL_OPTIONS,
    )

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    account: Mapped[str] = mapped_column(String(32))
    strategy: Mapped[str] = mapped_column(String(63))
    stock_code: Mapped[str] = mapped_column(String(12))
    stock_name: Mapped[str] = mapped_column(String(100))
    position_id: Mapped[str] = mapped_column(String(64))
    quantity_before: Mapped[int] = mapped_column(BigInteger)
    quantity_after: Mapped[int] = mapped_column(BigInteger)
    broker_quantity: Mapped[int] = mapped_column(BigInteger)
    average_buy_price: Mapped[float] = mapped_column(PriceNumber)
    reason: Mapped[str] = mapped_column(Text)
    who: Mapped[str] = mapped_column(String(100))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
