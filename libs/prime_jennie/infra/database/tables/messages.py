"""What was said: received messages with their outcomes, and signals with their reasons."""

from datetime import datetime

from sqlalchemy import BigInteger, Double, Index, Integer, String, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import Mapped, mapped_column

from prime_jennie.infra.database.tables.base import MYSQL_OPTIONS, Base
from prime_jennie.infra.database.types import RowNumber, UtcDateTime

Payload = Text().with_variant(mysql.MEDIUMTEXT(), "mysql")


class InboxRow(Base):
    """A message on its way through one consumer: written before its acknowledgement, closed with an outcome."""

    __tablename__ = "inbox"
    __table_args__ = (Index("ix_inbox_consumer_state", "consumer", "state"), MYSQL_OPTIONS)

    consumer: Mapped[str] = mapped_column(String(128), primary_key=True)
    message_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    stream: Mapped[str] = mapped_column(String(128))
    payload: Mapped[str] = mapped_column(Payload)
    traceparent: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(10))
    outcome: Mapped[str | None] = mapped_column(String(32))
    reason: Mapped[str | None] = mapped_column(Text)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SignalLogRow(Base):
    """One decision of a scanner or monitor: published, or suppressed and why."""

    __tablename__ = "signal_logs"
    __table_args__ = (
        Index("ix_signal_logs_signal_type_created_at", "signal_type", "created_at"),
        Index("ix_signal_logs_stock_code_created_at", "stock_code", "created_at"),
        Index("ix_signal_logs_strategy_signal_at", "strategy", "signal_at"),
        MYSQL_OPTIONS,
    )

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    account: Mapped[str | None] = mapped_column(String(32))
    strategy: Mapped[str] = mapped_column(String(63))
    signal_type: Mapped[str] = mapped_column(String(4))
    stock_code: Mapped[str] = mapped_column(String(12))
    stock_name: Mapped[str] = mapped_column(String(100))
    strategy_signal: Mapped[str] = mapped_column(String(40))
    price: Mapped[int] = mapped_column(BigInteger)
    quantity: Mapped[int | None] = mapped_column(BigInteger)
    hybrid_score: Mapped[float | None] = mapped_column(Double)
    rsi_value: Mapped[float | None] = mapped_column(Double)
    volume_ratio: Mapped[float | None] = mapped_column(Double)
    market_regime: Mapped[str] = mapped_column(String(20))
    position_multiplier: Mapped[float | None] = mapped_column(Double)
    profit_pct: Mapped[float | None] = mapped_column(Double)
    holding_days: Mapped[int | None] = mapped_column(Integer)
    status: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str | None] = mapped_column(Text)
    suppressed_reason: Mapped[str | None] = mapped_column(Text)
    message_id: Mapped[str | None] = mapped_column(String(128))
    signal_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
