"""The report of a day for machines, and the tables of it for people."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from jennie.checker import Verdict, new_orders
from jennie.evidence import Evidence, Row
from prime_jennie.domain.positions import PortfolioState
from prime_jennie.domain.sessions import KST
from prime_jennie.infra.database.tables.portfolio import TradeLogRow

FEW_SLOTS = 10  # more slots of one task are shown as one line


@dataclass(frozen=True)
class DayOutcome:
    """Everything that is known once the day is over."""

    day: date
    signals: int
    evidence: Evidence
    verdict: Verdict
    trades: Sequence[TradeLogRow]
    portfolio: PortfolioState
    unrealised_krw: int
    first_fill_secs: float | None
    wall_secs: float
    peak_pss_mb: float | None
    """None where nobody measures it: in pods."""
    services: Mapping[str, Mapping[str, Any]]
    briefing: str | None


def report(outcome: DayOutcome) -> dict[str, Any]:
    """Return the report that scripts read; every figure is counted, none assumed."""
    evidence, verdict = outcome.evidence, outcome.verdict
    orders = new_orders(evidence)
    busiest = evidence.stats["max_calls_in_any_second"]
    return {
        "day": outcome.day.isoformat(),
        "data_source": evidence.stats["data_source"],
        "listed": evidence.stats["universe"],
        "universe": max((int(row["stocks"]) for row in evidence.scored), default=0),
        "watchlist": max((int(row["stocks"]) for row in evidence.lists), default=len(evidence.chosen)),
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
        "peak_pss_mb": None if outcome.peak_pss_mb is None else round(outcome.peak_pss_mb),
        "max_rest_calls_in_any_second": max(busiest.values(), default=0),
        "exchange_rate_refusals": verdict.rate_refusals,
        "ledger_matches": verdict.ledger_matches,
        "duplicate_orders": verdict.duplicate_orders,
        "findings": list(verdict.findings),
        "notes": list(evidence.stats["notes"]),
        "services": {name: dict(facts) for name, facts in outcome.services.items()},
        "jobs": {str(row["name"]): outcome_of(row) for row in evidence.slots},
        "briefing": outcome.briefing,
    }


def outcome_of(slot: Row) -> str:
    """Say what became of a slot, and why in one line."""
    return f"{slot['state']}: {slot['reason']}" if slot["reason"] else str(slot["state"])


def tell(console: Console, outcome: DayOutcome, file: Path | None) -> None:
    """Print what the day was and whether it holds, and write the report where somebody wants it."""
    print_tables(console, outcome)
    written = report(outcome)
    print_summary(console, written, outcome.verdict)
    if file is not None:
        file.write_text(json.dumps(written, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def print_tables(console: Console, outcome: DayOutcome) -> None:
    """Print the slots, the trades with their reasons, what is left in the portfolio, and the briefing."""
    if outcome.evidence.slots:
        console.print(_slots(outcome.evidence.slots))
    console.print(_trades(outcome.trades))
    console.print(_portfolio(outcome.portfolio))
    if outcome.briefing is not None:
        console.print(Panel(outcome.briefing, title="Briefing", title_align="left"), highlight=False, markup=False)


def _slots(slots: Sequence[Row]) -> Table:
    """Show the day's slots in order; the many of a task that only looks are one line, with what came of the last."""
    table = Table(title="Slots: what ran when, and what came of it", title_justify="left")
    for name in ("slot", "outcome", "why"):
        table.add_column(name)
    counts = Counter(str(row["task"]) for row in slots)
    crowded: dict[str, list[Row]] = {}
    for row in slots:
        task = str(row["task"])
        if counts[task] <= FEW_SLOTS:
            table.add_row(str(row["name"]), str(row["state"]), str(row["reason"]))
        else:
            crowded.setdefault(task, []).append(row)
    for task, rows in crowded.items():
        states = Counter(str(row["state"]) for row in rows)
        told = ", ".join(f"{count} {state}" for state, count in states.most_common())
        table.add_row(f"{task} ({len(rows)} slots)", told, str(rows[-1]["reason"]))
    return table


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


def _slots_line(jobs: Mapping[str, str]) -> str:
    """Count the slots' outcomes in one line."""
    counts = Counter(outcome.partition(":")[0] for outcome in jobs.values())
    told = ", ".join(f"{count} {outcome.lower()}" for outcome, count in counts.most_common())
    return f"{len(jobs)} slots: {told}" if jobs else "no schedules"


def print_summary(console: Console, written: Mapping[str, Any], verdict: Verdict) -> None:
    """Print the day in a few lines, and every broken invariant."""
    source = {"real": "real daily bars", "imported": "imported daily bars", "synthetic": "a synthetic market"}
    first_fill = "none" if written["first_fill_secs"] is None else f"{written['first_fill_secs']:.0f} s"
    memory = "" if written["peak_pss_mb"] is None else f" {written['peak_pss_mb']} MB at most,"
    lines = [
        f"{written['day']} lived on {source[written['data_source']]} ({written['listed']:,} stocks, "
        f"{written['universe']:,} of them scored); intraday paths are made, {written['tick_density']}",
        _slots_line(written["jobs"]),
        f"{written['signals']} signals, {written['orders']} orders, {written['fills']} fills ({written['buys']} buys,"
        f" {written['sells']} sells), {written['open_positions']} positions left",
        f"realised {written['realized_pnl_krw']:+,} KRW, unrealised {written['unrealized_pnl_krw']:+,} KRW,"
        " after fees and tax",
        f"first fill after {first_fill}, the day in {written['wall_secs']:.0f} s,{memory}"
        f" {written['max_rest_calls_in_any_second']} REST calls in the busiest second",
    ]
    if verdict.holds:
        lines.append(
            "checked: ledger = trade_log = positions, no duplicate order, every slot once, no rate refusal, all healthy"
        )
    else:
        lines += [f"BROKEN: {finding}" for finding in verdict.findings]
    for line in lines:
        console.print(line, highlight=False, markup=False)
