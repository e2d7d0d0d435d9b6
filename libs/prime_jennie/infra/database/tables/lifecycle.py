"""How the house lives: the market's state, recoveries, settlements, workers, locks and what strategies were told."""

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Date, Double, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from prime_jennie.infra.database.tables.base import MYSQL_OPTIONS, Base
from prime_jennie.infra.database.types import JsonText, RowNumber, UtcDateTime


class MarketStateRow(Base):
    """Where an account stands on a day; the newest day is the present, `epoch` the gateway's that wrote it."""

    __tablename__ = "market_states"
    __table_args__ = (MYSQL_OPTIONS,)

    account: Mapped[str] = mapped_column(String(32), primary_key=True)
    trade_date: Mapped[date] = mapped_column(Date, primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    steps: Mapped[object | None] = mapped_column(JsonText)
    market_open_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    market_closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_recovery_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    recovery_status: Mapped[str | None] = mapped_column(String(10))
    recovery_details: Mapped[object | None] = mapped_column(JsonText)
    epoch: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RecoveryLogRow(Base):
    """One comparison of the books with the broker, from its start to its verdict."""

    __tablename__ = "recovery_logs"
    __table_args__ = (Index("ix_recovery_logs_account_started_at", "account", "started_at"), MYSQL_OPTIONS)

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    account: Mapped[str] = mapped_column(String(32))
    cause: Mapped[str] = mapped_column(String(20))
    epoch: Mapped[int] = mapped_column(BigInteger)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    status: Mapped[str | None] = mapped_column(String(10))
    orders_synced: Mapped[int] = mapped_column(Integer, default=0)
    positions_recalculated: Mapped[int] = mapped_column(Integer, default=0)
    mismatches_found: Mapped[int] = mapped_column(Integer, default=0)
    details: Mapped[object | None] = mapped_column(JsonText)


class DailySettlementRow(Base):
    """A strategy's result of a day at market prices, in KRW; written once."""

    __tablename__ = "daily_settlements"
    __table_args__ = (Index("ix_daily_settlements_trade_date", "trade_date"), MYSQL_OPTIONS)

    account: Mapped[str] = mapped_column(String(32), primary_key=True)
    strategy: Mapped[str] = mapped_column(String(63), primary_key=True)
    trade_date: Mapped[date] = mapped_column(Date, primary_key=True)
    realized_pnl: Mapped[int] = mapped_column(BigInteger)
    unrealized_pnl: Mapped[int] = mapped_column(BigInteger)
    total_pnl: Mapped[int] = mapped_column(BigInteger)
    positions_snapshot: Mapped[object | None] = mapped_column(JsonText)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class DailySummaryRow(Base):
    """A strategy's day in figures: money in KRW, `gross_loss_krw` as an absolute, win rate as a ratio."""

    __tablename__ = "daily_summaries"
    __table_args__ = (Index("ix_daily_summaries_summary_date", "summary_date"), MYSQL_OPTIONS)

    account: Mapped[str] = mapped_column(String(32), primary_key=True)
    strategy: Mapped[str] = mapped_column(String(63), primary_key=True)
    summary_date: Mapped[date] = mapped_column(Date, primary_key=True)
    worker_id: Mapped[str] = mapped_column(String(128))
    total_trades: Mapped[int] = mapped_column(Integer)
    winning_trades: Mapped[int] = mapped_column(Integer)
    losing_trades: Mapped[int] = mapped_column(Integer)
    gross_profit: Mapped[int] = mapped_column(BigInteger)
    gross_loss: Mapped[int] = mapped_column(BigInteger)
    net_pnl: Mapped[int] = mapped_column(BigInteger)
    unrealized_pnl: Mapped[int] = mapped_column(BigInteger)
    max_drawdown: Mapped[float] = mapped_column(Double)
    win_rate: Mapped[float] = mapped_column(Double)
    profit_factor: Mapped[float] = mapped_column(Double)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class WorkerProcessRow(Base):
    """A process that says it lives; the row outlives it, so a silence is seen."""

    __tablename__ = "worker_processes"
    __table_args__ = (Index("ix_worker_processes_last_heartbeat_at", "last_heartbeat_at"), MYSQL_OPTIONS)

    worker_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    service: Mapped[str] = mapped_column(String(63))
    strategy: Mapped[str] = mapped_column(String(63))
    status: Mapped[str] = mapped_column(String(16))
    current_symbol: Mapped[str | None] = mapped_column(String(12))
    current_work: Mapped[str | None] = mapped_column(String(200))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_heartbeat_at: Mapped[datetime] = mapped_column(UtcDateTime)
    heartbeat_interval_secs: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class StockLockRow(Base):
    """Who works on a stock of an account; a released or outlived lock keeps its row and lets the next one take it."""

    __tablename__ = "stock_locks"
    __table_args__ = (
        CheckConstraint("expires_at > acquired_at", name="ck_stock_locks_expires_after_acquired"),
        MYSQL_OPTIONS,
    )

    account: Mapped[str] = mapped_column(String(32), primary_key=True)
    stock_code: Mapped[str] = mapped_column(String(12), primary_key=True)
    worker_id: Mapped[str] = mapped_column(String(128))
    acquired_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    heartbeat_at: Mapped[datetime] = mapped_column(UtcDateTime)
    status: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class StrategyRow(Base):
    """A strategy that was once acknowledged on an account."""

    __tablename__ = "strategies"
    __table_args__ = (MYSQL_OPTIONS,)

    account: Mapped[str] = mapped_column(String(32), primary_key=True)
    strategy: Mapped[str] = mapped_column(String(63), primary_key=True)
    status: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class StrategyParamsRow(Base):
    """The live configuration a strategy worked under on a day; `version` is its generation."""

    __tablename__ = "strategy_params"
    __table_args__ = (MYSQL_OPTIONS,)

    account: Mapped[str] = mapped_column(String(32), primary_key=True)
    strategy: Mapped[str] = mapped_column(String(63), primary_key=True)
    trade_date: Mapped[date] = mapped_column(Date, primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    params: Mapped[object | None] = mapped_column(JsonText)
    status: Mapped[str] = mapped_column(String(10))
    acknowledged_by: Mapped[str] = mapped_column(String(128))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
