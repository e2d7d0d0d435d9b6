"""Put scout-job together: it belongs to the platform, not to a strategy."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Literal

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict
from redis.asyncio import Redis

from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.health import DependencyHealth, DependencyStatus
from prime_jennie.domain.ports import Gateway
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.clients.kis_gateway import GatewayClient
from prime_jennie.infra.clock import VirtualClock, clock_of
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.desk import answers
from prime_jennie.infra.outages import Outages
from prime_jennie.infra.redis.connection import connect
from prime_jennie.infra.runtime import service_app, supervise, survive
from scout_job.config import ScoutSettings
from scout_job.handlers import ScoutRun
from scout_job.regime import RegimeWriter

NAME = "scout-job"


class TriggerRequest(BaseModel):
    """Who asks for a run; `airflow` is the seeds' word and counts as a schedule."""

    model_config = ConfigDict(extra="forbid")

    source: Literal["schedule", "manual", "airflow"] = "manual"


def create_app(settings: ScoutSettings) -> FastAPI:
    """Return the service's application; its lifespan refreshes the regime."""
    running: list[ScoutRun] = []
    checks: list[Callable[[], Awaitable[dict[str, DependencyHealth]]]] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            clock = await clock_of(settings.clock_url)
            if isinstance(clock, VirtualClock):
                stack.push_async_callback(clock.close)
            app.state.clock = clock
            redis = connect(settings.redis_url)
            stack.push_async_callback(redis.aclose)
            db = Database(settings.database_url)
            stack.push_async_callback(db.close)
            gateway = await stack.enter_async_context(
                GatewayClient(settings.kis_gateway_url, settings.service_token, caller=NAME)
            )
            writer = RegimeWriter(
                redis,
                gateway,
                PriceRepository(db),
                index_code=settings.index_code,
                index_days=settings.index_days,
            )
            outages = Outages()
            run = ScoutRun(clock, load_sessions(), writer, refresh_minutes=settings.refresh_minutes)
            running.append(run)
            checks.append(lambda: _dependencies(redis, db, gateway, outages))
            async with supervise({"regime": survive("regime", run.follow, outages)}):
                yield
            running.clear()
            checks.clear()

    async def dependencies() -> dict[str, DependencyHealth]:
        if not checks:
            return {"desk": DependencyHealth(status=DependencyStatus.DEGRADED, message="starting")}
        return await checks[0]()

    def extras() -> dict[str, object]:
        return running[0].status() if running else {}

    app = service_app(
        NAME,
        lifespan=lifespan,
        dependencies=dependencies,
        extras=extras,
        ready=lambda: bool(running) and running[0].ready,
    )

    @app.post("/trigger")
    async def trigger(request: TriggerRequest) -> dict[str, str]:
        if not running:
            raise Unavailable("scout-job is starting")
        return {"job_id": running[0].trigger(request.source), "status": "started"}

    @app.get("/status")
    async def status() -> dict[str, object]:
        if not running:
            raise Unavailable("scout-job is starting")
        return running[0].status()

    return app


async def _dependencies(redis: Redis, db: Database, gateway: Gateway, outages: Outages) -> dict[str, DependencyHealth]:
    return {
        "redis": await answers(redis.ping),
        "db": await answers(db.ping),
        "kis_gateway": await answers(gateway.is_market_open),
        **outages.as_dependencies(),
    }
