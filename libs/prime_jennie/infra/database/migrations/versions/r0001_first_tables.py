"""Create the trading tables, prices, messages and ownership.

Revision ID: 0001
Revises: nothing, this is the first

Tables are created where they are missing: MariaDB commits each statement, so a migration that was killed half-way
is simply run again.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from prime_jennie.infra.database.types import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ON_MARIADB = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}

# Those that refer to others come first.
TABLES = (
    "trade_log",
    "fills",
    "orders",
    "stock_minute_price",
    "stock_master",
    "stock_daily_price",
    "signal_logs",
    "order_origins",
    "order_intents",
    "index_daily_price",
    "inbox",
    "halts",
    "gateway_leases",
    "daily_asset_snapshot",
    "config",
    "broker_tokens",
    "active_portfolio",
)


def upgrade() -> None:
    op.create_table(
        "active_portfolio",
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("strategy", sa.String(length=63), nullable=False),
        sa.Column("stock_code", sa.String(length=12), nullable=False),
        sa.Column("position_id", sa.String(length=64), nullable=False),
        sa.Column("stock_name", sa.String(length=100), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("average_buy_price", sa.Numeric(precision=18, scale=4, asdecimal=False), nullable=False),
        sa.Column("total_buy_amount", sa.BigInteger(), nullable=False),
        sa.Column("buy_commission_krw", sa.BigInteger(), nullable=False),
        sa.Column("sector_group", sa.String(length=30), nullable=True),
        sa.Column("high_watermark", sa.BigInteger(), nullable=True),
        sa.Column("stop_loss_price", sa.BigInteger(), nullable=True),
        sa.Column("scale_out_level", sa.Integer(), nullable=False),
        sa.Column("rsi_sold", sa.Boolean(), nullable=False),
        sa.Column("bought_at", UtcDateTime(), nullable=False),
        sa.Column("entry_signal", sa.String(length=40), nullable=True),
        sa.Column("llm_score", sa.Double(), nullable=True),
        sa.Column("hybrid_score", sa.Double(), nullable=True),
        sa.Column("trade_tier", sa.String(length=10), nullable=True),
        sa.Column("market_regime", sa.String(length=20), nullable=True),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("account", "strategy", "stock_code", name="pk_active_portfolio"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_table(
        "broker_tokens",
        sa.Column("app_key_hash", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("issued_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("app_key_hash", "kind", name="pk_broker_tokens"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_table(
        "config",
        sa.Column("config_key", sa.String(length=100), nullable=False),
        sa.Column("config_value", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("updated_by", sa.String(length=100), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("config_key", name="pk_config"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_table(
        "daily_asset_snapshot",
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("strategy", sa.String(length=63), nullable=False),
        sa.Column("snapshot_date", sa.Date(), nullable=False),
        sa.Column("total_asset", sa.BigInteger(), nullable=False),
        sa.Column("cash_balance", sa.BigInteger(), nullable=False),
        sa.Column("stock_eval_amount", sa.BigInteger(), nullable=False),
        sa.Column("total_profit_loss", sa.BigInteger(), nullable=True),
        sa.Column("realized_profit_loss", sa.BigInteger(), nullable=True),
        sa.Column("net_investment", sa.BigInteger(), nullable=True),
        sa.Column("position_count", sa.Integer(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("account", "strategy", "snapshot_date", name="pk_daily_asset_snapshot"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_table(
        "gateway_leases",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("owner", sa.String(length=128), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("acquired_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_gateway_leases"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_table(
        "halts",
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("strategy", sa.String(length=63), nullable=False),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("who", sa.String(length=100), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("account", "strategy", "source", name="pk_halts"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_table(
        "inbox",
        sa.Column("consumer", sa.String(length=128), nullable=False),
        sa.Column("message_id", sa.String(length=128), nullable=False),
        sa.Column("stream", sa.String(length=128), nullable=False),
        sa.Column("payload", sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql"), nullable=False),
        sa.Column("traceparent", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("outcome", sa.String(length=32), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("consumer", "message_id", name="pk_inbox"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_index("ix_inbox_consumer_state", "inbox", ["consumer", "state"], if_not_exists=True)
    op.create_table(
        "index_daily_price",
        sa.Column("index_code", sa.String(length=16), nullable=False),
        sa.Column("price_date", sa.Date(), nullable=False),
        sa.Column("open_price", sa.Double(), nullable=False),
        sa.Column("high_price", sa.Double(), nullable=False),
        sa.Column("low_price", sa.Double(), nullable=False),
        sa.Column("close_price", sa.Double(), nullable=False),
        sa.Column("volume", sa.BigInteger(), nullable=False),
        sa.Column("change_pct", sa.Double(), nullable=True),
        sa.Column("source", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("index_code", "price_date", name="pk_index_daily_price"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_index("ix_index_daily_price_price_date", "index_daily_price", ["price_date"], if_not_exists=True)
    op.create_table(
        "order_intents",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("strategy", sa.String(length=63), nullable=False),
        sa.Column("idempotency_key", sa.String(length=128), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("stock_code", sa.String(length=12), nullable=False),
        sa.Column("side", sa.String(length=4), nullable=False),
        sa.Column("order_type", sa.String(length=10), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message_id", sa.String(length=128), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("unresolved_slot", sa.String(length=64), nullable=True),
        sa.Column("broker_org_no", sa.String(length=16), nullable=True),
        sa.Column("broker_order_no", sa.String(length=32), nullable=True),
        sa.Column("error_code", sa.String(length=32), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("dispatched_at", UtcDateTime(), nullable=True),
        sa.Column("resolved_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_order_intents"),
        sa.UniqueConstraint("account", "strategy", "idempotency_key", name="uq_order_intents_key"),
        sa.UniqueConstraint("unresolved_slot", name="uq_order_intents_unresolved_slot"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_index(
        "ix_order_intents_recent", "order_intents", ["account", "stock_code", "side", "created_at"], if_not_exists=True
    )
    op.create_index("ix_order_intents_state", "order_intents", ["state"], if_not_exists=True)
    op.create_table(
        "order_origins",
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("strategy", sa.String(length=63), nullable=False),
        sa.Column("idempotency_key", sa.String(length=128), nullable=False),
        sa.Column("stock_code", sa.String(length=12), nullable=False),
        sa.Column("stock_name", sa.String(length=100), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("strategy_signal", sa.String(length=40), nullable=True),
        sa.Column("sell_reason", sa.String(length=40), nullable=True),
        sa.Column("market_regime", sa.String(length=20), nullable=True),
        sa.Column("llm_score", sa.Double(), nullable=True),
        sa.Column("hybrid_score", sa.Double(), nullable=True),
        sa.Column("trade_tier", sa.String(length=10), nullable=True),
        sa.Column("sector_group", sa.String(length=30), nullable=True),
        sa.Column("message_id", sa.String(length=128), nullable=True),
        sa.Column("position_id", sa.String(length=64), nullable=True),
        sa.Column("scale_out_level", sa.Integer(), nullable=True),
        sa.Column("stop_loss_pct", sa.Double(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("account", "strategy", "idempotency_key", name="pk_order_origins"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_table(
        "signal_logs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account", sa.String(length=32), nullable=True),
        sa.Column("strategy", sa.String(length=63), nullable=False),
        sa.Column("signal_type", sa.String(length=4), nullable=False),
        sa.Column("stock_code", sa.String(length=12), nullable=False),
        sa.Column("stock_name", sa.String(length=100), nullable=False),
        sa.Column("strategy_signal", sa.String(length=40), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=True),
        sa.Column("hybrid_score", sa.Double(), nullable=True),
        sa.Column("rsi_value", sa.Double(), nullable=True),
        sa.Column("volume_ratio", sa.Double(), nullable=True),
        sa.Column("market_regime", sa.String(length=20), nullable=False),
        sa.Column("position_multiplier", sa.Double(), nullable=True),
        sa.Column("profit_pct", sa.Double(), nullable=True),
        sa.Column("holding_days", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("suppressed_reason", sa.Text(), nullable=True),
        sa.Column("message_id", sa.String(length=128), nullable=True),
        sa.Column("signal_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_signal_logs"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_index(
        "ix_signal_logs_signal_type_created_at", "signal_logs", ["signal_type", "created_at"], if_not_exists=True
    )
    op.create_index(
        "ix_signal_logs_stock_code_created_at", "signal_logs", ["stock_code", "created_at"], if_not_exists=True
    )
    op.create_index("ix_signal_logs_strategy_signal_at", "signal_logs", ["strategy", "signal_at"], if_not_exists=True)
    op.create_table(
        "stock_daily_price",
        sa.Column("stock_code", sa.String(length=12), nullable=False),
        sa.Column("price_date", sa.Date(), nullable=False),
        sa.Column("open_price", sa.BigInteger(), nullable=False),
        sa.Column("high_price", sa.BigInteger(), nullable=False),
        sa.Column("low_price", sa.BigInteger(), nullable=False),
        sa.Column("close_price", sa.BigInteger(), nullable=False),
        sa.Column("volume", sa.BigInteger(), nullable=False),
        sa.Column("change_pct", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("stock_code", "price_date", name="pk_stock_daily_price"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_index("ix_stock_daily_price_price_date", "stock_daily_price", ["price_date"], if_not_exists=True)
    op.create_table(
        "stock_master",
        sa.Column("stock_code", sa.String(length=12), nullable=False),
        sa.Column("stock_name", sa.String(length=100), nullable=False),
        sa.Column("market", sa.String(length=10), nullable=False),
        sa.Column("market_cap", sa.BigInteger(), nullable=True),
        sa.Column("shares", sa.BigInteger(), nullable=True),
        sa.Column("sector_naver", sa.String(length=50), nullable=True),
        sa.Column("industry", sa.String(length=120), nullable=True),
        sa.Column("sector_group", sa.String(length=30), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("stock_code", name="pk_stock_master"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_index("ix_stock_master_is_active_market", "stock_master", ["is_active", "market"], if_not_exists=True)
    op.create_index("ix_stock_master_sector_group", "stock_master", ["sector_group"], if_not_exists=True)
    op.create_table(
        "stock_minute_price",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("stock_code", sa.String(length=12), nullable=False),
        sa.Column("price_datetime", UtcDateTime(), nullable=False),
        sa.Column("open_price", sa.BigInteger(), nullable=False),
        sa.Column("high_price", sa.BigInteger(), nullable=False),
        sa.Column("low_price", sa.BigInteger(), nullable=False),
        sa.Column("close_price", sa.BigInteger(), nullable=False),
        sa.Column("volume", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_stock_minute_price"),
        sa.UniqueConstraint("stock_code", "price_datetime", name="uq_stock_minute_price_stock_code_price_datetime"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("strategy", sa.String(length=63), nullable=False),
        sa.Column("order_date", sa.Date(), nullable=False),
        sa.Column("broker_order_no", sa.String(length=32), nullable=False),
        sa.Column("idempotency_key", sa.String(length=128), nullable=False),
        sa.Column("stock_code", sa.String(length=12), nullable=False),
        sa.Column("side", sa.String(length=4), nullable=False),
        sa.Column("order_type", sa.String(length=10), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("filled_qty", sa.BigInteger(), nullable=False),
        sa.Column("filled_amount_krw", sa.BigInteger(), nullable=False),
        sa.Column("avg_fill_price", sa.Numeric(precision=18, scale=4, asdecimal=False), nullable=True),
        sa.Column("cancel_requested_at", UtcDateTime(), nullable=True),
        sa.Column("requested_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["order_intents.id"], name="fk_orders_id"),
        sa.PrimaryKeyConstraint("id", name="pk_orders"),
        sa.UniqueConstraint("account", "order_date", "broker_order_no", name="uq_orders_broker"),
        sa.UniqueConstraint("account", "strategy", "idempotency_key", name="uq_orders_key"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_index("ix_orders_status", "orders", ["account", "status"], if_not_exists=True)
    op.create_index("ix_orders_stock", "orders", ["account", "strategy", "stock_code"], if_not_exists=True)
    op.create_table(
        "fills",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("order_id", sa.String(length=32), nullable=False),
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("strategy", sa.String(length=63), nullable=False),
        sa.Column("broker_fill_id", sa.String(length=96), nullable=False),
        sa.Column("stock_code", sa.String(length=12), nullable=False),
        sa.Column("side", sa.String(length=4), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("price", sa.Numeric(precision=18, scale=4, asdecimal=False), nullable=False),
        sa.Column("amount_krw", sa.BigInteger(), nullable=False),
        sa.Column("filled_at", UtcDateTime(), nullable=False),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_fills_order_id"),
        sa.PrimaryKeyConstraint("id", name="pk_fills"),
        sa.UniqueConstraint("broker_fill_id", name="uq_fills_broker_fill_id"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_index("ix_fills_order_id", "fills", ["order_id"], if_not_exists=True)
    op.create_index("ix_fills_stock", "fills", ["account", "strategy", "stock_code"], if_not_exists=True)
    op.create_table(
        "trade_log",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("strategy", sa.String(length=63), nullable=False),
        sa.Column("order_id", sa.String(length=32), nullable=False),
        sa.Column("fill_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("stock_code", sa.String(length=12), nullable=False),
        sa.Column("stock_name", sa.String(length=100), nullable=False),
        sa.Column("trade_type", sa.String(length=4), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("price", sa.Numeric(precision=18, scale=4, asdecimal=False), nullable=False),
        sa.Column("total_amount", sa.BigInteger(), nullable=False),
        sa.Column("commission_krw", sa.BigInteger(), nullable=False),
        sa.Column("tax_krw", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("strategy_signal", sa.String(length=40), nullable=True),
        sa.Column("sell_reason", sa.String(length=40), nullable=True),
        sa.Column("market_regime", sa.String(length=20), nullable=True),
        sa.Column("llm_score", sa.Double(), nullable=True),
        sa.Column("hybrid_score", sa.Double(), nullable=True),
        sa.Column("trade_tier", sa.String(length=10), nullable=True),
        sa.Column("profit_pct", sa.Double(), nullable=True),
        sa.Column("profit_amount", sa.BigInteger(), nullable=True),
        sa.Column("holding_days", sa.Integer(), nullable=True),
        sa.Column("message_id", sa.String(length=128), nullable=True),
        sa.Column("trade_timestamp", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["fill_id"], ["fills.id"], name="fk_trade_log_fill_id"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_trade_log_order_id"),
        sa.PrimaryKeyConstraint("id", name="pk_trade_log"),
        sa.UniqueConstraint("fill_id", name="uq_trade_log_fill_id"),
        if_not_exists=True,
        **ON_MARIADB,
    )
    op.create_index("ix_trade_log_order_id", "trade_log", ["order_id"], if_not_exists=True)
    op.create_index(
        "ix_trade_log_stock_code_trade_timestamp", "trade_log", ["stock_code", "trade_timestamp"], if_not_exists=True
    )
    op.create_index(
        "ix_trade_log_strategy_signal_trade_timestamp",
        "trade_log",
        ["strategy_signal", "trade_timestamp"],
        if_not_exists=True,
    )
    op.create_index(
        "ix_trade_log_strategy_time", "trade_log", ["account", "strategy", "trade_timestamp"], if_not_exists=True
    )
    op.create_index(
        "ix_trade_log_trade_type_trade_timestamp", "trade_log", ["trade_type", "trade_timestamp"], if_not_exists=True
    )


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
