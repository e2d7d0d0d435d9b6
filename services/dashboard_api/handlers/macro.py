"""/api/macro: the council's insight, and the regime in force."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from dashboard_api.access import may_read
from dashboard_api.desk import DashboardDesk
from dashboard_api.pages import Page, page
from prime_jennie.domain.errors import NotFound
from prime_jennie.domain.macro import MacroInsight, TradingContext
from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.model import Record
from prime_jennie.domain.sessions import KST
from prime_jennie.infra.database.repositories.insights import InsightRepository
from prime_jennie.infra.regime import RegimeReader


class RegimeReport(Record):
    """The regime that services act on right now."""

    regime: MarketRegime
    context: TradingContext


def macro_routes(desk: Callable[[], DashboardDesk]) -> APIRouter:
    """Return the market's routes."""
    router = APIRouter(prefix="/api/macro", tags=["macro"], dependencies=[Depends(may_read)])

    @router.get("/insight")
    async def insight(
        target_date: Annotated[date | None, Query(description="KST day; absent: today")] = None,
    ) -> MacroInsight:
        """Return the council's insight of a day; 404 where it did not speak."""
        at = desk()
        day = target_date or at.jobs.clock.now().astimezone(KST).date()
        found = await InsightRepository(at.jobs.db).of(day)
        if found is None:
            raise NotFound(f"no insight of {day}")
        return found

    @router.get("/regime")
    async def regime() -> RegimeReport:
        """Return regime:current as the services read it; 404 while there is none, which also means no buys."""
        at = desk()
        context = await RegimeReader(at.jobs.redis).on_day_of(at.jobs.clock.now())
        if context is None:
            raise NotFound("no regime is in force: nothing is bought")
        return RegimeReport(regime=context.market_regime, context=context)

    @router.get("/dates")
    async def dates(response: Response, at_page: Annotated[Page, Depends(page)]) -> list[date]:
        """Return the days with an insight, the newest first."""
        found = await InsightRepository(desk().jobs.db).days(limit=at_page.one_more, offset=at_page.offset)
        return at_page.close(found, response)

    return router
