"""Put sell-executor together."""

from fastapi import FastAPI

from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.signals import SellOrder
from prime_jennie.domain.topics import SELL_ORDERS
from prime_jennie.infra.desk import Desk
from prime_jennie.infra.desk_app import DeskWork, desk_app
from prime_jennie.infra.execution.loop import FIGURES_AT_START, ExecutorLoop
from prime_jennie.infra.execution.room import open_room
from sell_executor.config import SellExecutorSettings
from sell_executor.seller import Seller

NAME = "sell-executor"


def sell_loop(desk: Desk, settings: SellExecutorSettings) -> ExecutorLoop[SellOrder]:
    """Bind everything of one process: one stock's sales wait for each other, no stock waits for another."""
    room = open_room(desk)
    return ExecutorLoop(
        room,
        Seller(room),
        TradeType.SELL,
        SELL_ORDERS,
        lane=lambda order: order.stock_code,
        abreast=settings.sales_abreast,
    )


def create_app(settings: SellExecutorSettings) -> FastAPI:
    """Return the service's application."""

    def work_of(desk: Desk) -> DeskWork:
        loop = sell_loop(desk, settings)
        return DeskWork(
            loops={"orders": loop.run, **loop.watches()},
            ready=lambda: loop.ready,
            extras=loop.figures,
            dependencies=loop.stream_health,
        )

    return desk_app(settings, NAME, work_of, starting_extras=FIGURES_AT_START)
