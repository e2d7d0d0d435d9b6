"""Ticks are read from now on, and reading paces the virtual day."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from redis.asyncio import Redis
from redis.exceptions import RedisError

from prime_jennie.domain.market import Tick, TickBatch
from prime_jennie.domain.topics import TICKS
from prime_jennie.infra.clock import CONSUMED_ALL
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.redis.connection import connect
from prime_jennie.infra.redis.streams import TypedStreamPublisher
from prime_jennie.infra.redis.ticks import TickReader
from prime_jennie.infra.tasks import end_task
from tests.support.eventually import eventually
from tests.support.redis_server import RedisServer

OPEN = datetime(2025, 3, 4, 0, 0, tzinfo=UTC)
STREAM = TICKS.stream.value


def batch(second: int) -> TickBatch:
    at = OPEN + timedelta(seconds=second)
    tick = Tick(
        stock_code="005930", price=70_000, volume=1, cumulative_volume=1, ask=70_100, bid=69_900, high=70_000, at=at
    )
    return TickBatch(ticks=(tick,), at=at)


async def publish(redis: Redis, *seconds: int) -> None:
    publisher = TypedStreamPublisher(redis, STREAM, TickBatch)
    for second in seconds:
        await publisher.publish(batch(second))


@asynccontextmanager
async def reading(reader: TickReader) -> AsyncIterator[list[int]]:
    seen: list[int] = []

    async def collect() -> None:
        async for got in reader.batches():
            seen.append(round((got.at - OPEN).total_seconds()))

    task = asyncio.create_task(collect())
    yield seen
    await end_task(task)


async def test_only_ticks_from_now_on_are_read_and_all_of_them(redis: Redis) -> None:
    await publish(redis, 1, 2)
    clock = ManualClock(OPEN)
    async with reading(TickReader(redis, clock, "scanner")) as seen:
        await eventually(lambda: "scanner" in clock.positions)  # the first read is over
        await publish(redis, *range(3, 203))
        await eventually(lambda: len(seen) == 200)
    assert seen == list(range(3, 203))


async def test_a_batch_counts_as_consumed_when_the_next_is_asked_for(redis: Redis) -> None:
    clock = ManualClock(OPEN - timedelta(hours=1))
    reader = TickReader(redis, clock, "scanner")
    batches = reader.batches()
    first = asyncio.ensure_future(anext(batches))
    await eventually(lambda: "scanner" in clock.positions)
    await publish(redis, 1, 2)
    await first
    assert clock.positions["scanner"] < OPEN
    await anext(batches)
    assert clock.positions["scanner"] == OPEN + timedelta(seconds=1)
    await batches.aclose()
    assert clock.positions["scanner"] == CONSUMED_ALL


async def test_an_idle_reader_reports_that_it_has_seen_all_there_was(redis: Redis) -> None:
    clock = ManualClock(OPEN)
    async with reading(TickReader(redis, clock, "scanner")):
        await eventually(lambda: clock.positions.get("scanner") == OPEN)
        clock.advance(600)
        await eventually(lambda: clock.positions.get("scanner") == OPEN + timedelta(seconds=600))


async def test_an_unreadable_tick_entry_is_skipped_and_its_neighbours_are_read(redis: Redis) -> None:
    clock = ManualClock(OPEN)
    async with reading(TickReader(redis, clock, "scanner")) as seen:
        await eventually(lambda: "scanner" in clock.positions)
        await publish(redis, 1)
        await redis.xadd(STREAM, {"payload": '{"ticks":[{"stock_code":"5930"}]}'})
        await redis.xadd(STREAM, {"payload": '{"ticks":[],"at":"2025-03-04T00:00:02"}'})  # naive
        await redis.xadd(STREAM, {"payload": batch(2).model_dump_json(), "version": "9"})
        await publish(redis, 3)
        await eventually(lambda: 3 in seen)
    assert seen == [1, 3]


async def test_a_reader_goes_on_behind_its_last_batch_when_redis_was_killed(mortal_redis: RedisServer) -> None:
    clock = ManualClock(OPEN)
    ours, theirs = connect(mortal_redis.url), connect(mortal_redis.url)
    reader = TickReader(ours, clock, "scanner")

    async def published(second: int) -> bool:
        try:
            await publish(theirs, second)
        except RedisError:
            return False
        return True

    async with reading(reader) as seen:
        await eventually(lambda: "scanner" in clock.positions)
        await publish(theirs, 1)
        await eventually(lambda: seen == [1])
        mortal_redis.kill()
        await eventually(lambda: reader.outage is not None)
        await asyncio.to_thread(mortal_redis.start)
        await eventually(lambda: published(2))
        await eventually(lambda: seen == [1, 2])
        await eventually(lambda: reader.outage is None)
    await ours.aclose()
    await theirs.aclose()
