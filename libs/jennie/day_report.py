"""The report of a day for machines, and the tables of it for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from jennie.checker import Verdict, new_orders
from jennie.evidence import Evidence
from prime_jennie.domain.positions import PortfolioState
from prime_jennie.domain.sessions import KST
from prime_jennie.infra.database.tables.portfolio import TradeLogRow


@dataclass(frozen=True)
class DayOutcome:
    """Everything that is known once the day is over."""

    day: str
    watchlist: int
    signals: int
    evidence: Evidence
    verdict: Verdict
    trades: Sequence[TradeLogRow]
    portfolio: PortfolioState
    unrealised_krw: int
    first_fill_secs: float | None
    wall_secs: float
    peak_pss_mb: float
    services: Mapping[str, Mapping[str, Any]]


def report(outcome: DayOutcome) -> dict[str, Any]:
    """Return the report that scripts read; every figure is counted, none assumed."""
    evidence, verdict = outcome.evidence, outcome.verdict
    orders = new_orders(evidence)
    busiest = evidence.stats["max_calls_in_any_second"]
    return {
        "day": outcome.day,
        "data_source": evidence.stats["data_source"],
        "universe": evidence.stats["universe"],
        "watchlist": outcome.watchlist,
        "ticks": evidence.stats["ticks_sent"],
        "tick_density": evidence.stats["tick_density"],
        "signals": outcome.signals,
        "orders": len(orders),
        "fills": len(evidence.ledger["fills"]),
        "orders_filled": sum(1 for order in orders if order["filled_qty"] == order["quantity"]),
        "buys": sum(1 for order in orders if order["side"] == "BUY" and order["filled_qty"]),
        "sells": sum(1 for order in orders if order["side"] == "SELL" and order["filled_qty"]),
        "rejected": sum(1 for intent in evidence.intents if intent["state"] == "REFUSED"),
        "open_positions": len(evidence.ledger["positions"]),
        "realized_pnl_krw": sum(trade.profit_amount or 0 for trade in outcome.trades),
        "unrealized_pnl_krw": outcome.unrealised_krw,
        "first_fill_secs": outcome.first_fill_secs,
        "wall_secs": round(outcome.wall_secs, 1),
        "peak_pss_mb": round(outcome.peak_pss_mb),
        "max_rest_calls_in_any_second": max(busiest.values(), default=0),
        "exchange_rate_refusals": verdict.rate_refusals,
        "ledger_matches": verdict.ledger_matches,
        "duplicate_orders": verdict.duplicate_orders,
        "findings": list(verdict.findings),
        "notes": list(evidence.stats["notes"]),
        "services": {name: dict(facts) for name, facts in outcome.services.items()},
        "jobs": {},
    }


def print_tables(console: Console, outcome: DayOutcome) -> None:
    """Print the trades with their reasons and what is left in the portfolio."""
    console.print(_trades(outcome.trades))
    console.print(_portfolio(outcome.portfolio))


def _trades(trades: Sequence[TradeLogRow]) -> Table:
    table = Table(title="Trades: one line an execution, as the exchange reports it", title_justify="left")
    for name in ("KST", "side", "stock", "shares", "price", "P&L KRW", "why"):
        table.add_column(name, justify="right" if name in ("shares", "price", "P&L KRW") else "left")
    for trade in trades:
        profit = "" if trade.profit_amount is None else f"{trade.profit_amount:+,}"
        table.add_row(
            f"{trade.trade_timestamp.astimezone(KST):%H:%M:%S}",
            trade.trade_type,
            f"{trade.stock_name} {trade.stock_code}",
            f"{trade.quantity:,}",
            f"{float(trade.price):,.0f}",
            profit,
            trade.reason,
        )
    return table


def _portfolio(portfolio: PortfolioState) -> Table:
    title = f"Portfolio: total {portfolio.total_asset:,} KRW, cash {portfolio.cash_balance:,} KRW"
    table = Table(title=title, title_justify="left")
    for name in ("stock", "shares", "average", "price", "profit %"):
        table.add_column(name, justify="left" if name == "stock" else "right")
    for position in portfolio.positions:
        table.add_row(
            f"{position.stock_name} {position.stock_code}",
            f"{position.quantity:,}",
            f"{position.average_buy_price:,.0f}",
            "?" if position.current_price is None else f"{position.current_price:,}",
            "?" if position.profit_pct is None else f"{position.profit_pct:+.2f}",
        )
    return table
