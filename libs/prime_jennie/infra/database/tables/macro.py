"""The market's weather: the world's figures of a day and what the council made of them."""

from datetime import date, datetime

from sqlalchemy import Boolean, Date, Double, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from prime_jennie.infra.database.tables.base import MYSQL_OPTIONS, Base
from prime_jennie.infra.database.types import JsonText, UtcDateTime


class DailyMacroInsightRow(Base):
    """The council's verdict of a day; a later sitting of the same day replaces it. Flows in 억원."""

    __tablename__ = "daily_macro_insight"
    __table_args__ = (MYSQL_OPTIONS,)

    insight_date: Mapped[date] = mapped_column(Date, primary_key=True)
    run_id: Mapped[str] = mapped_column(String(128))
    sentiment: Mapped[str] = mapped_column(String(30))
    sentiment_score: Mapped[float] = mapped_column(Double)
    regime_hint: Mapped[str] = mapped_column(String(200))
    sectors_to_favor: Mapped[object | None] = mapped_column(JsonText)
    sectors_to_avoid: Mapped[object | None] = mapped_column(JsonText)
    position_size_pct: Mapped[float] = mapped_column(Double)
    stop_loss_adjust_pct: Mapped[float] = mapped_column(Double)
    political_risk_level: Mapped[str] = mapped_column(String(10))
    political_risk_summary: Mapped[str | None] = mapped_column(Text)
    vix_value: Mapped[float | None] = mapped_column(Double)
    vix_regime: Mapped[str] = mapped_column(String(10))
    usd_krw: Mapped[float | None] = mapped_column(Double)
    kospi_index: Mapped[float | None] = mapped_column(Double)
    kosdaq_index: Mapped[float | None] = mapped_column(Double)
    kospi_change_pct: Mapped[float | None] = mapped_column(Double)
    kosdaq_change_pct: Mapped[float | None] = mapped_column(Double)
    kospi_foreign_net: Mapped[float | None] = mapped_column(Double)
    kospi_institutional_net: Mapped[float | None] = mapped_column(Double)
    kospi_retail_net: Mapped[float | None] = mapped_column(Double)
    sector_signals: Mapped[object | None] = mapped_column(JsonText)
    key_themes: Mapped[object | None] = mapped_column(JsonText)
    risk_factors: Mapped[object | None] = mapped_column(JsonText)
    opportunity_factors: Mapped[object | None] = mapped_column(JsonText)
    strategies_to_favor: Mapped[object | None] = mapped_column(JsonText)
    strategies_to_avoid: Mapped[object | None] = mapped_column(JsonText)
    raw_council_output: Mapped[object | None] = mapped_column(JsonText)
    trading_reasoning: Mapped[str | None] = mapped_column(Text)
    council_consensus: Mapped[str | None] = mapped_column(String(20))
    council_cost_usd: Mapped[float | None] = mapped_column(Double)
    council: Mapped[str | None] = mapped_column(String(200))
    is_fallback: Mapped[bool] = mapped_column(Boolean, default=False)
    data_completeness_pct: Mapped[float | None] = mapped_column(Double)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class GlobalMacroSnapshotRow(Base):
    """The world's figures as collected; flows in 억원, a missing figure stays NULL."""

    __tablename__ = "global_macro_snapshot"
    __table_args__ = (MYSQL_OPTIONS,)

    snapshot_date: Mapped[date] = mapped_column(Date, primary_key=True)
    timestamp: Mapped[datetime] = mapped_column(UtcDateTime)
    fed_rate: Mapped[float | None] = mapped_column(Double)
    treasury_2y: Mapped[float | None] = mapped_column(Double)
    treasury_10y: Mapped[float | None] = mapped_column(Double)
    treasury_spread: Mapped[float | None] = mapped_column(Double)
    us_cpi_yoy: Mapped[float | None] = mapped_column(Double)
    us_unemployment: Mapped[float | None] = mapped_column(Double)
    vix: Mapped[float | None] = mapped_column(Double)
    vix_regime: Mapped[str] = mapped_column(String(10))
    dxy_index: Mapped[float | None] = mapped_column(Double)
    usd_krw: Mapped[float | None] = mapped_column(Double)
    bok_rate: Mapped[float | None] = mapped_column(Double)
    kospi_index: Mapped[float | None] = mapped_column(Double)
    kospi_change_pct: Mapped[float | None] = mapped_column(Double)
    kosdaq_index: Mapped[float | None] = mapped_column(Double)
    kosdaq_change_pct: Mapped[float | None] = mapped_column(Double)
    kospi_foreign_net: Mapped[float | None] = mapped_column(Double)
    kosdaq_foreign_net: Mapped[float | None] = mapped_column(Double)
    kospi_institutional_net: Mapped[float | None] = mapped_column(Double)
    kospi_retail_net: Mapped[float | None] = mapped_column(Double)
    completeness_pct: Mapped[float] = mapped_column(Double)
    data_sources: Mapped[object | None] = mapped_column(JsonText)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
