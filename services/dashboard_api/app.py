"""Put dashboard-api together: pages may wait, trading never does for them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.openapi.utils import get_openapi

from dashboard_api.access import Access, may_read
from dashboard_api.config import DashboardSettings
from dashboard_api.desk import DashboardDesk, open_dashboard_desk
from dashboard_api.examples import with_examples
from dashboard_api.feeds import RowFeed, StreamFeed
from dashboard_api.handlers.halts import halt_routes
from dashboard_api.handlers.journal import journal_routes
from dashboard_api.handlers.live import live_routes
from dashboard_api.handlers.llm import llm_routes
from dashboard_api.handlers.logs import log_routes
from dashboard_api.handlers.macro import macro_routes
from dashboard_api.handlers.portfolio import portfolio_routes
from dashboard_api.handlers.slots import slot_routes
from dashboard_api.handlers.strategies import strategy_routes
from dashboard_api.handlers.system import system_routes
from dashboard_api.handlers.trades import trade_routes
from dashboard_api.handlers.watchlist import watchlist_routes
from dashboard_api.hub import Hub
from dashboard_api.pages import NEXT_CURSOR
from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.health import DependencyHealth, DependencyStatus
from prime_jennie.domain.ports import Clock
from prime_jennie.infra.database.schema import ExpectedSchema
from prime_jennie.infra.desk import answers
from prime_jennie.infra.job_app import demand_token
from prime_jennie.infra.runtime import behind_edge, service_app, supervise, survive

NAME = "dashboard-api"
SUMMARY = "What strategies hold, did and plan. Amounts in KRW, times in UTC, days in Seoul; /ws tells what is new."
ROUTES = (
    strategy_routes,
    portfolio_routes,
    trade_routes,
    watchlist_routes,
    macro_routes,
    llm_routes,
    slot_routes,
    halt_routes,
    journal_routes,
    log_routes,
    system_routes,
)


def create_app(settings: DashboardSettings) -> FastAPI:
    """Return the service's application; its lifespan opens the stores and follows what pages are told."""
    hub = Hub(keep=settings.replay_updates, backlog=settings.client_backlog, max_clients=settings.max_clients)
    access = Access(settings)
    at_work: list[DashboardDesk] = []
    schema = ExpectedSchema()

    async def open_and_work(app: FastAPI, stack: AsyncExitStack) -> None:
        demand_token(settings)
        desk = await stack.enter_async_context(open_dashboard_desk(settings, NAME, hub, schema))
        app.state.clock = desk.jobs.clock
        streams = StreamFeed(desk.jobs.redis, desk.jobs.db, hub)
        rows = RowFeed(desk)
        loops = {"streams": streams.follow, "rows": rows.follow}
        await stack.enter_async_context(
            supervise({loop: survive(loop, run, desk.jobs.outages) for loop, run in loops.items()})
        )
        await streams.begun.wait()
        at_work.append(desk)
        await asyncio.Event().wait()

    async def dependencies() -> dict[str, DependencyHealth]:
        if not at_work:
            return {"desk": DependencyHealth(status=DependencyStatus.DEGRADED, message=schema.missing or "starting")}
        return {**await at_work[0].jobs.dependencies(), "kis_gateway": await answers(at_work[0].jobs.gateway.info)}

    def desk() -> DashboardDesk:
        if not at_work:
            raise Unavailable(f"{NAME} is starting")
        return at_work[0]

    def clock() -> Clock:
        return desk().jobs.clock

    app = service_app(
        NAME,
        lifespan=behind_edge("desk", open_and_work, at_work.clear),
        dependencies=dependencies,
        extras=lambda: {"clients": hub.clients, "updates": hub.seq},
        ready=lambda: bool(at_work),
        waits_for=lambda: schema.missing,
    )
    app.state.access = access
    if settings.allowed_origin is not None:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=[settings.allowed_origin],
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=[NEXT_CURSOR],
        )
    for routes in ROUTES:
        app.include_router(routes(desk))
    app.include_router(live_routes(settings, access, hub, clock))

    @app.get("/openapi.json", include_in_schema=False, dependencies=[Depends(may_read)])
    async def description() -> dict[str, Any]:
        return described(app)

    return app


def described(app: FastAPI) -> dict[str, Any]:
    """Describe every path with an example, and say how a caller proves who it is."""
    found = get_openapi(title=NAME, version=app.version, routes=app.routes, summary=SUMMARY)
    found.setdefault("components", {})["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    found["security"] = [{"token": []}]
    return with_examples(found)
