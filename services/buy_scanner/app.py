"""Put buy-scanner together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from fastapi import FastAPI

from buy_scanner.config import ScannerSettings
from buy_scanner.facts import FactReader
from buy_scanner.handlers import ScanLoop
from buy_scanner.scanner import Scanner
from buy_scanner.watchlist import Watchlist
from prime_jennie.domain.health import DependencyHealth, DependencyStatus
from prime_jennie.domain.topics import BUY_SIGNALS
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.database.repositories.masters import MasterRepository
from prime_jennie.infra.database.repositories.signals import SignalLog
from prime_jennie.infra.desk import Desk, open_desk
from prime_jennie.infra.redis.streams import TypedStreamPublisher
from prime_jennie.infra.redis.ticks import TickReader
from prime_jennie.infra.regime import RegimeReader
from prime_jennie.infra.runtime import service_app, supervise, survive
from prime_jennie.strategy.entries.catalogue import catalogue_of

NAME = "buy-scanner"


def scan_loop(desk: Desk, settings: ScannerSettings) -> ScanLoop:
    """Bind the scanner to its stores."""
    scanner = Scanner(
        strategy=desk.strategy,
        account=desk.account.account_no,
        facts=FactReader(desk.redis, desk.keyspace, desk.halts, desk.sessions),
        publisher=TypedStreamPublisher(desk.redis, BUY_SIGNALS.stream_for(desk.keyspace), BUY_SIGNALS.model),
        signals=SignalLog(desk.db),
        blocks_bear_regimes=settings.blocks_bear_regimes,
    )
    return ScanLoop(
        desk,
        scanner,
        Watchlist(desk.redis, MasterRepository(desk.db), desk.sessions),
        RegimeReader(desk.redis),
        TickReader(desk.redis, desk.clock, f"{desk.strategy}:{NAME}"),
        reload_secs=settings.reload_secs,
        history_minutes=settings.history_minutes,
    )


def demand_known_entries(live: LiveConfig) -> None:
    """Raise BadInput for entries that this version does not have: such a configuration must not end the scanning."""
    catalogue_of(live.spec.entries)


def create_app(settings: ScannerSettings) -> FastAPI:
    """Return the service's application; its lifespan runs the scan loop."""
    running: list[tuple[Desk, ScanLoop]] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_desk(settings, NAME, check=demand_known_entries) as desk:
            app.state.clock = desk.clock
            loop = scan_loop(desk, settings)
            running.append((desk, loop))
            loops = {
                "scan": survive("scan", loop.run, desk.outages),
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
            return {"watchlist_loaded": False, "stock_count": 0, "market_regime": None, "active_strategies": []}
        desk, loop = running[0]
        scanner = loop.scanner
        return {
            "watchlist_loaded": loop.watchlist_loaded,
            "stock_count": len(scanner.entries),
            "market_regime": None if scanner.context is None else scanner.context.market_regime.value,
            "active_strategies": scanner.active_strategies,
            "last_tick_at": _iso(scanner.last_tick_at),
            "generation": desk.config.current.generation,
        }

    return service_app(
        NAME,
        lifespan=lifespan,
        dependencies=dependencies,
        extras=extras,
        ready=lambda: bool(running) and running[0][1].ready,
    )


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
