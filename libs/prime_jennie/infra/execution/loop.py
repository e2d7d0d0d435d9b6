"""The life of an executor: start-up and recovery are one path, then messages are carried until it stops."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Final, Generic, Protocol, TypeVar

from prime_jennie.domain.health import DependencyHealth
from prime_jennie.domain.model import Message
from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.topics import Topic
from prime_jennie.infra.database.repositories.inbox import SqlInbox
from prime_jennie.infra.execution.courier import Courier, Outcome
from prime_jennie.infra.execution.room import Room, stream_health
from prime_jennie.infra.redis.streams import TypedStreamConsumer

M = TypeVar("M", bound=Message)
M_contra = TypeVar("M_contra", bound=Message, contravariant=True)

FIGURES_AT_START: Final[Mapping[str, object]] = {"in_flight_orders": 0, "emergency_stop": False, "dry_run": False}


class Executor(Protocol[M_contra]):
    """Brings one message to its outcome; called again after a crash it goes on where the order stands."""

    in_flight: set[str]
    """Keys of orders that are not settled yet."""

    async def handle(self, message: M_contra, message_id: str, /) -> Outcome:
        """Return how the message ended."""


async def nothing_more() -> None:
    """Prepare nothing beside the books."""


class ExecutorLoop(Generic[M]):
    """Books what is unbooked, prepares what the executor needs, then carries its messages.

    Messages of one lane wait for each other, at most `abreast` lanes go side by side.
    """

    def __init__(
        self,
        room: Room,
        executor: Executor[M],
        side: TradeType,
        topic: Topic[M],
        *,
        prepare: Callable[[], Awaitable[object]] = nothing_more,
        lane: Callable[[M], Hashable] = lambda _: None,
        abreast: int = 1,
    ) -> None:
        desk = room.desk
        self.room = room
        self.executor = executor
        self.strays = room.strays(side, executor.in_flight)
        self._prepare = prepare
        self._ready = asyncio.Event()
        self._consumer = TypedStreamConsumer(
            desk.redis,
            topic.stream_for(desk.keyspace),
            topic.group,
            room.consumer_name,
            topic.model,
            inbox=SqlInbox(desk.db, desk.clock),
        )
        self._courier = Courier(
            self._consumer,
            executor.handle,
            desk.outages,
            strategy=desk.strategy,
            service=desk.service,
            lane=lane,
            abreast=abreast,
        )

    @property
    def ready(self) -> bool:
        """Tell whether what is known is complete enough to judge a message."""
        return self._ready.is_set()

    async def run(self) -> None:
        """Recover, then carry messages for ever."""
        await self.room.books.book_all()
        await self._prepare()
        await self.room.emergency.state()
        self._ready.set()
        await self._courier.run()

    async def sweep(self) -> None:
        """Book and settle what nobody follows, once the start is over, for ever."""
        await self._ready.wait()
        await self.strays.sweep_for_ever()

    def watches(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Return the loops beside the messages'."""
        return {"sweep": self.sweep, "halts": self.room.emergency.watch, "dry-run": self.room.dry_run.watch}

    def figures(self) -> dict[str, object]:
        """Return what /health adds."""
        return {
            "in_flight_orders": len(self.executor.in_flight),
            "emergency_stop": self.room.emergency.is_stopped,
            "dry_run": self.room.dry_run.last,
        }

    def stream_health(self) -> dict[str, DependencyHealth]:
        """Return the stream's interruption, if there is one."""
        return stream_health(self._consumer)
