"""Put buy-scanner together."""

from datetime import datetime

from fastapi import FastAPI

from buy_scanner.config import ScannerSettings
from buy_scanner.facts import FactReader
from buy_scanner.handlers import ScanLoop
from buy_scanner.scanner import Scanner
from buy_scanner.watchlist import Watchlist
from prime_jennie.domain.topics import BUY_SIGNALS
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.database.repositories.masters import MasterRepository
from prime_jennie.infra.database.repositories.signals import SignalLog
from prime_jennie.infra.desk import Desk
from prime_jennie.infra.desk_app import DeskWork, desk_app
from prime_jennie.infra.redis.streams import TypedStreamPublisher
from prime_jennie.infra.redis.ticks import TickReader
from prime_jennie.infra.regime import RegimeReader
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
        sessions=desk.sessions,
        blocks_bear_regimes=settings.blocks_bear_regimes,
    )
    return ScanLoop(
        desk,
        scanner,
        Watchlist(desk.redis, MasterRepository(desk.db), desk.sessions),
        RegimeReader(desk.redis),
        TickReader(desk.redis, desk.clock, f"{desk.strategy}:{NAME}"),
        reload_secs=settings.reload_secs,
        news_secs=settings.news_secs,
        history_minutes=settings.history_minutes,
    )


def demand_known_entries(live: LiveConfig) -> None:
    """Raise BadInput for entries that this version does not have: such a configuration must not end the scanning."""
    catalogue_of(live.spec.entries)


def create_app(settings: ScannerSettings) -> FastAPI:
    """Return the service's application."""

    def work_of(desk: Desk) -> DeskWork:
        loop = scan_loop(desk, settings)
        return DeskWork(
            loops={
                "scan": loop.run,
                "list": loop.mind_list,
                "silence": lambda: loop.mind_silence(settings.tick_silence_secs),
            },
            ready=lambda: loop.ready,
            extras=lambda: extras(loop),
        )

    nothing: dict[str, object] = {
        "watchlist_loaded": False,
        "stock_count": 0,
        "market_regime": None,
        "active_strategies": [],
    }
    return desk_app(settings, NAME, work_of, starting_extras=nothing, check=demand_known_entries)


def extras(loop: ScanLoop) -> dict[str, object]:
    """Return what /health adds (service-contracts §1.2)."""
    scanner = loop.scanner
    return {
        "watchlist_loaded": loop.watchlist_loaded,
        "watchlist_version": loop.watchlist_version,
        "stock_count": len(scanner.entries),
        "market_regime": None if scanner.context is None else scanner.context.market_regime.value,
        "active_strategies": scanner.active_strategies,
        "last_tick_at": _iso(scanner.last_tick_at),
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
