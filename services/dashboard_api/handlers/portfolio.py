"""/api/portfolio: what is held, what it is worth, how it has done."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field, TypeAdapter

from dashboard_api.access import may_read
from dashboard_api.desk import DashboardDesk
from dashboard_api.pages import Page, page
from prime_jennie.domain.keys import Keyspace, RedisKeys
from prime_jennie.domain.model import Record, Timestamp
from prime_jennie.domain.positions import DailySnapshot, PortfolioState, Position
from prime_jennie.domain.sessions import kst_midnight
from prime_jennie.infra.database.repositories.positions import PositionRepository, as_position
from prime_jennie.infra.database.repositories.sales import sales_of
from prime_jennie.infra.database.repositories.snapshots import SnapshotRepository
from prime_jennie.infra.database.repositories.trades import TradeLog
from prime_jennie.infra.database.tables.portfolio import ActivePortfolioRow
from prime_jennie.infra.outages import OUTAGES
from prime_jennie.infra.redis.connection import reachable
from prime_jennie.strategy.performance import performance_of

_POSITIONS: Final = TypeAdapter(list[Position])
StrategyName = Annotated[str | None, Query(max_length=63, description="one strategy only; absent: the whole account")]
Days = Annotated[int, Query(ge=1, le=3_650, description="calendar days back, today included")]


class LivePositions(Record):
    """Holdings at their newest known prices, and who said so."""

    positions: tuple[Position, ...]
    updated_at: Timestamp
    source: Literal["price-monitor", "broker", "database"] = Field(
        description="price-monitor: live; broker: its balance; database: quantities without prices"
    )


class PerformanceReport(Record):
    """Sales that were booked, after fees and tax of both sides; a sale is one order, however many executions."""

    total_trades: int = Field(ge=0)
    win_trades: int = Field(ge=0)
    loss_trades: int = Field(ge=0)
    win_rate: float = Field(ge=0, le=1, description="a ratio; 0 without trades")
    avg_return_pct: float = Field(description="mean profit of a sale in % of its cost; 0 without trades")
    total_profit: int = Field(description="KRW")


def portfolio_routes(desk: Callable[[], DashboardDesk]) -> APIRouter:
    """Return the portfolio's routes."""
    router = APIRouter(prefix="/api/portfolio", tags=["portfolio"], dependencies=[Depends(may_read)])

    @router.get("/summary")
    async def summary() -> PortfolioState:
        """Return the account as the broker has it, with sectors and purchase dates of our own records."""
        at = desk()
        balance = await at.jobs.gateway.balance()
        rows = await PositionRepository(at.jobs.db).open_positions(await at.account())
        positions = tuple(enriched(position, rows) for position in balance.positions)
        return balance.model_copy(update={"positions": positions})

    @router.get("/positions")
    async def positions(strategy: StrategyName = None) -> list[Position]:
        """Return what our strategies hold, valued by the broker's prices."""
        at = desk()
        rows = await PositionRepository(at.jobs.db).open_positions(await at.account(), strategy)
        prices = prices_of(await at.jobs.gateway.balance()) if rows else {}
        return [as_position(row, current_price=prices.get(row.stock_code)) for row in rows]

    @router.get("/history")
    async def history(
        response: Response, at_page: Annotated[Page, Depends(page)], strategy: StrategyName = None
    ) -> list[DailySnapshot]:
        """Return the end of each day, the newest first; without a strategy the whole account's."""
        at = desk()
        found = await SnapshotRepository(at.jobs.db).newest(
            await at.account(), strategy or "", limit=at_page.one_more, offset=at_page.offset
        )
        return at_page.close(found, response)

    @router.get("/live")
    async def live() -> LivePositions:
        """Return holdings from the first that knows: price-monitor, the broker, the database."""
        at = desk()
        now = at.jobs.clock.now()
        watched = await _watched(at)
        if watched is not None:
            return LivePositions(positions=tuple(watched), updated_at=now, source="price-monitor")
        rows = await PositionRepository(at.jobs.db).open_positions(await at.account())
        try:
            prices = prices_of(await at.jobs.gateway.balance()) if rows else {}
        except OUTAGES:
            return LivePositions(positions=tuple(map(as_position, rows)), updated_at=now, source="database")
        valued = tuple(as_position(row, current_price=prices.get(row.stock_code)) for row in rows)
        return LivePositions(positions=valued, updated_at=now, source="broker")

    @router.get("/performance")
    async def performance(days: Days = 30, strategy: StrategyName = None) -> PerformanceReport:
        """Return how the sales of the last days did."""
        return await performance_report(desk(), days, strategy)

    return router


async def performance_report(at: DashboardDesk, days: int, strategy: str | None) -> PerformanceReport:
    """Judge the booked sales of the last calendar days."""
    since = kst_midnight(at.jobs.clock.now()) - timedelta(days=days - 1)
    trades = await TradeLog(at.jobs.db).trades(await at.account(), strategy, since=since)
    found = performance_of(sales_of(trades))
    return PerformanceReport(
        total_trades=found.trades,
        win_trades=found.wins,
        loss_trades=found.losses,
        win_rate=found.win_rate,
        avg_return_pct=found.avg_return_pct,
        total_profit=found.profit_krw,
    )


async def _watched(at: DashboardDesk) -> list[Position] | None:
    """Return what every strategy's price-monitor watches; None when one of them has not spoken lately."""
    names = sorted(await at.strategies())
    if not names:
        return None
    with reachable():
        texts = await at.jobs.redis.mget([Keyspace(name).of(RedisKeys.LIVE_POSITIONS) for name in names])
    if any(text is None for text in texts):
        return None
    return [position for text in texts for position in _POSITIONS.validate_python(json.loads(str(text)))]


def prices_of(balance: PortfolioState) -> dict[str, int]:
    """Return the broker's prices of what is held."""
    return {held.stock_code: held.current_price for held in balance.positions if held.current_price}


def enriched(position: Position, rows: Iterable[ActivePortfolioRow]) -> Position:
    """Add to a holding of the broker what only our records know; nothing where no strategy owns it."""
    own = [as_position(row) for row in rows if row.stock_code == position.stock_code]
    if not own:
        return position
    bought = [one.bought_at for one in own if one.bought_at is not None]
    known: dict[str, object] = {"sector_group": own[0].sector_group, "bought_at": min(bought, default=None)}
    if len(own) == 1:  # two strategies that hold the same stock have a stop each
        known |= {"stop_loss_price": own[0].stop_loss_price, "high_watermark": own[0].high_watermark}
    return position.model_copy(update=known)
