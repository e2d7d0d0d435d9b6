"""Put buy-executor together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from buy_executor.buyer import Buyer
from buy_executor.config import BuyExecutorSettings
from buy_executor.facts import FactReader
from buy_executor.handlers import BuyLoop
from buy_executor.history import WatchedHistory
from buy_executor.planner import Planner
from prime_jennie.domain.health import DependencyHealth, DependencyStatus
from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.topics import BUY_SIGNALS
from prime_jennie.infra.database.repositories.inbox import SqlInbox
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.desk import Desk, open_desk
from prime_jennie.infra.execution.room import Room, open_room
from prime_jennie.infra.price_history import PriceHistory
from prime_jennie.infra.redis.streams import TypedStreamConsumer
from prime_jennie.infra.runtime import service_app, supervise, survive

NAME = "buy-executor"


def buyer_of(desk: Desk, room: Room, history: PriceHistory, *, guard_enabled: bool) -> Buyer:
    """Bind the buyer to its stores."""
    return Buyer(
        desk,
        facts=FactReader(desk, room.emergency),
        planner=Planner(desk, history, guard_enabled=guard_enabled),
        placement=room.placement,
        books=room.books,
        follower=room.follower,
        emergency=room.emergency,
    )


def buy_loop(desk: Desk, settings: BuyExecutorSettings) -> BuyLoop:
    """Bind everything of one process."""
    room = open_room(desk)
    history = PriceHistory(desk.gateway, PriceRepository(desk.db), desk.sessions)
    buyer = buyer_of(desk, room, history, guard_enabled=settings.portfolio_guard_enabled)
    consumer = TypedStreamConsumer(
        desk.redis,
        BUY_SIGNALS.stream_for(desk.keyspace),
        BUY_SIGNALS.group,
        room.consumer_name,
        BUY_SIGNALS.model,
        inbox=SqlInbox(desk.db, desk.clock),
    )
    strays = room.strays(TradeType.BUY, buyer.in_flight)
    return BuyLoop(desk, room, buyer, consumer, strays, WatchedHistory(desk, history))


def create_app(settings: BuyExecutorSettings) -> FastAPI:
    """Return the service's application; its lifespan runs the loops."""
    running: list[tuple[Desk, BuyLoop]] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_desk(settings, NAME) as desk:
            app.state.clock = desk.clock
            loop = buy_loop(desk, settings)
            running.append((desk, loop))
            loops = {
                "signals": survive("signals", loop.run, desk.outages),
                "sweep": survive("sweep", loop.sweep, desk.outages),
                "history": survive("history", loop.history.follow, desk.outages),
                "config": survive("config", desk.config.follow, desk.outages),
                "halts": loop.room.emergency.watch(),
            }
            async with supervise(loops):
                yield
            running.clear()

    async def dependencies() -> dict[str, DependencyHealth]:
        if not running:
            return {"desk": DependencyHealth(status=DependencyStatus.DEGRADED, message="starting")}
        desk, loop = running[0]
        return {**await desk.dependencies(), **loop.stream_health()}

    def extras() -> dict[str, object]:
        if not running:
            return {
                "in_flight_orders": 0,
                "portfolio_guard_enabled": settings.portfolio_guard_enabled,
                "emergency_stop": False,
            }
        desk, loop = running[0]
        return {
            "in_flight_orders": len(loop.buyer.in_flight),
            "portfolio_guard_enabled": settings.portfolio_guard_enabled,
            "emergency_stop": loop.room.emergency.is_stopped,
            "generation": desk.config.current.generation,
        }

    return service_app(
        NAME,
        lifespan=lifespan,
        dependencies=dependencies,
        extras=extras,
        ready=lambda: bool(running) and running[0][1].ready,
    )
