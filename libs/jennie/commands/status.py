"""The strategies of the running local run as a table or as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from jennie.endpoints import running
from jennie.status_reader import StatusReader
from jennie.strategy_report import StrategyReport


def show_status(folder: Path, *, as_json: bool) -> None:
    """Print what is known; that nothing runs is an answer, too."""
    reports, is_running = asyncio.run(_read(folder))
    if as_json:
        content = {"running": is_running, "strategies": [report.model_dump(mode="json") for report in reports]}
        sys.stdout.write(json.dumps(content, ensure_ascii=False, indent=2) + "\n")
        return
    console = Console(highlight=False)
    if not is_running:
        console.print(f"Nothing runs here (no live run below {folder}).")
    for report in reports:
        _print(console, report)


async def _read(folder: Path) -> tuple[list[StrategyReport], bool]:
    endpoints = running(folder)
    if endpoints is None:
        return [], False
    reader = StatusReader(endpoints)
    try:
        return await reader.reports(), True
    finally:
        await reader.close()


def _print(console: Console, report: StrategyReport) -> None:
    """Print the answer to "does it trade" first, then figures, then holdings."""
    answer = "buys" if report.buys else "does not buy: " + "; ".join(report.reasons)
    console.print(
        f"[bold]{report.strategy}[/bold] ({report.mode or '?'}, {report.trading.value}) {answer}", soft_wrap=True
    )
    unrealised = "?" if report.unrealised_krw is None else f"{report.unrealised_krw:+,}"
    console.print(
        f"  day P&L {report.day_pnl_krw:+,} KRW (realised {report.realised_krw:+,}, unrealised {unrealised}) · "
        f"regime {report.regime or 'unknown'} · buys {report.buys_today} · sells {report.sells_today} · "
        f"open orders {report.open_orders} · unresolved {report.unresolved_orders}",
        soft_wrap=True,
    )
    if not report.positions:
        console.print("  no open positions")
        return
    table = Table(box=None, padding=(0, 2))
    for heading in ("종목", "코드"):
        table.add_column(heading)
    for heading in ("수량", "평균단가", "현재가", "손익(원)", "수익률"):
        table.add_column(heading, justify="right")
    for stock in report.positions:
        table.add_row(
            stock.name,
            stock.code,
            f"{stock.quantity:,}",
            f"{stock.average_price_krw:,.0f}",
            "?" if stock.price_krw is None else f"{stock.price_krw:,}",
            "?" if stock.profit_krw is None else f"{stock.profit_krw:+,}",
            "?" if stock.profit_pct is None else f"{stock.profit_pct:+.2f}%",
        )
    console.print(table)
