"""Put kis-gateway together."""

import asyncio
from contextlib import AsyncExitStack

from fastapi import FastAPI

from kis_gateway.config import GatewaySettings
from kis_gateway.handlers.account import account_routes
from kis_gateway.handlers.day import day_routes
from kis_gateway.handlers.market import market_routes
from kis_gateway.handlers.realtime import realtime_routes
from kis_gateway.handlers.trading import trading_routes
from kis_gateway.parts import NAME, Parts, open_parts
from kis_gateway.report import dependencies_of, extras_of
from prime_jennie.domain.errors import BadInput, Unavailable
from prime_jennie.domain.health import DependencyHealth, DependencyStatus
from prime_jennie.infra.database.schema import ExpectedSchema
from prime_jennie.infra.heartbeat import heartbeat
from prime_jennie.infra.runtime import StartError, behind_edge, service_app, supervise


def create_app(settings: GatewaySettings) -> FastAPI:
    """Return the service's application; behind its HTTP edge it holds the lease, the WebSocket and the loops."""
    running: list[Parts] = []
    schema = ExpectedSchema()

    def parts() -> Parts:
        if not running:
            raise Unavailable("kis-gateway is starting")
        return running[0]

    async def open_and_work(app: FastAPI, stack: AsyncExitStack) -> None:
        try:
            opened = await stack.enter_async_context(open_parts(settings))
        except BadInput as error:
            raise StartError(str(error)) from error
        app.state.clock = opened.clock
        await schema.wait_in(opened.db)
        running.append(opened)
        beats = heartbeat(opened.db, settings, NAME, lambda: {"market": opened.lifecycle.standing.state.value})
        await stack.enter_async_context(supervise(opened.loops()))
        await stack.enter_async_context(beats)
        await asyncio.Event().wait()

    async def dependencies() -> dict[str, DependencyHealth]:
        if not running:
            return {"parts": DependencyHealth(status=DependencyStatus.DEGRADED, message=schema.missing or "starting")}
        return await dependencies_of(running[0])

    app = service_app(
        NAME,
        lifespan=behind_edge("parts", open_and_work, running.clear),
        dependencies=dependencies,
        extras=lambda: extras_of(running[0]) if running else {"environment": settings.kis_env.value},
        ready=lambda: bool(running) and running[0].ownership.is_ready,
        waits_for=lambda: schema.missing,
    )
    app.state.token_key = settings.jennie_token_key.get_secret_value()
    app.state.read_token = settings.read_token
    app.state.operator_token = settings.operator_token
    for routes in (market_routes, account_routes, trading_routes, realtime_routes, day_routes):
        app.include_router(routes(parts))
    return app
