"""What the scout and its analyst decided, run by run."""

from datetime import date, datetime

from sqlalchemy import Boolean, Date, Double, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from prime_jennie.infra.database.tables.base import MYSQL_OPTIONS, Base
from prime_jennie.infra.database.types import JsonText, RowNumber, UtcDateTime


class DailyQuantScoreRow(Base):
    """One stock's scores in one run; a later run of the day takes `is_active` from an earlier one."""

    __tablename__ = "daily_quant_score"
    __table_args__ = (
        UniqueConstraint(
            "score_date", "stock_code", "run_id", name="uq_daily_quant_score_score_date_stock_code_run_id"
        ),
        Index("ix_daily_quant_score_is_final_selected_score_date", "is_final_selected", "score_date"),
        MYSQL_OPTIONS,
    )

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    score_date: Mapped[date] = mapped_column(Date)
    run_id: Mapped[str] = mapped_column(String(128))
    stock_code: Mapped[str] = mapped_column(String(12))
    stock_name: Mapped[str] = mapped_column(String(100))
    total_quant_score: Mapped[float] = mapped_column(Double)
    momentum_score: Mapped[float] = mapped_column(Double)
    quality_score: Mapped[float] = mapped_column(Double)
    value_score: Mapped[float] = mapped_column(Double)
    technical_score: Mapped[float] = mapped_column(Double)
    news_score: Mapped[float] = mapped_column(Double)
    supply_demand_score: Mapped[float] = mapped_column(Double)
    sector_momentum_score: Mapped[float] = mapped_column(Double)
    is_valid: Mapped[bool] = mapped_column(Boolean, default=True)
    invalid_reason: Mapped[str | None] = mapped_column(Text)
    llm_score: Mapped[float | None] = mapped_column(Double)
    hybrid_score: Mapped[float | None] = mapped_column(Double)
    smoothed_score: Mapped[float | None] = mapped_column(Double)
    risk_tag: Mapped[str | None] = mapped_column(String(20))
    trade_tier: Mapped[str | None] = mapped_column(String(10))
    veto_applied: Mapped[bool] = mapped_column(Boolean, default=False)
    is_tradable: Mapped[bool] = mapped_column(Boolean, default=False)
    is_final_selected: Mapped[bool] = mapped_column(Boolean, default=False)
    llm_grade: Mapped[str | None] = mapped_column(String(2))
    llm_reason: Mapped[str | None] = mapped_column(Text)
    analyst: Mapped[str | None] = mapped_column(String(100))
    is_active: Mapped[bool] = mapped_column(Boolean, default=True)
    scored_at: Mapped[datetime] = mapped_column(UtcDateTime)


class WatchlistHistoryRow(Base):
    """A stock on the list of one run."""

    __tablename__ = "watchlist_history"
    __table_args__ = (
        Index("ix_watchlist_history_snapshot_date_is_active", "snapshot_date", "is_active"),
        MYSQL_OPTIONS,
    )

    snapshot_date: Mapped[date] = mapped_column(Date, primary_key=True)
    stock_code: Mapped[str] = mapped_column(String(12), primary_key=True)
    run_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    stock_name: Mapped[str] = mapped_column(String(100))
    llm_score: Mapped[float] = mapped_column(Double)
    hybrid_score: Mapped[float] = mapped_column(Double)
    quant_score: Mapped[float] = mapped_column(Double)
    is_tradable: Mapped[bool] = mapped_column(Boolean)
    trade_tier: Mapped[str] = mapped_column(String(10))
    risk_tag: Mapped[str] = mapped_column(String(20))
    rank: Mapped[int] = mapped_column(Integer)
    sector_group: Mapped[str | None] = mapped_column(String(30))
    market_regime: Mapped[str] = mapped_column(String(20))
    since: Mapped[date | None] = mapped_column(Date)
    is_active: Mapped[bool] = mapped_column(Boolean, default=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LlmDecisionRow(Base):
    """One answer of a language model, or of what stood in for it: who said what about which subject, and its cost."""

    __tablename__ = "llm_decision_ledgers"
    __table_args__ = (
        Index("ix_llm_decision_ledgers_service_decided_at", "service", "decided_at"),
        Index("ix_llm_decision_ledgers_run_id", "run_id"),
        Index("ix_llm_decision_ledgers_stock_code_decided_at", "stock_code", "decided_at"),
        MYSQL_OPTIONS,
    )

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    run_id: Mapped[str] = mapped_column(String(128))
    service: Mapped[str] = mapped_column(String(63))
    role: Mapped[str] = mapped_column(String(40))
    stock_code: Mapped[str | None] = mapped_column(String(12))
    model: Mapped[str] = mapped_column(String(100))
    tier: Mapped[str | None] = mapped_column(String(20))
    outcome: Mapped[str] = mapped_column(String(20))
    score: Mapped[float | None] = mapped_column(Double)
    decision: Mapped[object | None] = mapped_column(JsonText)
    reason: Mapped[str | None] = mapped_column(Text)
    tokens_in: Mapped[int | None] = mapped_column(Integer)
    tokens_out: Mapped[int | None] = mapped_column(Integer)
    latency_ms: Mapped[int | None] = mapped_column(Integer)
    cost_usd: Mapped[float | None] = mapped_column(Double)
    decided_at: Mapped[datetime] = mapped_column(UtcDateTime)


class FactorMetadataRow(Base):
    """How well a factor told the returns after it: Spearman's rank correlation over a window of days."""

    __tablename__ = "factor_metadata"
    __table_args__ = (MYSQL_OPTIONS,)

    factor: Mapped[str] = mapped_column(String(40), primary_key=True)
    analysis_date: Mapped[date] = mapped_column(Date, primary_key=True)
    horizon_days: Mapped[int] = mapped_column(Integer, primary_key=True)
    window_days: Mapped[int] = mapped_column(Integer)
    max_score: Mapped[float] = mapped_column(Double)
    rank_correlation: Mapped[float | None] = mapped_column(Double)
    p_value: Mapped[float | None] = mapped_column(Double)
    observations: Mapped[int] = mapped_column(Integer)
    description: Mapped[str | None] = mapped_column(Text)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
