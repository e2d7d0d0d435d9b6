"""Put sell-executor together."""

from fastapi import FastAPI

from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.topics import SELL_ORDERS
from prime_jennie.infra.database.repositories.inbox import SqlInbox
from prime_jennie.infra.desk import Desk
from prime_jennie.infra.desk_app import DeskWork, desk_app
from prime_jennie.infra.execution.room import open_room
from prime_jennie.infra.redis.streams import TypedStreamConsumer
from sell_executor.config import SellExecutorSettings
from sell_executor.handlers import SellLoop
from sell_executor.seller import Seller

NAME = "sell-executor"


def sell_loop(desk: Desk, settings: SellExecutorSettings) -> SellLoop:
    """Bind everything of one process."""
    room = open_room(desk)
    seller = Seller(room)
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
    """Return the service's application."""

    def work_of(desk: Desk) -> DeskWork:
        loop = sell_loop(desk, settings)
        return DeskWork(
            loops={
                "orders": loop.run,
                "sweep": loop.sweep,
                "halts": loop.room.emergency.watch,
                "dry-run": loop.room.dry_run.watch,
            },
            ready=lambda: loop.ready,
            extras=lambda: {
                "in_flight_orders": len(loop.seller.in_flight),
                "emergency_stop": loop.room.emergency.is_stopped,
                "dry_run": loop.room.dry_run.last,
            },
            dependencies=loop.stream_health,
        )

    nothing = {"in_flight_orders": 0, "emergency_stop": False, "dry_run": False}
    return desk_app(settings, NAME, work_of, starting_extras=nothing)
