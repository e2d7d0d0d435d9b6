"""What is known of a stock beside its prices: flows, figures, forecasts, filings, news, and its sector."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, Double, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from prime_jennie.infra.database.tables.base import MYSQL_OPTIONS, Base
from prime_jennie.infra.database.types import RowNumber, UtcDateTime

# A unique key of InnoDB holds 3,072 bytes: 768 characters of four.
URL_CHARACTERS = 700


class StockInvestorTradingRow(Base):
    """Who bought on balance on one real day, in KRW; never a rolling sum (rulebook §3.1 ✗)."""

    __tablename__ = "stock_investor_trading"
    __table_args__ = (
        UniqueConstraint("stock_code", "trade_date", name="uq_stock_investor_trading_stock_code_trade_date"),
        Index("ix_stock_investor_trading_trade_date_stock_code", "trade_date", "stock_code"),
        MYSQL_OPTIONS,
    )

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    stock_code: Mapped[str] = mapped_column(String(12))
    trade_date: Mapped[date] = mapped_column(Date)
    foreign_net_buy: Mapped[int | None] = mapped_column(BigInteger)
    institution_net_buy: Mapped[int | None] = mapped_column(BigInteger)
    individual_net_buy: Mapped[int | None] = mapped_column(BigInteger)
    foreign_holding_ratio: Mapped[float | None] = mapped_column(Double)


class StockFundamentalRow(Base):
    """Reported valuation figures as known on a day; `market_cap` in KRW."""

    __tablename__ = "stock_fundamentals"
    __table_args__ = (MYSQL_OPTIONS,)

    stock_code: Mapped[str] = mapped_column(String(12), primary_key=True)
    trade_date: Mapped[date] = mapped_column(Date, primary_key=True)
    per: Mapped[float | None] = mapped_column(Double)
    pbr: Mapped[float | None] = mapped_column(Double)
    roe: Mapped[float | None] = mapped_column(Double)
    market_cap: Mapped[int | None] = mapped_column(BigInteger)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class StockConsensusRow(Base):
    """What analysts expected on a day."""

    __tablename__ = "stock_consensus"
    __table_args__ = (Index("ix_stock_consensus_trade_date", "trade_date"), MYSQL_OPTIONS)

    stock_code: Mapped[str] = mapped_column(String(12), primary_key=True)
    trade_date: Mapped[date] = mapped_column(Date, primary_key=True)
    forward_per: Mapped[float | None] = mapped_column(Double)
    forward_eps: Mapped[float | None] = mapped_column(Double)
    forward_roe: Mapped[float | None] = mapped_column(Double)
    target_price: Mapped[int | None] = mapped_column(BigInteger)
    analyst_count: Mapped[int | None] = mapped_column(Integer)
    investment_opinion: Mapped[float | None] = mapped_column(Double)
    source: Mapped[str] = mapped_column(String(20), default="FNGUIDE")


class StockDisclosureRow(Base):
    """A company's filing; `receipt_no` is its one name."""

    __tablename__ = "stock_disclosures"
    __table_args__ = (
        UniqueConstraint("receipt_no", name="uq_stock_disclosures_receipt_no"),
        Index("ix_stock_disclosures_stock_code_disclosure_date", "stock_code", "disclosure_date"),
        MYSQL_OPTIONS,
    )

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    stock_code: Mapped[str] = mapped_column(String(12))
    disclosure_date: Mapped[date] = mapped_column(Date)
    title: Mapped[str] = mapped_column(String(500))
    report_type: Mapped[str | None] = mapped_column(String(50))
    receipt_no: Mapped[str] = mapped_column(String(32))
    corp_name: Mapped[str | None] = mapped_column(String(100))


class StockNewsSentimentRow(Base):
    """An article and how it sounds; without a score it was never judged, which is not the same as neutral."""

    __tablename__ = "stock_news_sentiment"
    __table_args__ = (
        UniqueConstraint("article_url", name="uq_stock_news_sentiment_article_url"),
        Index("ix_stock_news_sentiment_stock_code_news_date", "stock_code", "news_date"),
        MYSQL_OPTIONS,
    )

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    stock_code: Mapped[str] = mapped_column(String(12))
    news_date: Mapped[date] = mapped_column(Date)
    press: Mapped[str] = mapped_column(String(100))
    headline: Mapped[str] = mapped_column(String(500))
    summary: Mapped[str | None] = mapped_column(Text)
    sentiment_score: Mapped[float | None] = mapped_column(Double)
    sentiment_reason: Mapped[str | None] = mapped_column(Text)
    category: Mapped[str | None] = mapped_column(String(50))
    article_url: Mapped[str] = mapped_column(String(URL_CHARACTERS))
    published_at: Mapped[datetime] = mapped_column(UtcDateTime)
    source: Mapped[str | None] = mapped_column(String(20))


class SectorMappingRow(Base):
    """The sector of an industry or of one stock: `kind` is naver, ksic or stock, `name` its word or code."""

    __tablename__ = "sector_mapping"
    __table_args__ = (Index("ix_sector_mapping_sector_group", "sector_group"), MYSQL_OPTIONS)

    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    sector_group: Mapped[str] = mapped_column(String(30))
    updated_by: Mapped[str] = mapped_column(String(100))
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
