"""Put buy-executor together."""

from fastapi import FastAPI

from buy_executor.buyer import Buyer
from buy_executor.config import BuyExecutorSettings
from buy_executor.facts import AdmissionReader
from buy_executor.history import WatchedHistory
from buy_executor.parameters import ParameterLog
from buy_executor.planner import Planner
from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.signals import BuySignal
from prime_jennie.domain.topics import BUY_SIGNALS
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.desk import Desk
from prime_jennie.infra.desk_app import DeskWork, desk_app
from prime_jennie.infra.execution.loop import FIGURES_AT_START, ExecutorLoop
from prime_jennie.infra.execution.room import open_room
from prime_jennie.infra.price_history import PriceHistory

NAME = "buy-executor"


def buy_loop(desk: Desk, settings: BuyExecutorSettings) -> tuple[ExecutorLoop[BuySignal], WatchedHistory]:
    """Bind everything of one process: signals one at a time, and the bars they are judged by."""
    room = open_room(desk)
    history = PriceHistory(desk.gateway, PriceRepository(desk.db), desk.sessions)
    watched = WatchedHistory(desk, history)
    buyer = Buyer(
        room,
        facts=AdmissionReader(desk, room.emergency),
        planner=Planner(desk, history, guard_enabled=settings.portfolio_guard_enabled),
    )
    return ExecutorLoop(room, buyer, TradeType.BUY, BUY_SIGNALS, prepare=watched.ensure), watched


def create_app(settings: BuyExecutorSettings) -> FastAPI:
    """Return the service's application."""
    guard = {"portfolio_guard_enabled": settings.portfolio_guard_enabled}

    def work_of(desk: Desk) -> DeskWork:
        loop, history = buy_loop(desk, settings)
        return DeskWork(
            loops={
                "signals": loop.run,
                "history": history.follow,
                "parameters": ParameterLog(desk).run,
                **loop.watches(),
            },
            ready=lambda: loop.ready,
            extras=lambda: {**loop.figures(), **guard},
            dependencies=loop.stream_health,
        )

    return desk_app(settings, NAME, work_of, starting_extras={**FIGURES_AT_START, **guard})
