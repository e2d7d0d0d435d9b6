"""A message small enough to read in a test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pydantic import BaseModel, ConfigDict

from prime_jennie.infra.tasks import end_task


class Note(BaseModel):
    """A stream message with one field."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    text: str


class Received:
    """Deliveries as they came, for a test to look at."""

    def __init__(self) -> None:
        self.deliveries: list[Any] = []

    @property
    def texts(self) -> list[str]:
        return [delivery.message.text for delivery in self.deliveries]


@asynccontextmanager
async def receiving(consumer: Any, *, close: bool = True) -> AsyncIterator[Received]:
    """Collect what a consumer delivers while the block runs, closing each unless told otherwise."""
    received = Received()

    async def collect() -> None:
        async for delivery in consumer.deliveries():
            received.deliveries.append(delivery)
            if close:
                await delivery.done("read", "collected by a test")

    task = asyncio.create_task(collect())
    try:
        yield received
    finally:
        await end_task(task)
        if not task.cancelled() and task.exception() is not None:
            raise task.exception()  # type: ignore[misc]
