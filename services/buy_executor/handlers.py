"""The loops of buy-executor: start-up and recovery are one path."""

import asyncio

from buy_executor.buyer import Buyer
from buy_executor.history import WatchedHistory
from prime_jennie.domain.health import DependencyHealth
from prime_jennie.domain.signals import BuySignal
from prime_jennie.infra.desk import Desk
from prime_jennie.infra.execution.courier import Courier
from prime_jennie.infra.execution.room import Room, stream_health
from prime_jennie.infra.execution.strays import Strays
from prime_jennie.infra.redis.streams import TypedStreamConsumer


class BuyLoop:
    """Books what is unbooked, fetches what is missing, then takes signals one at a time."""

    def __init__(
        self,
        desk: Desk,
        room: Room,
        buyer: Buyer,
        consumer: TypedStreamConsumer[BuySignal],
        strays: Strays,
        history: WatchedHistory,
    ) -> None:
        self.room = room
        self.buyer = buyer
        self.history = history
        self._consumer = consumer
        self._strays = strays
        self._ready = asyncio.Event()
        self._courier = Courier(consumer, buyer.handle, desk.outages, strategy=desk.strategy, service=desk.service)

    @property
    def ready(self) -> bool:
        """Tell whether bars and books are complete enough to judge a signal."""
        return self._ready.is_set()

    async def run(self) -> None:
        """Recover, then carry signals for ever."""
        await self.room.books.book_all()
        await self.history.ensure()
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
