"""Market data: masters and bars.

Codes carry no foreign key to the master: real price files name stocks that no listing row knows.
"""

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, Double, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from prime_jennie.infra.database.tables.base import MYSQL_OPTIONS, Base
from prime_jennie.infra.database.types import RowNumber, UtcDateTime


class StockMasterRow(Base):
    __tablename__ = "stock_master"
    __table_args__ = (
        Index("ix_stock_master_sector_group", "sector_group"),
        Index("ix_stock_master_is_active_market", "is_active", "market"),
        MYSQL_OPTIONS,
    )

    stock_code: Mapped[str] = mapped_column(String(12), primary_key=True)
    stock_name: Mapped[str] = mapped_column(String(100))
    market: Mapped[str] = mapped_column(String(10))
    market_cap: Mapped[int | None] = mapped_column(BigInteger)
    shares: Mapped[int | None] = mapped_column(BigInteger)
    sector_naver: Mapped[str | None] = mapped_column(String(50))
    industry: Mapped[str | None] = mapped_column(String(120))
    sector_group: Mapped[str | None] = mapped_column(String(30))
    is_active: Mapped[bool]
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class StockDailyPriceRow(Base):
    __tablename__ = "stock_daily_price"
    __table_args__ = (Index("ix_stock_daily_price_price_date", "price_date"), MYSQL_OPTIONS)

    stock_code: Mapped[str] = mapped_column(String(12), primary_key=True)
    price_date: Mapped[date] = mapped_column(Date, primary_key=True)
    open_price: Mapped[int] = mapped_column(BigInteger)
    high_price: Mapped[int] = mapped_column(BigInteger)
    low_price: Mapped[int] = mapped_column(BigInteger)
    close_price: Mapped[int] = mapped_column(BigInteger)
    volume: Mapped[int] = mapped_column(BigInteger)
    change_pct: Mapped[float | None] = mapped_column(Double)


class IndexDailyPriceRow(Base):
    """An index bar; `source` names an approximation, NULL are the exchange's own numbers."""

    __tablename__ = "index_daily_price"
    __table_args__ = (Index("ix_index_daily_price_price_date", "price_date"), MYSQL_OPTIONS)

    index_code: Mapped[str] = mapped_column(String(16), primary_key=True)
    price_date: Mapped[date] = mapped_column(Date, primary_key=True)
    open_price: Mapped[float] = mapped_column(Double)
    high_price: Mapped[float] = mapped_column(Double)
    low_price: Mapped[float] = mapped_column(Double)
    close_price: Mapped[float] = mapped_column(Double)
    volume: Mapped[int] = mapped_column(BigInteger)
    change_pct: Mapped[float | None] = mapped_column(Double)
    source: Mapped[str | None] = mapped_column(String(200))


class StockMinutePriceRow(Base):
    __tablename__ = "stock_minute_price"
    __table_args__ = (
        UniqueConstraint("stock_code", "price_datetime", name="uq_stock_minute_price_stock_code_price_datetime"),
        MYSQL_OPTIONS,
    )

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    stock_code: Mapped[str] = mapped_column(String(12))
    price_datetime: Mapped[datetime] = mapped_column(UtcDateTime)
    open_price: Mapped[int] = mapped_column(BigInteger)
    high_price: Mapped[int] = mapped_column(BigInteger)
    low_price: Mapped[int] = mapped_column(BigInteger)
    close_price: Mapped[int] = mapped_column(BigInteger)
    volume: Mapped[int] = mapped_column(BigInteger)
