"""The strategies and schedules of the running local run as a table or as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from jennie.endpoints import running
from jennie.slots_report import SlotsReport
from jennie.status_reader import StatusReader
from prime_jennie.domain.sessions import KST
from prime_jennie.domain.strategy_report import StrategyReport


def show_status(folder: Path, *, as_json: bool) -> None:
    """Print what is known; that nothing runs is an answer, too."""
    reports, slots = asyncio.run(_read(folder))
    if as_json:
        content: dict[str, object] = {
            "running": slots is not None,
            "strategies": [report.model_dump(mode="json") for report in reports],
            "schedules": [] if slots is None else slots.model_dump(mode="json")["schedules"],
            "running_slots": [] if slots is None else slots.model_dump(mode="json")["running"],
        }
        sys.stdout.write(json.dumps(content, ensure_ascii=False, indent=2) + "\n")
        return
    console = Console(highlight=False)
    if slots is None:
        console.print(f"Nothing runs here (no live run below {folder}).")
    for report in reports:
        _print(console, report)
    if slots is not None:
        _print_slots(console, slots)


async def _read(folder: Path) -> tuple[list[StrategyReport], SlotsReport | None]:
    endpoints = running(folder)
    if endpoints is None:
        return [], None
    reader = StatusReader(endpoints)
    try:
        return await reader.reports(), await reader.slots()
    finally:
        await reader.close()


def _print(console: Console, report: StrategyReport) -> None:
    """Print the answer to "does it trade" first, then figures, then holdings."""
    answer = "buys" if report.buys else "does not buy: " + "; ".join(report.reasons)
    console.print(
        f"[bold]{report.strategy}[/bold] ({report.mode or '?'}, {report.trading.value}) {answer}", soft_wrap=True
    )
    console.print(
        f"  day P&L {_signed(report.day_pnl_krw)} KRW · realised {report.realised_krw:+,} today, "
        f"unrealised {_signed(report.unrealised_krw)} since the purchases (after fees and tax) · "
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
            _signed(stock.profit_krw),
            "?" if stock.profit_pct is None else f"{stock.profit_pct:+.2f}%",
        )
    console.print(table)


def _signed(amount_krw: int | None) -> str:
    return "?" if amount_krw is None else f"{amount_krw:+,}"


def _print_slots(console: Console, report: SlotsReport) -> None:
    """Print what is at work, then each schedule with its next and its last slot."""
    for slot in report.running:
        console.print(f"[bold]{slot.slot}[/bold] runs: {slot.phase or 'begun'}, {slot.progress_pct} %", soft_wrap=True)
    if not report.schedules:
        return
    table = Table(box=None, padding=(0, 2))
    for heading in ("schedule", "next (KST)", "last"):
        table.add_column(heading)
    for schedule in sorted(report.schedules, key=lambda s: (s.next_at is None, s.next_at)):
        own = "" if schedule.schedule == schedule.task else f" ({schedule.task})"
        ahead = f"{schedule.next_at.astimezone(KST):%m-%d %H:%M}" if schedule.next_at else "none known"
        last = schedule.last
        table.add_row(
            schedule.schedule + own,
            "suspended" if schedule.suspended else ahead,
            f"{last.slot} {last.state}: {last.reason}" if last else "",
        )
    console.print(table)
