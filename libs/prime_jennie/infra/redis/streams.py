"""Typed streams: each message reaches a consumer's inbox once, whatever dies in between.

Order of things for one entry: durable inbox row → XACK → processing. A crash before the row leaves the entry pending,
a crash after it leaves an unfinished row; both come first at the next start, which is the same path as a reconnect.
"""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import structlog
from pydantic import BaseModel
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from prime_jennie.domain.ports import Inbox
from prime_jennie.infra import metrics
from prime_jennie.infra.outages import OUTAGES, Backoff
from prime_jennie.infra.redis.connection import BLOCK_SECS
from prime_jennie.infra.redis.dead_letters import DeadLetters
from prime_jennie.infra.redis.entries import Entry, UnreadableError, decode, decode_payload, encode
from prime_jennie.infra.redis.replies import Fields, range_entries, stream_entries

T = TypeVar("T", bound=BaseModel)
log = structlog.get_logger(__name__)

MAX_ENTRIES: Final = 100_000
RECLAIM_AFTER_SECS: Final = 300.0  # real, like every age of a pending entry: it measures dead processes
RECLAIM_EVERY_SECS: Final = 30.0
READ_COUNT: Final = 32


class TypedStreamPublisher(Generic[T]):
    """Adds models of one type to one stream."""

    def __init__(self, redis: Redis, stream: str, model_type: type[T], *, max_entries: int = MAX_ENTRIES) -> None:
        self.redis = redis
        self.stream = stream
        self.model_type = model_type
        self.max_entries = max_entries

    async def publish(self, message: T, *, message_id: str | None = None, traceparent: str | None = None) -> str:
        """Add the message once and return its entry id.

        After a connection error the entry may exist or not: publish again with the same `message_id`, and every
        inbox takes it once. Raises BadInput for a payload over 256 KiB.
        """
        fields: dict[Any, Any] = {**encode(message, self.stream, message_id, traceparent)}
        entry_id = await self.redis.xadd(self.stream, fields, maxlen=self.max_entries, approximate=True)
        metrics.STREAM_PUBLISHED.labels(self.stream).inc()
        return str(entry_id)


@dataclass(frozen=True)
class StreamDelivery(Generic[T]):
    """One message, taken into the inbox and acknowledged; whoever processes it closes it with an outcome."""

    message: T
    message_id: str
    traceparent: str | None
    redelivered: bool
    consumer: "TypedStreamConsumer[T]"

    async def done(self, outcome: str, reason: str = "") -> None:
        """Close the inbox row: what came of the message and why."""
        await self.consumer.done(self.message_id, outcome, reason)


