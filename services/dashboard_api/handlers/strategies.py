"""/api/strategies: every strategy with its figures, and why it does not buy."""

from __future__ import annotations

import json
from collections.abc import Callable

from fastapi import APIRouter, Depends
from pydantic import TypeAdapter, ValidationError
from redis.exceptions import RedisError

from dashboard_api.access import may_read
from dashboard_api.desk import DashboardDesk
from prime_jennie.domain.keys import Keyspace, RedisKeys
from prime_jennie.domain.positions import Position
from prime_jennie.domain.strategy_report import StrategyReport
from prime_jennie.infra.strategy_facts import StrategyFactsReader
from prime_jennie.strategy.reporting import report_of

_POSITIONS = TypeAdapter(list[Position])


def strategy_routes(desk: Callable[[], DashboardDesk]) -> APIRouter:
    """Return the strategies' route."""
    router = APIRouter(prefix="/api/strategies", tags=["strategies"], dependencies=[Depends(may_read)])

    @router.get("")
    async def strategies() -> list[StrategyReport]:
        """Report every known strategy; `reasons` say why it does not buy, and are empty while it does.

        Prices are those that price-monitor told last: an answer costs the broker no request.
        """
        at = desk()
        reader = StrategyFactsReader(
            redis=at.jobs.redis,
            db=at.jobs.db,
            gateway=at.jobs.gateway,
            account=await at.account(),
            sessions=at.jobs.sessions,
        )
        now = at.jobs.clock.now()
        found = [await reader.read(name, live, now) for name, live in (await at.strategies()).items()]
        return [report_of(facts, await _watched_prices(at, facts.strategy)) for facts in found]

    return router


async def _watched_prices(at: DashboardDesk, strategy: str) -> dict[str, int]:
    """Return the prices at which price-monitor values what it watches; what it does not tell is unknown."""
    try:
        text = await at.jobs.redis.get(Keyspace(strategy).of(RedisKeys.LIVE_POSITIONS))
        watched = _POSITIONS.validate_python(json.loads(str(text))) if text is not None else []
    except (RedisError, OSError, ValidationError, ValueError):
        return {}
    return {one.stock_code: one.current_price for one in watched if one.current_price}
