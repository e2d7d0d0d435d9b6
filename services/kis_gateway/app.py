"""Put kis-gateway together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from kis_gateway.config import GatewaySettings
from kis_gateway.handlers.account import account_routes
from kis_gateway.handlers.day import day_routes
from kis_gateway.handlers.market import market_routes
from kis_gateway.handlers.realtime import realtime_routes
from kis_gateway.handlers.trading import trading_routes
from kis_gateway.parts import NAME, Parts, open_parts
from kis_gateway.report import dependencies_of, extras_of
from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.health import DependencyHealth, DependencyStatus
from prime_jennie.infra.heartbeat import heartbeat
from prime_jennie.infra.runtime import service_app, supervise


def create_app(settings: GatewaySettings) -> FastAPI:
    """Return the service's application; its lifespan holds the lease, the WebSocket and the loops."""
    running: list[Parts] = []

    def parts() -> Parts:
        if not running:
            raise Unavailable("kis-gateway is starting")
        return running[0]

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_parts(settings) as opened:
            app.state.clock = opened.clock
            running.append(opened)
            beats = heartbeat(opened.db, settings, NAME, lambda: {"market": opened.lifecycle.standing.state.value})
            async with supervise(opened.loops()), beats:
                yield
            running.clear()

    async def dependencies() -> dict[str, DependencyHealth]:
        if not running:
            return {"parts": DependencyHealth(status=DependencyStatus.DEGRADED, message="starting")}
        return await dependencies_of(running[0])

    app = service_app(
        NAME,
        lifespan=lifespan,
        dependencies=dependencies,
        extras=lambda: extras_of(running[0]) if running else {"environment": settings.kis_env.value},
        ready=lambda: bool(running) and running[0].ownership.is_ready,
    )
    app.state.token_key = settings.jennie_token_key.get_secret_value()
    app.state.read_token = settings.read_token
    app.state.operator_token = settings.operator_token
    for routes in (market_routes, account_routes, trading_routes, realtime_routes, day_routes):
        app.include_router(routes(parts))
    return app
