"""What was run at which scheduled minute, and what became of it."""

from datetime import datetime

from sqlalchemy import Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from prime_jennie.infra.database.tables.base import MYSQL_OPTIONS, Base
from prime_jennie.infra.database.types import UtcDateTime


class SlotRow(Base):
    """One slot for ever: its name is the key, so it can be started once only, whoever asks."""

    __tablename__ = "slots"
    __table_args__ = (
        Index("ix_slots_task_at", "namespace", "task", "at"),
        Index("ix_slots_schedule_at", "namespace", "schedule", "at"),
        Index("ix_slots_at", "at"),
        MYSQL_OPTIONS,
    )

    namespace: Mapped[str] = mapped_column(String(63), primary_key=True)
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    task: Mapped[str] = mapped_column(String(20))
    schedule: Mapped[str] = mapped_column(String(63))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    source: Mapped[str] = mapped_column(String(10))
    backfill: Mapped[str] = mapped_column(String(63), server_default="")
    state: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(Integer)
    attempts_allowed: Mapped[int] = mapped_column(Integer)
    owner: Mapped[str] = mapped_column(String(128))
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    progress_pct: Mapped[int] = mapped_column(Integer)
    phase: Mapped[str] = mapped_column(String(40))
