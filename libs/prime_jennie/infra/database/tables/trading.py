"""The life of an order: why it was wanted, the intent, the order at the broker, its executions."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, Double, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from prime_jennie.infra.database.tables.base import MYSQL_OPTIONS, Base
from prime_jennie.infra.database.types import PriceNumber, RowNumber, UtcDateTime


class OrderOriginRow(Base):
    """What an executor knew before it sent the order, so that a later booking still knows why."""

    __tablename__ = "order_origins"
    __table_args__ = (MYSQL_OPTIONS,)

    account: Mapped[str] = mapped_column(String(32), primary_key=True)
    strategy: Mapped[str] = mapped_column(String(63), primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(String(128), primary_key=True)
    stock_code: Mapped[str] = mapped_column(String(12))
    stock_name: Mapped[str] = mapped_column(String(100))
    reason: Mapped[str] = mapped_column(Text)
    strategy_signal: Mapped[str | None] = mapped_column(String(40))
    sell_reason: Mapped[str | None] = mapped_column(String(40))
    market_regime: Mapped[str | None] = mapped_column(String(20))
    llm_score: Mapped[float | None] = mapped_column(Double)
    hybrid_score: Mapped[float | None] = mapped_column(Double)
    trade_tier: Mapped[str | None] = mapped_column(String(10))
    sector_group: Mapped[str | None] = mapped_column(String(30))
    message_id: Mapped[str | None] = mapped_column(String(128))
    position_id: Mapped[str | None] = mapped_column(String(64))
    scale_out_level: Mapped[int | None] = mapped_column(Integer)
    stop_loss_pct: Mapped[float | None] = mapped_column(Double)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OrderIntentRow(Base):
    """A promise to send one order at most once; `unresolved_slot` allows one uncertain order a stock and side."""

    __tablename__ = "order_intents"
    __table_args__ = (
        UniqueConstraint("account", "strategy", "idempotency_key", name="uq_order_intents_key"),
        UniqueConstraint("unresolved_slot", name="uq_order_intents_unresolved_slot"),
        Index("ix_order_intents_state", "state"),
        Index("ix_order_intents_recent", "account", "stock_code", "side", "created_at"),
        MYSQL_OPTIONS,
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account: Mapped[str] = mapped_column(String(32))
    strategy: Mapped[str] = mapped_column(String(63))
    idempotency_key: Mapped[str] = mapped_column(String(128))
    body_hash: Mapped[str] = mapped_column(String(64))
    stock_code: Mapped[str] = mapped_column(String(12))
    side: Mapped[str] = mapped_column(String(4))
    order_type: Mapped[str] = mapped_column(String(10))
    quantity: Mapped[int] = mapped_column(BigInteger)
    price: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(Text)
    message_id: Mapped[str | None] = mapped_column(String(128))
    state: Mapped[str] = mapped_column(String(16))
    epoch: Mapped[int] = mapped_column(BigInteger)
    attempts: Mapped[int] = mapped_column(Integer)
    unresolved_slot: Mapped[str | None] = mapped_column(String(64))
    broker_org_no: Mapped[str | None] = mapped_column(String(16))
    broker_order_no: Mapped[str | None] = mapped_column(String(32))
    error_code: Mapped[str | None] = mapped_column(String(32))
    error_message: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    dispatched_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class OrderRow(Base):
    """An order the broker accepted; its numbers follow from its fills."""

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("account", "order_date", "broker_order_no", name="uq_orders_broker"),
        UniqueConstraint("account", "strategy", "idempotency_key", name="uq_orders_key"),
        Index("ix_orders_stock", "account", "strategy", "stock_code"),
        Index("ix_orders_status", "account", "status"),
        MYSQL_OPTIONS,
    )

    id: Mapped[str] = mapped_column(String(32), ForeignKey("order_intents.id"), primary_key=True)
    account: Mapped[str] = mapped_column(String(32))
    strategy: Mapped[str] = mapped_column(String(63))
    order_date: Mapped[date] = mapped_column(Date)
    broker_order_no: Mapped[str] = mapped_column(String(32))
    idempotency_key: Mapped[str] = mapped_column(String(128))
    stock_code: Mapped[str] = mapped_column(String(12))
    side: Mapped[str] = mapped_column(String(4))
    order_type: Mapped[str] = mapped_column(String(10))
    quantity: Mapped[int] = mapped_column(BigInteger)
    price: Mapped[int | None] = mapped_column(BigInteger)
    status: Mapped[str] = mapped_column(String(12))
    filled_qty: Mapped[int] = mapped_column(BigInteger)
    filled_amount_krw: Mapped[int] = mapped_column(BigInteger)
    avg_fill_price: Mapped[float | None] = mapped_column(PriceNumber)
    cancel_requested_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class FillRow(Base):
    """One execution as the exchange reported it; rows are added, never changed."""

    __tablename__ = "fills"
    __table_args__ = (
        UniqueConstraint("broker_fill_id", name="uq_fills_broker_fill_id"),
        Index("ix_fills_order_id", "order_id"),
        Index("ix_fills_stock", "account", "strategy", "stock_code"),
        MYSQL_OPTIONS,
    )

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    order_id: Mapped[str] = mapped_column(String(32), ForeignKey("orders.id"))
    account: Mapped[str] = mapped_column(String(32))
    strategy: Mapped[str] = mapped_column(String(63))
    broker_fill_id: Mapped[str] = mapped_column(String(96))
    stock_code: Mapped[str] = mapped_column(String(12))
    side: Mapped[str] = mapped_column(String(4))
    quantity: Mapped[int] = mapped_column(BigInteger)
    price: Mapped[float] = mapped_column(PriceNumber)
    amount_krw: Mapped[int] = mapped_column(BigInteger)
    filled_at: Mapped[datetime] = mapped_column(UtcDateTime)
    source: Mapped[str] = mapped_column(String(10))
