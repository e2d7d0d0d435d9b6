"""Find what was traded and what is held, by the figures of the bookkeeping and of the settlement."""

from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta
from typing import Final

import structlog
from pydantic import TypeAdapter, ValidationError

from daily_briefing.notes import Notes
from prime_jennie.domain.briefing import HoldingFigure, Missing, PortfolioFigures, SaleFigure, TradeFigures
from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.risk import WHOLE_ACCOUNT
from prime_jennie.domain.sales import Sale
from prime_jennie.domain.sessions import KST
from prime_jennie.domain.settlement import SettledPosition
from prime_jennie.infra.database.repositories.positions import PositionRepository
from prime_jennie.infra.database.repositories.sales import sales_of
from prime_jennie.infra.database.repositories.snapshots import SnapshotRepository
from prime_jennie.infra.database.repositories.trades import TradeLog
from prime_jennie.infra.database.tables.lifecycle import DailySettlementRow
from prime_jennie.infra.jobs import Job, JobDesk
from prime_jennie.strategy.pnl import profit_pct, win_rate

_POSITIONS: Final = TypeAdapter(list[SettledPosition])

log = structlog.get_logger(__name__)


async def trade_figures(
    account: str, job: Job, desk: JobDesk, notes: Notes, settlements: Sequence[DailySettlementRow]
) -> TradeFigures:
    """Return the day's trades, order by order; the realised result is the settlements' where they are complete."""
    begins = datetime.combine(job.day, time.min, KST)
    rows = await TradeLog(desk.db).trades(account, since=begins, until=begins + timedelta(days=1))
    notes.found("trades", "trade_log")
    bought = [row for row in rows if row.trade_type == TradeType.BUY.value]
    sold = [row for row in rows if row.trade_type == TradeType.SELL.value]
    settled = {row.strategy for row in settlements}
    is_settled = bool(settlements) and settled >= {row.strategy for row in rows}
    if is_settled:
        notes.found(Missing.SETTLEMENT.value, "daily_settlements")
    else:
        notes.lack(Missing.SETTLEMENT)
    unsettled = sum(row.profit_amount or 0 for row in sold if row.strategy not in settled)
    sales = sales_of(rows)
    profits = [sale.profit_krw for sale in sales]
    known = sorted(map(_figure, filter(lambda sale: sale.cost_krw > 0, sales)), key=lambda sale: sale.profit_krw)
    return TradeFigures(
        buys=len({row.order_id for row in bought}),
        sells=len(sales),
        bought_krw=sum(row.total_amount for row in bought),
        sold_krw=sum(row.total_amount for row in sold),
        realized_krw=sum(row.realized_pnl for row in settlements) + unsettled,
        is_settled=is_settled,
        wins=sum(profit > 0 for profit in profits),
        losses=sum(profit < 0 for profit in profits),
        win_rate=win_rate(profits),
        best=known[-1] if known else None,
        worst=known[0] if len(known) > 1 else None,
    )


async def portfolio_figures(
    account: str, job: Job, desk: JobDesk, notes: Notes, settlements: Sequence[DailySettlementRow]
) -> PortfolioFigures:
    """Return what is held: the settled positions, else those of the books, which have no prices."""
    snapshot = await SnapshotRepository(desk.db).find(account, WHOLE_ACCOUNT, job.day)
    known: dict[str, object] = {}
    if snapshot is None:
        notes.lack(Missing.SNAPSHOT)
    else:
        notes.found(Missing.SNAPSHOT.value, "daily_asset_snapshot")
        known = {
            "total_asset_krw": snapshot.total_asset,
            "cash_krw": snapshot.cash_balance,
            "stock_krw": snapshot.stock_eval_amount,
        }
    if settlements:
        held = [position for row in settlements for position in _settled(row, notes) if position.qty]
        notes.found("portfolio", "daily_settlements")
        known |= {
            "positions": len(held),
            "unrealized_krw": sum(row.unrealized_pnl for row in settlements),
            "holdings": _ranked(_settled_holding(position) for position in held),
        }
        if any(position.unrealized_pnl is None for position in held):
            notes.lack(Missing.PRICES)
    elif job.newest:
        rows = await PositionRepository(desk.db).open_positions(account)
        notes.found("portfolio", "active_portfolio")
        known |= {
            "positions": len(rows),
            "holdings": tuple(HoldingFigure(stock_name=row.stock_name, quantity=row.quantity) for row in rows),
        }
        if rows:
            notes.lack(Missing.PRICES)
    else:
        notes.lack(Missing.POSITIONS)
    return PortfolioFigures.model_validate(known)


def _figure(sale: Sale) -> SaleFigure:
    share_pct = round(profit_pct(sale.cost_krw, sale.profit_krw), 4)
    return SaleFigure(stock_name=sale.stock_name, profit_krw=sale.profit_krw, profit_pct=share_pct)


def _settled(row: DailySettlementRow, notes: Notes) -> list[SettledPosition]:
    try:
        return _POSITIONS.validate_python(row.positions_snapshot or [])
    except ValidationError as error:  # written by another version of this program
        log.error("settled positions unreadable", strategy=row.strategy, errors=error.error_count())
        notes.lack(Missing.POSITIONS)
        return []


def _settled_holding(position: SettledPosition) -> HoldingFigure:
    return HoldingFigure(
        stock_name=str(position.metadata.get("stock_name") or position.symbol),
        quantity=position.qty,
        unrealized_krw=position.unrealized_pnl,
    )


def _ranked(holdings: Iterable[HoldingFigure]) -> tuple[HoldingFigure, ...]:
    """Put the largest result first, what has none last."""
    return tuple(
        sorted(holdings, key=lambda held: (held.unrealized_krw is None, -(held.unrealized_krw or 0), held.stock_name))
    )
