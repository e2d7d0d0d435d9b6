"""Carry messages from the stream to a handler, and their outcomes back to the inbox."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

from prime_jennie.domain.ports import Consumer, Delivery
from prime_jennie.infra.metrics import MESSAGES
from prime_jennie.infra.outages import OUTAGES, Backoff, Outages
from prime_jennie.infra.tasks import end_tasks

T = TypeVar("T")
R = TypeVar("R")
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Outcome:
    """How a message ended: bought, sold, refused, expired, unfilled or failed; the reason carries the numbers."""

    outcome: str
    reason: str


Handler = Callable[[T, str], Awaitable[Outcome]]


class Courier(Generic[T]):
    """Hands each message to the handler until it has an outcome, through every outage.

    Messages of one lane go one after the other, at most `abreast` lanes side by side. The handler is called again
    from its start after an outage or a crash, so it must find out how far it came.
    """

    def __init__(
        self,
        consumer: Consumer[T],
        handler: Handler[T],
        outages: Outages,
        *,
        strategy: str,
        service: str,
        lane: Callable[[T], Hashable] = lambda _: None,
        abreast: int = 1,
    ) -> None:
        self._consumer = consumer
        self._handler = handler
        self._outages = outages
        self._strategy = strategy
        self._service = service
        self._lane = lane
        self._room = asyncio.Semaphore(abreast)
        self._lanes: defaultdict[Hashable, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def run(self) -> None:
        """Carry for ever; a bug in carrying ends it."""
        failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        carriers: set[asyncio.Task[None]] = set()
        reader = asyncio.create_task(self._read(carriers, failure), name="read-messages")
        try:
            await asyncio.wait({reader, failure}, return_when=asyncio.FIRST_COMPLETED)
            (failure if failure.done() else reader).result()
        finally:
            failure.cancel()
            await end_tasks([reader, *carriers])

    async def _read(self, carriers: set[asyncio.Task[None]], failure: asyncio.Future[None]) -> None:
        def ended(carrier: asyncio.Task[None]) -> None:
            carriers.discard(carrier)
            if not carrier.cancelled() and (error := carrier.exception()) is not None and not failure.done():
                failure.set_exception(error)

        async for delivery in self._consumer.deliveries():
            await self._room.acquire()
            carrier = asyncio.create_task(self._in_lane(delivery), name=f"carry-{delivery.message_id}")
            carriers.add(carrier)
            carrier.add_done_callback(ended)

    async def _in_lane(self, delivery: Delivery[T]) -> None:
        try:
            async with self._lanes[self._lane(delivery.message)]:
                await self.carry(delivery)
        finally:
            self._room.release()

    async def carry(self, delivery: Delivery[T]) -> Outcome:
        """Bring one message to its outcome and close its inbox row."""
        outcome = await self._through_outages(lambda: self._handled(delivery))
        await self._through_outages(lambda: delivery.done(outcome.outcome, outcome.reason))
        MESSAGES.labels(self._strategy, self._service, outcome.outcome).inc()
        log.info("message done", message_id=delivery.message_id, outcome=outcome.outcome, reason=outcome.reason)
        return outcome

    async def _handled(self, delivery: Delivery[T]) -> Outcome:
        try:
            return await self._handler(delivery.message, delivery.message_id)
        except OUTAGES:
            raise
        except Exception as error:  # a message that cannot be handled must not stop the ones behind it
            log.exception("message failed", message_id=delivery.message_id)
            return Outcome("failed", f"{type(error).__name__}: {error}")

    async def _through_outages(self, work: Callable[[], Awaitable[R]]) -> R:
        backoff = Backoff()
        while True:
            try:
                result = await work()
            except OUTAGES as error:
                self._outages.begin("messages", error)
                await backoff.pause()
            else:
                self._outages.end("messages")
                return result
