"""Create the tables of analysis, of the house's own life, and of what persons should find again.

Revision ID: 0002
Revises: 0001

It only adds: no table of the first revision is touched. Tables are created where they are missing, as in the first
revision, so a migration that was killed half-way is simply run again.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from prime_jennie.infra.database.types import JsonText, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ON_MARIADB = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}

TABLES = (
    "briefings",
    "daily_macro_insight",
    "daily_quant_score",
    "daily_settlements",
    "daily_summaries",
    "data_gaps",
    "events",
    "factor_metadata",
    "global_macro_snapshot",
    "llm_decision_ledgers",
    "market_states",
    "position_corrections",
    "price_alerts",
    "recovery_logs",
    "sector_mapping",
    "stock_consensus",
    "stock_disclosures",
    "stock_fundamentals",
    "stock_investor_trading",
    "stock_locks",
    "stock_news_sentiment",
    "strategies",
    "strategy_params",
    "watchlist_history",
    "worker_processes",
)


def upgrade() -> None:
    op.create_table(
        "briefings",
        sa.Column("briefing_date", sa.Date(), nullable=False),
        sa.Column("body", sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql"), nullable=False),
        sa.Column("sources", JsonText(), nullable=True),
        sa.Column("gaps", JsonText(), nullable=True),
        sa.Column("writer", sa.String(length=100), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("briefing_date", name="pk_briefings"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_table(
        "daily_macro_insight",
        sa.Column("insight_date", sa.Date(), nullable=False),
        sa.Column("run_id", sa.String(length=128), nullable=False),
        sa.Column("sentiment", sa.String(length=30), nullable=False),
        sa.Column("sentiment_score", sa.Double(), nullable=False),
        sa.Column("regime_hint", sa.String(length=200), nullable=False),
        sa.Column("sectors_to_favor", JsonText(), nullable=True),
        sa.Column("sectors_to_avoid", JsonText(), nullable=True),
        sa.Column("position_size_pct", sa.Double(), nullable=False),
        sa.Column("stop_loss_adjust_pct", sa.Double(), nullable=False),
        sa.Column("political_risk_level", sa.String(length=10), nullable=False),
        sa.Column("political_risk_summary", sa.Text(), nullable=True),
        sa.Column("vix_value", sa.Double(), nullable=True),
        sa.Column("vix_regime", sa.String(length=10), nullable=False),
        sa.Column("usd_krw", sa.Double(), nullable=True),
        sa.Column("kospi_index", sa.Double(), nullable=True),
        sa.Column("kosdaq_index", sa.Double(), nullable=True),
        sa.Column("kospi_change_pct", sa.Double(), nullable=True),
        sa.Column("kosdaq_change_pct", sa.Double(), nullable=True),
        sa.Column("kospi_foreign_net", sa.Double(), nullable=True),
        sa.Column("kospi_institutional_net", sa.Double(), nullable=True),
        sa.Column("kospi_retail_net", sa.Double(), nullable=True),
        sa.Column("sector_signals", JsonText(), nullable=True),
        sa.Column("key_themes", JsonText(), nullable=True),
        sa.Column("risk_factors", JsonText(), nullable=True),
        sa.Column("opportunity_factors", JsonText(), nullable=True),
        sa.Column("strategies_to_favor", JsonText(), nullable=True),
        sa.Column("strategies_to_avoid", JsonText(), nullable=True),
        sa.Column("raw_council_output", JsonText(), nullable=True),
        sa.Column("trading_reasoning", sa.Text(), nullable=True),
        sa.Column("council_consensus", sa.String(length=20), nullable=True),
        sa.Column("council_cost_usd", sa.Double(), nullable=True),
        sa.Column("council", sa.String(length=200), nullable=True),
        sa.Column("is_fallback", sa.Boolean(), nullable=False),
        sa.Column("data_completeness_pct", sa.Double(), nullable=True),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("insight_date", name="pk_daily_macro_insight"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_table(
        "daily_quant_score",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("score_date", sa.Date(), nullable=False),
        sa.Column("run_id", sa.String(length=128), nullable=False),
        sa.Column("stock_code", sa.String(length=12), nullable=False),
        sa.Column("stock_name", sa.String(length=100), nullable=False),
        sa.Column("total_quant_score", sa.Double(), nullable=False),
        sa.Column("momentum_score", sa.Double(), nullable=False),
        sa.Column("quality_score", sa.Double(), nullable=False),
        sa.Column("value_score", sa.Double(), nullable=False),
        sa.Column("technical_score", sa.Double(), nullable=False),
        sa.Column("news_score", sa.Double(), nullable=False),
        sa.Column("supply_demand_score", sa.Double(), nullable=False),
        sa.Column("sector_momentum_score", sa.Double(), nullable=False),
        sa.Column("is_valid", sa.Boolean(), nullable=False),
        sa.Column("invalid_reason", sa.Text(), nullable=True),
        sa.Column("llm_score", sa.Double(), nullable=True),
        sa.Column("hybrid_score", sa.Double(), nullable=True),
        sa.Column("smoothed_score", sa.Double(), nullable=True),
        sa.Column("risk_tag", sa.String(length=20), nullable=True),
        sa.Column("trade_tier", sa.String(length=10), nullable=True),
        sa.Column("veto_applied", sa.Boolean(), nullable=False),
        sa.Column("is_tradable", sa.Boolean(), nullable=False),
        sa.Column("is_final_selected", sa.Boolean(), nullable=False),
        sa.Column("llm_grade", sa.String(length=2), nullable=True),
        sa.Column("llm_reason", sa.Text(), nullable=True),
        sa.Column("analyst", sa.String(length=100), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("scored_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_daily_quant_score"),
        sa.UniqueConstraint(
            "score_date", "stock_code", "run_id", name="uq_daily_quant_score_score_date_stock_code_run_id"
        ),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_index(
        "ix_daily_quant_score_is_final_selected_score_date",
        "daily_quant_score",
        ["is_final_selected", "score_date"],
        if_not_exists=True,
    )
    op.create_table(
        "daily_settlements",
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("strategy", sa.String(length=63), nullable=False),
        sa.Column("trade_date", sa.Date(), nullable=False),
        sa.Column("realized_pnl", sa.BigInteger(), nullable=False),
        sa.Column("unrealized_pnl", sa.BigInteger(), nullable=False),
        sa.Column("total_pnl", sa.BigInteger(), nullable=False),
        sa.Column("positions_snapshot", JsonText(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("account", "strategy", "trade_date", name="pk_daily_settlements"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_index("ix_daily_settlements_trade_date", "daily_settlements", ["trade_date"], if_not_exists=True)
    op.create_table(
        "daily_summaries",
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("strategy", sa.String(length=63), nullable=False),
        sa.Column("summary_date", sa.Date(), nullable=False),
        sa.Column("worker_id", sa.String(length=128), nullable=False),
        sa.Column("total_trades", sa.Integer(), nullable=False),
        sa.Column("winning_trades", sa.Integer(), nullable=False),
        sa.Column("losing_trades", sa.Integer(), nullable=False),
        sa.Column("gross_profit", sa.BigInteger(), nullable=False),
        sa.Column("gross_loss", sa.BigInteger(), nullable=False),
        sa.Column("net_pnl", sa.BigInteger(), nullable=False),
        sa.Column("unrealized_pnl", sa.BigInteger(), nullable=False),
        sa.Column("max_drawdown", sa.Double(), nullable=False),
        sa.Column("win_rate", sa.Double(), nullable=False),
        sa.Column("profit_factor", sa.Double(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("account", "strategy", "summary_date", name="pk_daily_summaries"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_index("ix_daily_summaries_summary_date", "daily_summaries", ["summary_date"], if_not_exists=True)
    op.create_table(
        "data_gaps",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("slot", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_data_gaps"),
        sa.UniqueConstraint("slot", "kind", "subject", "day", name="uq_data_gaps_slot_kind_subject_day"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_index("ix_data_gaps_day_kind", "data_gaps", ["day", "kind"], if_not_exists=True)
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account", sa.String(length=32), nullable=True),
        sa.Column("strategy", sa.String(length=63), nullable=False),
        sa.Column("service", sa.String(length=63), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("payload", JsonText(), nullable=True),
        sa.Column("who", sa.String(length=100), nullable=True),
        sa.Column("event_key", sa.String(length=200), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sa.UniqueConstraint("event_key", name="uq_events_event_key"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_index("ix_events_account_strategy_at", "events", ["account", "strategy", "at"], if_not_exists=True)
    op.create_index("ix_events_kind_at", "events", ["kind", "at"], if_not_exists=True)
    op.create_table(
        "factor_metadata",
        sa.Column("factor", sa.String(length=40), nullable=False),
        sa.Column("analysis_date", sa.Date(), nullable=False),
        sa.Column("horizon_days", sa.Integer(), nullable=False),
        sa.Column("window_days", sa.Integer(), nullable=False),
        sa.Column("max_score", sa.Double(), nullable=False),
        sa.Column("rank_correlation", sa.Double(), nullable=True),
        sa.Column("p_value", sa.Double(), nullable=True),
        sa.Column("observations", sa.Integer(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("factor", "analysis_date", "horizon_days", name="pk_factor_metadata"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_table(
        "global_macro_snapshot",
        sa.Column("snapshot_date", sa.Date(), nullable=False),
        sa.Column("timestamp", UtcDateTime(), nullable=False),
        sa.Column("fed_rate", sa.Double(), nullable=True),
        sa.Column("treasury_2y", sa.Double(), nullable=True),
        sa.Column("treasury_10y", sa.Double(), nullable=True),
        sa.Column("treasury_spread", sa.Double(), nullable=True),
        sa.Column("us_cpi_yoy", sa.Double(), nullable=True),
        sa.Column("us_unemployment", sa.Double(), nullable=True),
        sa.Column("vix", sa.Double(), nullable=True),
        sa.Column("vix_regime", sa.String(length=10), nullable=False),
        sa.Column("dxy_index", sa.Double(), nullable=True),
        sa.Column("usd_krw", sa.Double(), nullable=True),
        sa.Column("bok_rate", sa.Double(), nullable=True),
        sa.Column("kospi_index", sa.Double(), nullable=True),
        sa.Column("kospi_change_pct", sa.Double(), nullable=True),
        sa.Column("kosdaq_index", sa.Double(), nullable=True),
        sa.Column("kosdaq_change_pct", sa.Double(), nullable=True),
        sa.Column("kospi_foreign_net", sa.Double(), nullable=True),
        sa.Column("kosdaq_foreign_net", sa.Double(), nullable=True),
        sa.Column("kospi_institutional_net", sa.Double(), nullable=True),
        sa.Column("kospi_retail_net", sa.Double(), nullable=True),
        sa.Column("completeness_pct", sa.Double(), nullable=False),
        sa.Column("data_sources", JsonText(), nullable=True),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("snapshot_date", name="pk_global_macro_snapshot"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_table(
        "llm_decision_ledgers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("run_id", sa.String(length=128), nullable=False),
        sa.Column("service", sa.String(length=63), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("stock_code", sa.String(length=12), nullable=True),
        sa.Column("model", sa.String(length=100), nullable=False),
        sa.Column("tier", sa.String(length=20), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("decision", JsonText(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("tokens_in", sa.Integer(), nullable=True),
        sa.Column("tokens_out", sa.Integer(), nullable=True),
        sa.Column("latency_ms", sa.Integer(), nullable=True),
        sa.Column("cost_usd", sa.Double(), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_llm_decision_ledgers"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_index("ix_llm_decision_ledgers_run_id", "llm_decision_ledgers", ["run_id"], if_not_exists=True)
    op.create_index(
        "ix_llm_decision_ledgers_service_decided_at",
        "llm_decision_ledgers",
        ["service", "decided_at"],
        if_not_exists=True,
    )
    op.create_index(
        "ix_llm_decision_ledgers_stock_code_decided_at",
        "llm_decision_ledgers",
        ["stock_code", "decided_at"],
        if_not_exists=True,
    )
    op.create_table(
        "market_states",
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("trade_date", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("steps", JsonText(), nullable=True),
        sa.Column("market_open_at", UtcDateTime(), nullable=True),
        sa.Column("market_closed_at", UtcDateTime(), nullable=True),
        sa.Column("last_recovery_at", UtcDateTime(), nullable=True),
        sa.Column("recovery_status", sa.String(length=10), nullable=True),
        sa.Column("recovery_details", JsonText(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("account", "trade_date", name="pk_market_states"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_table(
        "position_corrections",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("strategy", sa.String(length=63), nullable=False),
        sa.Column("stock_code", sa.String(length=12), nullable=False),
        sa.Column("stock_name", sa.String(length=100), nullable=False),
        sa.Column("position_id", sa.String(length=64), nullable=False),
        sa.Column("quantity_before", sa.BigInteger(), nullable=False),
        sa.Column("quantity_after", sa.BigInteger(), nullable=False),
        sa.Column("broker_quantity", sa.BigInteger(), nullable=False),
        sa.Column("average_buy_price", sa.Numeric(precision=18, scale=4, asdecimal=False), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("who", sa.String(length=100), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_position_corrections"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_index("ix_position_corrections_at", "position_corrections", ["at"], if_not_exists=True)
    op.create_index(
        "ix_position_corrections_stock",
        "position_corrections",
        ["account", "strategy", "stock_code"],
        if_not_exists=True,
    )
    op.create_table(
        "price_alerts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("chat_id", sa.String(length=64), nullable=False),
        sa.Column("stock_code", sa.String(length=12), nullable=False),
        sa.Column("stock_name", sa.String(length=100), nullable=False),
        sa.Column("direction", sa.String(length=10), nullable=False),
        sa.Column("target_price", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("fired_at", UtcDateTime(), nullable=True),
        sa.Column("fired_price", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_price_alerts"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_index("ix_price_alerts_chat_id", "price_alerts", ["chat_id"], if_not_exists=True)
    op.create_index("ix_price_alerts_state_expires_at", "price_alerts", ["state", "expires_at"], if_not_exists=True)
    op.create_table(
        "recovery_logs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("cause", sa.String(length=20), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("status", sa.String(length=10), nullable=True),
        sa.Column("orders_synced", sa.Integer(), nullable=False),
        sa.Column("positions_recalculated", sa.Integer(), nullable=False),
        sa.Column("mismatches_found", sa.Integer(), nullable=False),
        sa.Column("details", JsonText(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_recovery_logs"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_index(
        "ix_recovery_logs_account_started_at", "recovery_logs", ["account", "started_at"], if_not_exists=True
    )
    op.create_table(
        "sector_mapping",
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("sector_group", sa.String(length=30), nullable=False),
        sa.Column("updated_by", sa.String(length=100), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", name="pk_sector_mapping"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_index("ix_sector_mapping_sector_group", "sector_mapping", ["sector_group"], if_not_exists=True)
    op.create_table(
        "stock_consensus",
        sa.Column("stock_code", sa.String(length=12), nullable=False),
        sa.Column("trade_date", sa.Date(), nullable=False),
        sa.Column("forward_per", sa.Double(), nullable=True),
        sa.Column("forward_eps", sa.Double(), nullable=True),
        sa.Column("forward_roe", sa.Double(), nullable=True),
        sa.Column("target_price", sa.BigInteger(), nullable=True),
        sa.Column("analyst_count", sa.Integer(), nullable=True),
        sa.Column("investment_opinion", sa.Double(), nullable=True),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("stock_code", "trade_date", name="pk_stock_consensus"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_index("ix_stock_consensus_trade_date", "stock_consensus", ["trade_date"], if_not_exists=True)
    op.create_table(
        "stock_disclosures",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("stock_code", sa.String(length=12), nullable=False),
        sa.Column("disclosure_date", sa.Date(), nullable=False),
        sa.Column("title", sa.String(length=500), nullable=False),
        sa.Column("report_type", sa.String(length=50), nullable=True),
        sa.Column("receipt_no", sa.String(length=32), nullable=False),
        sa.Column("corp_name", sa.String(length=100), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_stock_disclosures"),
        sa.UniqueConstraint("receipt_no", name="uq_stock_disclosures_receipt_no"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_index(
        "ix_stock_disclosures_stock_code_disclosure_date",
        "stock_disclosures",
        ["stock_code", "disclosure_date"],
        if_not_exists=True,
    )
    op.create_table(
        "stock_fundamentals",
        sa.Column("stock_code", sa.String(length=12), nullable=False),
        sa.Column("trade_date", sa.Date(), nullable=False),
        sa.Column("per", sa.Double(), nullable=True),
        sa.Column("pbr", sa.Double(), nullable=True),
        sa.Column("roe", sa.Double(), nullable=True),
        sa.Column("market_cap", sa.BigInteger(), nullable=True),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("stock_code", "trade_date", name="pk_stock_fundamentals"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_table(
        "stock_investor_trading",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("stock_code", sa.String(length=12), nullable=False),
        sa.Column("trade_date", sa.Date(), nullable=False),
        sa.Column("foreign_net_buy", sa.BigInteger(), nullable=True),
        sa.Column("institution_net_buy", sa.BigInteger(), nullable=True),
        sa.Column("individual_net_buy", sa.BigInteger(), nullable=True),
        sa.Column("foreign_holding_ratio", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_stock_investor_trading"),
        sa.UniqueConstraint("stock_code", "trade_date", name="uq_stock_investor_trading_stock_code_trade_date"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_index(
        "ix_stock_investor_trading_trade_date_stock_code",
        "stock_investor_trading",
        ["trade_date", "stock_code"],
        if_not_exists=True,
    )
    op.create_table(
        "stock_locks",
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("stock_code", sa.String(length=12), nullable=False),
        sa.Column("worker_id", sa.String(length=128), nullable=False),
        sa.Column("acquired_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("heartbeat_at", UtcDateTime(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("expires_at > acquired_at", name="ck_stock_locks_expires_after_acquired"),
        sa.PrimaryKeyConstraint("account", "stock_code", name="pk_stock_locks"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_table(
        "stock_news_sentiment",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("stock_code", sa.String(length=12), nullable=False),
        sa.Column("news_date", sa.Date(), nullable=False),
        sa.Column("press", sa.String(length=100), nullable=False),
        sa.Column("headline", sa.String(length=500), nullable=False),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.Column("sentiment_score", sa.Double(), nullable=True),
        sa.Column("sentiment_reason", sa.Text(), nullable=True),
        sa.Column("category", sa.String(length=50), nullable=True),
        sa.Column("article_url", sa.String(length=700), nullable=False),
        sa.Column("published_at", UtcDateTime(), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_stock_news_sentiment"),
        sa.UniqueConstraint("article_url", name="uq_stock_news_sentiment_article_url"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_index(
        "ix_stock_news_sentiment_stock_code_news_date",
        "stock_news_sentiment",
        ["stock_code", "news_date"],
        if_not_exists=True,
    )
    op.create_table(
        "strategies",
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("strategy", sa.String(length=63), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("account", "strategy", name="pk_strategies"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_table(
        "strategy_params",
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("strategy", sa.String(length=63), nullable=False),
        sa.Column("trade_date", sa.Date(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("params", JsonText(), nullable=True),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("acknowledged_by", sa.String(length=128), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("account", "strategy", "trade_date", "version", name="pk_strategy_params"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_table(
        "watchlist_history",
        sa.Column("snapshot_date", sa.Date(), nullable=False),
        sa.Column("stock_code", sa.String(length=12), nullable=False),
        sa.Column("run_id", sa.String(length=128), nullable=False),
        sa.Column("stock_name", sa.String(length=100), nullable=False),
        sa.Column("llm_score", sa.Double(), nullable=False),
        sa.Column("hybrid_score", sa.Double(), nullable=False),
        sa.Column("quant_score", sa.Double(), nullable=False),
        sa.Column("is_tradable", sa.Boolean(), nullable=False),
        sa.Column("trade_tier", sa.String(length=10), nullable=False),
        sa.Column("risk_tag", sa.String(length=20), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("sector_group", sa.String(length=30), nullable=True),
        sa.Column("market_regime", sa.String(length=20), nullable=False),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("snapshot_date", "stock_code", "run_id", name="pk_watchlist_history"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_index(
        "ix_watchlist_history_snapshot_date_is_active",
        "watchlist_history",
        ["snapshot_date", "is_active"],
        if_not_exists=True,
    )
    op.create_table(
        "worker_processes",
        sa.Column("worker_id", sa.String(length=128), nullable=False),
        sa.Column("service", sa.String(length=63), nullable=False),
        sa.Column("strategy", sa.String(length=63), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("current_symbol", sa.String(length=12), nullable=True),
        sa.Column("current_work", sa.String(length=200), nullable=True),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("last_heartbeat_at", UtcDateTime(), nullable=False),
        sa.Column("heartbeat_interval_secs", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("worker_id", name="pk_worker_processes"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_index(
        "ix_worker_processes_last_heartbeat_at", "worker_processes", ["last_heartbeat_at"], if_not_exists=True
    )


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
