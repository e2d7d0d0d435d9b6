"""The loops of sell-executor: start-up and recovery are one path."""

import asyncio

from prime_jennie.domain.health import DependencyHealth
from prime_jennie.domain.signals import SellOrder
from prime_jennie.infra.desk import Desk
from prime_jennie.infra.execution.courier import Courier
from prime_jennie.infra.execution.room import Room, stream_health
from prime_jennie.infra.execution.strays import Strays
from prime_jennie.infra.redis.streams import TypedStreamConsumer
from sell_executor.seller import Seller


class SellLoop:
    """Books what is unbooked, then sells; one stock's sales wait for each other, no stock waits for another."""

    def __init__(
        self,
        desk: Desk,
        room: Room,
        seller: Seller,
        consumer: TypedStreamConsumer[SellOrder],
        strays: Strays,
        *,
        abreast: int,
    ) -> None:
        self.room = room
        self.seller = seller
        self._consumer = consumer
        self._strays = strays
        self._ready = asyncio.Event()
        self._courier = Courier(
            consumer,
            seller.handle,
            desk.outages,
            strategy=desk.strategy,
            service=desk.service,
            lane=lambda order: order.stock_code,
            abreast=abreast,
        )

    @property
    def ready(self) -> bool:
        """Tell whether the books are complete enough to know what is held."""
        return self._ready.is_set()

    async def run(self) -> None:
        """Recover, then carry sell orders for ever."""
        await self.room.books.book_all()
        await self.room.emergency.state()
        self._ready.set()
        await self._courier.run()

    async def sweep(self) -> None:
        """Book and settle what nobody follows, once the start is over, for ever."""
        await self._ready.wait()
        await self._strays.sweep_for_ever()

    def stream_health(self) -> dict[str, DependencyHealth]:
        """Return the stream's interruption, if there is one."""
        return stream_health(self._consumer)
