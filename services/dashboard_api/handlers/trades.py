"""/api/trades: what was done, and how well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from dashboard_api.access import may_read
from dashboard_api.desk import DashboardDesk
from dashboard_api.handlers.portfolio import Days, StrategyName, performance_report
from dashboard_api.pages import Page, page
from prime_jennie.domain.model import Record
from prime_jennie.domain.positions import TradeRecord
from prime_jennie.infra.database.repositories.trades import TradeLog, as_record


class SeedPerformance(Record):
    """The seeds' two figures."""

    win_rate: float = Field(ge=0, le=1, description="a ratio")
    avg_return: float = Field(description="mean profit of a sale in % of its cost")


def trade_routes(desk: Callable[[], DashboardDesk]) -> APIRouter:
    """Return the trades' routes."""
    router = APIRouter(prefix="/api/trades", tags=["trades"], dependencies=[Depends(may_read)])

    @router.get("/recent")
    async def recent(
        response: Response, at_page: Annotated[Page, Depends(page)], strategy: StrategyName = None
    ) -> list[TradeRecord]:
        """Return booked executions, the newest first."""
        at = desk()
        rows = await TradeLog(at.jobs.db).newest(
            await at.account(), strategy, limit=at_page.one_more, offset=at_page.offset
        )
        return [as_record(row) for row in at_page.close(rows, response)]

    @router.get("/performance")
    async def performance(days: Days = 30, strategy: StrategyName = None) -> SeedPerformance:
        """Return how the sales of the last days did."""
        found = await performance_report(desk(), days, strategy)
        return SeedPerformance(win_rate=found.win_rate, avg_return=found.avg_return_pct)

    return router
