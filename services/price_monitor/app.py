"""Put price-monitor together."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException

from price_monitor.config import MonitorSettings
from price_monitor.handlers import MonitorLoop
from price_monitor.monitor import Monitor
from price_monitor.refresh import Refresh
from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.health import DependencyHealth, DependencyStatus
from prime_jennie.domain.topics import SELL_ORDERS
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.database.repositories.signals import SignalLog
from prime_jennie.infra.desk import Desk, open_desk
from prime_jennie.infra.price_history import PriceHistory
from prime_jennie.infra.redis.streams import TypedStreamPublisher
from prime_jennie.infra.redis.ticks import TickReader
from prime_jennie.infra.runtime import service_app, supervise, survive

NAME = "price-monitor"
TICKS_SILENT_SECS = 30.0  # real; longer silence means that no tick reaches us


def monitor_loop(desk: Desk, settings: MonitorSettings) -> MonitorLoop:
    """Bind the monitor to its stores."""
    monitor = Monitor(
        strategy=desk.strategy,
        account=desk.account.account_no,
        publisher=TypedStreamPublisher(desk.redis, SELL_ORDERS.stream_for(desk.keyspace), SELL_ORDERS.model),
        signals=SignalLog(desk.db),
        pending_secs=settings.refresh_secs,
    )
    history = PriceHistory(desk.gateway, PriceRepository(desk.db), desk.sessions)
    return MonitorLoop(
        desk,
        monitor,
        Refresh(desk, monitor, history),
        TickReader(desk.redis, desk.clock, f"{desk.strategy}:{NAME}"),
        refresh_secs=settings.refresh_secs,
        positions_secs=settings.positions_secs,
    )


def create_app(settings: MonitorSettings) -> FastAPI:
    """Return the service's application; its lifespan runs the monitor's loop."""
    running: list[tuple[Desk, MonitorLoop]] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_desk(settings, NAME) as desk:
            app.state.clock = desk.clock
            loop = monitor_loop(desk, settings)
            running.append((desk, loop))
            loops = {
                "monitor": survive("monitor", loop.run, desk.outages),
                "silence": survive("silence", lambda: loop.mind_silence(settings.tick_silence_secs), desk.outages),
                "config": survive("config", desk.config.follow, desk.outages),
            }
            async with supervise(loops):
                yield
            running.clear()

    async def dependencies() -> dict[str, DependencyHealth]:
        if not running:
            return {"desk": DependencyHealth(status=DependencyStatus.DEGRADED, message="starting")}
        return await running[0][0].dependencies()

    def extras() -> dict[str, object]:
        if not running:
            return {"monitoring_count": 0, "websocket_connected": False, "last_tick_at": None}
        desk, loop = running[0]
        at = loop.monitor.last_tick_at
        return {
            "monitoring_count": len(loop.monitor.watches),
            "websocket_connected": loop.ticks.outage is None and loop.ticks.silent_secs < TICKS_SILENT_SECS,
            "last_tick_at": None if at is None else at.isoformat(),
            "running": loop.monitor.running,
            "generation": desk.config.current.generation,
        }

    async def may_command(authorization: Annotated[str, Header()] = "") -> None:
        """Only the strategy's own token may start and stop the watch: a stopped monitor sells nothing."""
        token = settings.service_token
        if token is not None and not secrets.compare_digest(
            authorization.encode(), f"Bearer {token.get_secret_value()}".encode()
        ):
            raise HTTPException(401, "the strategy's token is needed")

    app = service_app(
        NAME,
        lifespan=lifespan,
        dependencies=dependencies,
        extras=extras,
        ready=lambda: bool(running) and running[0][1].ready,
    )

    def loop_in_force() -> MonitorLoop:
        if not running:
            raise Unavailable("price-monitor is starting")
        return running[0][1]

    @app.post("/start", dependencies=[Depends(may_command)])
    async def start() -> dict[str, object]:
        monitor = loop_in_force().monitor
        monitor.running = True
        return {"status": "started", "codes": sorted(monitor.watches)}

    @app.post("/stop", dependencies=[Depends(may_command)])
    async def stop() -> dict[str, str]:
        loop_in_force().monitor.running = False
        return {"status": "stopped"}

    return app
