"""/api/watchlist: what may be bought now, and what was on the lists before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from dashboard_api.access import may_read
from dashboard_api.desk import DashboardDesk
from dashboard_api.pages import Page, page
from prime_jennie.domain.errors import NotFound
from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.model import Record, Timestamp
from prime_jennie.domain.money import Score
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.symbols import StockCode
from prime_jennie.domain.tiers import RiskTag, TradeTier
from prime_jennie.domain.watchlist import HotWatchlist
from prime_jennie.infra.database.repositories.watchlists import WatchlistQueries
from prime_jennie.infra.database.tables.scouting import WatchlistHistoryRow
from prime_jennie.infra.redis.cache import TypedCache


class ListedEntry(Record):
    """A stock on the list of one run."""

    snapshot_date: date
    run_id: str
    rank: int
    stock_code: StockCode
    stock_name: str
    quant_score: Score
    llm_score: Score
    hybrid_score: Score
    trade_tier: TradeTier
    risk_tag: RiskTag
    is_tradable: bool
    sector_group: SectorGroup | None
    market_regime: MarketRegime
    since: date | None
    is_active: bool
    created_at: Timestamp


def watchlist_routes(desk: Callable[[], DashboardDesk]) -> APIRouter:
    """Return the watchlist's routes."""
    router = APIRouter(prefix="/api/watchlist", tags=["watchlist"], dependencies=[Depends(may_read)])

    @router.get("/current")
    async def current() -> HotWatchlist:
        """Return watchlist:active as the scanners read it; 404 while there is none."""
        found = await TypedCache.of(desk().jobs.redis, RedisKeys.WATCHLIST_ACTIVE, HotWatchlist).get()
        if found is None:
            raise NotFound("no watchlist is published")
        return found

    @router.get("/history")
    async def history(
        response: Response,
        at_page: Annotated[Page, Depends(page)],
        day: Annotated[date | None, Query(description="KST day; absent: all")] = None,
        run_id: Annotated[str | None, Query(max_length=128, description="one run, such as scout-20250214-0830")] = None,
    ) -> list[ListedEntry]:
        """Return the entries of past lists, the newest run first, in their ranks."""
        rows = await WatchlistQueries(desk().jobs.db).newest(
            day=day, run_id=run_id, limit=at_page.one_more, offset=at_page.offset
        )
        return [_entry(row) for row in at_page.close(rows, response)]

    return router


def _entry(row: WatchlistHistoryRow) -> ListedEntry:
    return ListedEntry.model_validate({name: getattr(row, name) for name in ListedEntry.model_fields})
