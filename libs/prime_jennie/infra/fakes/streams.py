"""Streams in a list."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

from prime_jennie.domain.market import TickBatch
from prime_jennie.domain.ports import Inbox
from prime_jennie.infra.redis.entries import UnreadableError, decode, decode_payload, encode

T = TypeVar("T", bound=BaseModel)


class InMemoryStream:
    """Entries as fields, so that a test can add hostile ones; one group reads them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.entries: list[tuple[str, dict[str, str]]] = []
        self.dead: list[tuple[str, str]] = []
        """Entry id and reason of what could not be read."""
        self.taken = 0
        self._grown = asyncio.Event()

    def add(self, fields: dict[str, str]) -> str:
        """Append an entry and return its id."""
        entry_id = f"{len(self.entries) + 1}-0"
        self.entries.append((entry_id, fields))
        self._grown.set()
        return entry_id

    async def next_from(self, index: int) -> tuple[str, dict[str, str]]:
        """Wait for the entry at an index."""
        while index >= len(self.entries):
            self._grown.clear()
            await self._grown.wait()
        return self.entries[index]


class InMemoryPublisher(Generic[T]):
    """Twin of TypedStreamPublisher; `messages` are what was published."""

    def __init__(self, stream: InMemoryStream, model_type: type[T]) -> None:
        self._stream = stream
        self.model_type = model_type
        self.messages: list[T] = []

    async def publish(self, message: T, *, message_id: str | None = None, traceparent: str | None = None) -> str:
        fields = encode(message, self._stream.name, message_id, traceparent)
        self.messages.append(message)
        return self._stream.add(fields)


@dataclass(frozen=True)
class InMemoryDelivery(Generic[T]):
    """Twin of StreamDelivery."""

    message: T
    message_id: str
    traceparent: str | None
    redelivered: bool
    consumer: "InMemoryConsumer[T]"

    async def done(self, outcome: str, reason: str = "") -> None:
        await self.consumer.inbox.done(self.consumer.name, self.message_id, outcome, reason)


class InMemoryConsumer(Generic[T]):
    """Twin of TypedStreamConsumer: unfinished rows first, then what nobody has taken yet."""

    def __init__(self, stream: InMemoryStream, consumer: str, model_type: type[T], *, inbox: Inbox) -> None:
        self._stream = stream
        self.name = consumer
        self._model_type = model_type
        self.inbox = inbox

    async def deliveries(self) -> AsyncIterator[InMemoryDelivery[T]]:
        for row in await self.inbox.unfinished(self.name, self._stream.name):
            message = decode_payload(row.payload, self._model_type)
            yield InMemoryDelivery(message, row.message_id, row.traceparent, True, self)
        while True:
            entry_id, fields = await self._stream.next_from(self._stream.taken)
            self._stream.taken += 1
            try:
                entry = decode(self._stream.name, entry_id, fields, self._model_type)
            except UnreadableError as error:
                self._stream.dead.append((entry_id, error.reason))
                continue
            is_new = await self.inbox.receive(
                self.name,
                entry.message_id,
                stream=self._stream.name,
                payload=entry.payload,
                traceparent=entry.traceparent,
            )
            if is_new:
                yield InMemoryDelivery(entry.message, entry.message_id, entry.traceparent, False, self)


class InMemoryTicks:
    """Twin of TickReader."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[TickBatch] = asyncio.Queue()

    def put(self, batch: TickBatch) -> None:
        """Let a frame arrive."""
        self._queue.put_nowait(batch)

    async def batches(self) -> AsyncIterator[TickBatch]:
        while True:
            yield await self._queue.get()
