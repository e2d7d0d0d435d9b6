"""What a source of ticks keeps, on Redis and in memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from prime_jennie.domain.market import Tick, TickBatch
from prime_jennie.domain.ports import TickSource
from prime_jennie.domain.topics import TICKS
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.fakes.streams import InMemoryTicks
from prime_jennie.infra.redis.streams import TypedStreamPublisher
from prime_jennie.infra.redis.ticks import TickReader
from prime_jennie.infra.tasks import end_task
from tests.support.eventually import eventually

OPEN = datetime(2025, 3, 4, 0, 0, tzinfo=UTC)
Source = tuple[TickSource, Callable[[TickBatch], Awaitable[object]]]


def frame(second: int, *codes: str) -> TickBatch:
    at = OPEN + timedelta(seconds=second)
    ticks = (
        Tick(stock_code=c, price=70_000, volume=3, cumulative_volume=9, ask=70_100, bid=0, high=70_500, at=at)
        for c in codes
    )
    return TickBatch(ticks=tuple(ticks), at=at)


@pytest.fixture(params=["memory", "redis"])
async def source(request: pytest.FixtureRequest, redis: Redis) -> AsyncIterator[Source]:
    if request.param == "memory":
        ticks = InMemoryTicks()

        async def put(batch: TickBatch) -> None:
            ticks.put(batch)

        yield ticks, put
        return
    clock = ManualClock(OPEN)
    reader, publisher = TickReader(redis, clock, "scanner"), TypedStreamPublisher(redis, TICKS.stream.value, TickBatch)

    async def publish(batch: TickBatch) -> None:
        await eventually(lambda: "scanner" in clock.positions)
        await publisher.publish(batch)

    yield reader, publish


async def test_frames_come_whole_and_in_order(source: Source) -> None:
    ticks, put = source
    seen: list[TickBatch] = []

    async def collect() -> None:
        async for batch in ticks.batches():
            seen.append(batch)

    task = asyncio.create_task(collect())
    sent = [frame(1, "005930", "000660"), frame(2, "005930"), frame(2)]
    for batch in sent:
        await put(batch)
    await eventually(lambda: len(seen) == 3)
    await end_task(task)
    assert seen == sent
