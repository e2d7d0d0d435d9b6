"""What persons should find again: events, briefings, price alerts, and what was not to be had."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import Mapped, mapped_column

from prime_jennie.infra.database.tables.base import MYSQL_OPTIONS, Base
from prime_jennie.infra.database.types import JsonText, RowNumber, UtcDateTime

Body = Text().with_variant(mysql.MEDIUMTEXT(), "mysql")


class EventRow(Base):
    """Something a person should know of: `event_key` lets it happen once, strategy '' means the whole account."""

    __tablename__ = "events"
    __table_args__ = (
        UniqueConstraint("event_key", name="uq_events_event_key"),
        Index("ix_events_account_strategy_at", "account", "strategy", "at"),
        Index("ix_events_kind_at", "kind", "at"),
        MYSQL_OPTIONS,
    )

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    account: Mapped[str | None] = mapped_column(String(32))
    strategy: Mapped[str] = mapped_column(String(63), default="")
    service: Mapped[str] = mapped_column(String(63))
    level: Mapped[str] = mapped_column(String(10))
    kind: Mapped[str] = mapped_column(String(40))
    message: Mapped[str] = mapped_column(Text)
    payload: Mapped[object | None] = mapped_column(JsonText)
    who: Mapped[str | None] = mapped_column(String(100))
    event_key: Mapped[str | None] = mapped_column(String(200))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class BriefingRow(Base):
    """A day's briefing, with what it could not say."""

    __tablename__ = "briefings"
    __table_args__ = (MYSQL_OPTIONS,)

    briefing_date: Mapped[date] = mapped_column(Date, primary_key=True)
    body: Mapped[str] = mapped_column(Body)
    sources: Mapped[object | None] = mapped_column(JsonText)
    gaps: Mapped[object | None] = mapped_column(JsonText)
    writer: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class BriefingDeliveryRow(Base):
    """A day's briefing in one chat: the row is there before the message leaves, so no message leaves twice."""

    __tablename__ = "briefing_deliveries"
    __table_args__ = (MYSQL_OPTIONS,)

    briefing_date: Mapped[date] = mapped_column(Date, primary_key=True)
    chat_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    state: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(Text)
    parts: Mapped[int] = mapped_column(Integer)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PriceAlertRow(Base):
    """A price somebody waits for in a chat; `direction` is above or below."""

    __tablename__ = "price_alerts"
    __table_args__ = (
        Index("ix_price_alerts_state_expires_at", "state", "expires_at"),
        Index("ix_price_alerts_chat_id", "chat_id"),
        MYSQL_OPTIONS,
    )

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    chat_id: Mapped[str] = mapped_column(String(64))
    stock_code: Mapped[str] = mapped_column(String(12))
    stock_name: Mapped[str] = mapped_column(String(100))
    direction: Mapped[str] = mapped_column(String(10))
    target_price: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    fired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    fired_price: Mapped[int | None] = mapped_column(BigInteger)


class DataGapRow(Base):
    """What a collecting slot should have found and did not; subject '' means all of that kind."""

    __tablename__ = "data_gaps"
    __table_args__ = (
        UniqueConstraint("slot", "kind", "subject", "day", name="uq_data_gaps_slot_kind_subject_day"),
        Index("ix_data_gaps_day_kind", "day", "kind"),
        MYSQL_OPTIONS,
    )

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    slot: Mapped[str] = mapped_column(String(128))
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(64), default="")
    day: Mapped[date] = mapped_column(Date)
    reason: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
