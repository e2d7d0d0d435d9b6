"""Put price-monitor together."""

import secrets
from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException

from price_monitor.config import MonitorSettings
from price_monitor.handlers import MonitorLoop
from price_monitor.liquidation import Liquidation
from price_monitor.monitor import Monitor
from price_monitor.refresh import Refresh
from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.topics import SELL_ORDERS
from prime_jennie.infra.alerts import Alerts
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.database.repositories.signals import SignalLog
from prime_jennie.infra.desk import Desk
from prime_jennie.infra.desk_app import DeskWork, desk_app
from prime_jennie.infra.price_history import PriceHistory
from prime_jennie.infra.redis.streams import TypedStreamPublisher
from prime_jennie.infra.redis.ticks import TickReader
from prime_jennie.strategy.admission import EXIT_MAX_AGE

NAME = "price-monitor"
TICKS_SILENT_SECS = 30.0  # real; longer silence means that no tick reaches us


def monitor_loop(desk: Desk, settings: MonitorSettings) -> MonitorLoop:
    """Bind the monitor to its stores."""
    monitor = Monitor(
        strategy=desk.strategy,
        account=desk.account.account_no,
        publisher=TypedStreamPublisher(desk.redis, SELL_ORDERS.stream_for(desk.keyspace), SELL_ORDERS.model),
        signals=SignalLog(desk.db),
        alerts=Alerts(desk.redis, desk.clock, NAME, strategy=desk.strategy or None),
        pending_secs=EXIT_MAX_AGE.total_seconds(),
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
    """Return the service's application, with the commands that start and stop the watch."""
    watching: list[MonitorLoop] = []

    def work_of(desk: Desk) -> DeskWork:
        loop = monitor_loop(desk, settings)
        watching.append(loop)
        return DeskWork(
            loops={
                "monitor": loop.run,
                "silence": lambda: loop.mind_silence(settings.tick_silence_secs),
                "liquidation": Liquidation(desk, loop.monitor).follow,
            },
            ready=lambda: loop.ready,
            extras=lambda: extras(loop),
        )

    nothing = {"monitoring_count": 0, "websocket_connected": False, "last_tick_at": None}
    app = desk_app(settings, NAME, work_of, starting_extras=nothing)

    async def may_command(authorization: Annotated[str, Header()] = "") -> None:
        """Only the strategy's own token may start and stop the watch: a stopped monitor sells nothing."""
        token = settings.service_token
        if token is not None and not secrets.compare_digest(
            authorization.encode(), f"Bearer {token.get_secret_value()}".encode()
        ):
            raise HTTPException(401, "the strategy's token is needed")

    def loop_in_force() -> MonitorLoop:
        if not watching:
            raise Unavailable("price-monitor is starting")
        return watching[0]

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


def extras(loop: MonitorLoop) -> dict[str, object]:
    """Return what /health adds (service-contracts §1.6)."""
    at = loop.monitor.last_tick_at
    return {
        "monitoring_count": len(loop.monitor.watches),
        "websocket_connected": loop.ticks.outage is None and loop.ticks.silent_secs < TICKS_SILENT_SECS,
        "last_tick_at": None if at is None else at.isoformat(),
        "running": loop.monitor.running,
    }
