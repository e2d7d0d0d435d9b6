"""Put sell-executor together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from prime_jennie.domain.health import DependencyHealth, DependencyStatus
from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.topics import SELL_ORDERS
from prime_jennie.infra.database.repositories.inbox import SqlInbox
from prime_jennie.infra.desk import Desk, open_desk
from prime_jennie.infra.execution.room import Room, open_room
from prime_jennie.infra.redis.streams import TypedStreamConsumer
from prime_jennie.infra.runtime import service_app, supervise, survive
from sell_executor.config import SellExecutorSettings
from sell_executor.handlers import SellLoop
from sell_executor.seller import Seller

NAME = "sell-executor"


def seller_of(desk: Desk, room: Room) -> Seller:
    """Bind the seller to its stores."""
    return Seller(desk, placement=room.placement, books=room.books, follower=room.follower, emergency=room.emergency)


def sell_loop(desk: Desk, settings: SellExecutorSettings) -> SellLoop:
    """Bind everything of one process."""
    room = open_room(desk)
    seller = seller_of(desk, room)
    consumer = TypedStreamConsumer(
        desk.redis,
        SELL_ORDERS.stream_for(desk.keyspace),
        SELL_ORDERS.group,
        room.consumer_name,
        SELL_ORDERS.model,
        inbox=SqlInbox(desk.db, desk.clock),
    )
    strays = room.strays(TradeType.SELL, seller.in_flight)
    return SellLoop(desk, room, seller, consumer, strays, abreast=settings.sales_abreast)


def create_app(settings: SellExecutorSettings) -> FastAPI:
    """Return the service's application; its lifespan runs the loops."""
    running: list[tuple[Desk, SellLoop]] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_desk(settings, NAME) as desk:
            app.state.clock = desk.clock
            loop = sell_loop(desk, settings)
            running.append((desk, loop))
            loops = {
                "orders": survive("orders", loop.run, desk.outages),
                "sweep": survive("sweep", loop.sweep, desk.outages),
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
            return {"in_flight_orders": 0, "emergency_stop": False}
        desk, loop = running[0]
        return {
            "in_flight_orders": len(loop.seller.in_flight),
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