class TypedStreamConsumer(Generic[T]):
    """Reads one stream in a group under a stable name; `deliveries` survives outages of Redis and of the inbox.

    A message stays in hand until it is done; a process that dies before gets it again, marked as redelivered.
    """

    def __init__(
        self,
        redis: Redis,
        stream: str,
        group: str,
        consumer: str,
        model_type: type[T],
        *,
        inbox: Inbox,
        reclaim_after_secs: float = RECLAIM_AFTER_SECS,
        reclaim_every_secs: float = RECLAIM_EVERY_SECS,
        block_secs: float = BLOCK_SECS,
    ) -> None:
        self._redis = redis
        self.stream = stream
        self.group = group
        self.name = consumer
        self._model_type = model_type
        self._inbox = inbox
        self._dead_letters = DeadLetters(redis, stream)
        self._reclaim_after_ms = int(reclaim_after_secs * 1000)
        self._reclaim_every_secs = reclaim_every_secs
        self._block_ms = int(block_secs * 1000)
        self._in_hand: set[str] = set()
        self.outage: str | None = None
        """What interrupts the stream right now, None while it works."""

    async def consume(self) -> AsyncIterator[T]:
        """Yield bare messages (service-contracts §2.3); asking for the next one closes the one before."""
        async for delivery in self.deliveries():
            yield delivery.message
            await delivery.done("processed")

    async def deliveries(self) -> AsyncIterator[StreamDelivery[T]]:
        """Yield messages for ever: unfinished ones of the inbox, then own pending ones, then new ones."""
        backoff = Backoff()
        while True:
            try:
                async for delivery in self._read():
                    self._works()
                    backoff.reset()
                    if delivery is not None:
                        metrics.STREAM_CONSUMED.labels(self.stream).inc()
                        yield delivery
            except OUTAGES as error:
                self._interrupted(error)
                await backoff.pause()

    async def done(self, message_id: str, outcome: str, reason: str) -> None:
        """Close the inbox row of a message in hand."""
        await self._inbox.done(self.name, message_id, outcome, reason)
        self._in_hand.discard(message_id)

    async def _read(self) -> AsyncIterator[StreamDelivery[T] | None]:
        """Yield deliveries, and None after each answer of Redis that held none."""
        async for unfinished in self._unfinished():
            yield unfinished
        await self._ensure_group()
        async for pending in self._own_pending():
            yield pending
        reclaim_at = time.monotonic()
        while True:
            if time.monotonic() >= reclaim_at:
                async for abandoned in self._abandoned():
                    yield abandoned
                reclaim_at = time.monotonic() + self._reclaim_every_secs
            for entry_id, fields in await self._read_group(">", block_ms=self._block_ms):
                yield await self._take(entry_id, fields)
            yield None

    async def _unfinished(self) -> AsyncIterator[StreamDelivery[T]]:
        for row in await self._inbox.unfinished(self.name, self.stream):
            if row.message_id in self._in_hand:
                continue
            try:
                message = decode_payload(row.payload, self._model_type)
            except UnreadableError as error:  # written by another version of this program
                await self._inbox.done(self.name, row.message_id, "failed", str(error))
                continue
            self._in_hand.add(row.message_id)
            yield StreamDelivery(message, row.message_id, row.traceparent, True, self)

    async def _own_pending(self) -> AsyncIterator[StreamDelivery[T] | None]:
        after = "0"
        while entries := await self._read_group(after):
            for entry_id, fields in entries:
                yield await self._take(entry_id, fields)
                after = entry_id

    async def _abandoned(self) -> AsyncIterator[StreamDelivery[T] | None]:
        """Take over what another consumer of the group left pending.

        By JUSTID and XRANGE: Redis 6.2 answers nothing for a trimmed entry and keeps it pending for ever.
        """
        while ids := await self._redis.xautoclaim(
            self.stream, self.group, self.name, self._reclaim_after_ms, "0-0", count=READ_COUNT, justid=True
        ):
            for entry_id in ids:
                found = range_entries(await self._redis.xrange(self.stream, entry_id, entry_id))
                yield await self._take(entry_id, found[0][1] if found else {})

    async def _read_group(self, after: str, *, block_ms: int | None = None) -> list[tuple[str, Fields]]:
        return stream_entries(
            await self._redis.xreadgroup(self.group, self.name, {self.stream: after}, count=READ_COUNT, block=block_ms)
        )

    async def _take(self, entry_id: str, fields: Fields) -> StreamDelivery[T] | None:
        if not fields:
            await self._redis.xack(self.stream, self.group, entry_id)
            metrics.STREAM_LOST.labels(self.stream).inc()
            log.error("pending entry was trimmed before it was read", stream=self.stream, entry=entry_id)
            return None
        try:
            entry = decode(self.stream, entry_id, fields, self._model_type)
        except UnreadableError as error:
            await self._dead_letters.bury(self.group, entry_id, fields, error.reason, error.detail)
            return None
        return await self._receive(entry_id, entry)

    async def _receive(self, entry_id: str, entry: Entry[T]) -> StreamDelivery[T] | None:
        is_new = await self._inbox.receive(
            self.name, entry.message_id, stream=self.stream, payload=entry.payload, traceparent=entry.traceparent
        )
        await self._redis.xack(self.stream, self.group, entry_id)
        if not is_new:
            metrics.STREAM_DUPLICATES.labels(self.stream).inc()
            return None
        self._in_hand.add(entry.message_id)
        return StreamDelivery(entry.message, entry.message_id, entry.traceparent, False, self)

    async def _ensure_group(self) -> None:
        try:
            await self._redis.xgroup_create(self.stream, self.group, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def _works(self) -> None:
        if self.outage is not None:
            log.info("stream works again", stream=self.stream)
        self.outage = None

    def _interrupted(self, error: Exception) -> None:
        if self.outage is None:
            log.warning("stream interrupted, retrying", stream=self.stream, error=f"{type(error).__name__}: {error}")
        self.outage = f"{type(error).__name__}: {error}"
