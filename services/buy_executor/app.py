"""Put buy-executor together."""

from fastapi import FastAPI

from buy_executor.buyer import Buyer
from buy_executor.config import BuyExecutorSettings
from buy_executor.facts import AdmissionReader
from buy_executor.handlers import BuyLoop
from buy_executor.history import WatchedHistory
from buy_executor.parameters import ParameterLog
from buy_executor.planner import Planner
from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.topics import BUY_SIGNALS
from prime_jennie.infra.database.repositories.inbox import SqlInbox
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.desk import Desk
from prime_jennie.infra.desk_app import DeskWork, desk_app
from prime_jennie.infra.execution.room import open_room
from prime_jennie.infra.price_history import PriceHistory
from prime_jennie.infra.redis.streams import TypedStreamConsumer

NAME = "buy-executor"


def buy_loop(desk: Desk, settings: BuyExecutorSettings) -> BuyLoop:
    """Bind everything of one process."""
    room = open_room(desk)
    history = PriceHistory(desk.gateway, PriceRepository(desk.db), desk.sessions)
    buyer = Buyer(
        room,
        facts=AdmissionReader(desk, room.emergency),
        planner=Planner(desk, history, guard_enabled=settings.portfolio_guard_enabled),
    )
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
    """Return the service's application."""
    guard = {"portfolio_guard_enabled": settings.portfolio_guard_enabled}

    def work_of(desk: Desk) -> DeskWork:
        loop = buy_loop(desk, settings)
        return DeskWork(
            loops={
                "signals": loop.run,
                "sweep": loop.sweep,
                "history": loop.history.follow,
                "halts": loop.room.emergency.watch,
                "parameters": ParameterLog(desk).run,
                "dry-run": loop.room.dry_run.watch,
            },
            ready=lambda: loop.ready,
            extras=lambda: {
                "in_flight_orders": len(loop.buyer.in_flight),
                "emergency_stop": loop.room.emergency.is_stopped,
                "dry_run": loop.room.dry_run.last,
                **guard,
            },
            dependencies=loop.stream_health,
        )

    nothing = {"in_flight_orders": 0, "emergency_stop": False, "dry_run": False, **guard}
    return desk_app(settings, NAME, work_of, starting_extras=nothing)
