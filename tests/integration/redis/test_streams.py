"""Nothing is lost and nothing comes twice, wherever the consumer or Redis dies."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from prime_jennie.domain.errors import Unavailable
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.fakes.inbox import InMemoryInbox
from prime_jennie.infra.redis.connection import connect
from prime_jennie.infra.redis.streams import TypedStreamConsumer, TypedStreamPublisher
from tests.support.cutting_proxy import CuttingProxy
from tests.support.eventually import eventually
from tests.support.notes import Note, receiving
from tests.support.redis_server import RedisServer

STREAM, GROUP, NAME = "stream:notes", "group:notes", "reader"


@pytest.fixture
def inbox() -> InMemoryInbox:
    return InMemoryInbox(ManualClock(datetime(2025, 3, 4, tzinfo=UTC)))


def consumer_on(redis: Redis, inbox: Any, name: str = NAME, **options: Any) -> TypedStreamConsumer[Note]:
    return TypedStreamConsumer(redis, STREAM, GROUP, name, Note, inbox=inbox, **{"block_secs": 0.1, **options})


async def publish(redis: Redis, *texts: str) -> list[str]:
    publisher = TypedStreamPublisher(redis, STREAM, Note)
    return [await publisher.publish(Note(text=text)) for text in texts]


async def pending_count(redis: Redis) -> int:
    return int((await redis.xpending(STREAM, GROUP))["pending"])


async def read_and_die(redis: Redis, name: str = NAME) -> None:
    """Take every entry as a process does that dies before its first inbox row."""
    await redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    await redis.xreadgroup(GROUP, name, {STREAM: ">"})


async def test_an_entry_is_acknowledged_only_after_its_inbox_row(redis: Redis, inbox: InMemoryInbox) -> None:
    pending_when_received: list[int] = []

    class Watching(InMemoryInbox):
        async def receive(self, *args: Any, **kwargs: Any) -> bool:
            pending_when_received.append(await pending_count(redis))
            return await super().receive(*args, **kwargs)

    await publish(redis, "a")
    async with receiving(consumer_on(redis, Watching(ManualClock(datetime(2025, 3, 4, tzinfo=UTC))))) as received:
        await eventually(lambda: received.texts == ["a"])
        assert await pending_count(redis) == 0
    assert pending_when_received == [1]


async def test_an_inbox_that_is_down_leaves_the_entry_pending_and_gets_it_when_it_is_back(redis: Redis) -> None:
    class Failing(InMemoryInbox):
        down = True

        async def receive(self, *args: Any, **kwargs: Any) -> bool:
            if self.down:
                raise Unavailable("database")
            return await super().receive(*args, **kwargs)

    failing = Failing(ManualClock(datetime(2025, 3, 4, tzinfo=UTC)))
    consumer = consumer_on(redis, failing)
    await publish(redis, "a", "b")
    async with receiving(consumer) as received:
        await eventually(lambda: consumer.outage is not None)
        assert await pending_count(redis) == 2
        failing.down = False
        await eventually(lambda: received.texts == ["a", "b"])
        await eventually(lambda: consumer.outage is None)
    assert await pending_count(redis) == 0


async def test_own_pending_entries_come_first_after_a_restart(redis: Redis, inbox: InMemoryInbox) -> None:
    await publish(redis, "old-1", "old-2")
    await read_and_die(redis)
    await publish(redis, "new")
    async with receiving(consumer_on(redis, inbox)) as received:
        await eventually(lambda: len(received.texts) == 3)
    assert received.texts == ["old-1", "old-2", "new"]
    assert await pending_count(redis) == 0


async def test_a_process_that_dies_between_row_and_acknowledgement_gets_the_message_once(
    redis: Redis, inbox: InMemoryInbox
) -> None:
    [entry_id] = await publish(redis, "a")
    await read_and_die(redis)
    await inbox.receive(NAME, f"{STREAM}:{entry_id}", stream=STREAM, payload='{"text":"a"}', traceparent=None)
    async with receiving(consumer_on(redis, inbox)) as received:
        await publish(redis, "b")
        await eventually(lambda: "b" in received.texts)
    assert [(d.message.text, d.redelivered) for d in received.deliveries] == [("a", True), ("b", False)]
    assert await pending_count(redis) == 0


async def test_the_consumers_name_is_stable_over_restarts(redis: Redis, inbox: InMemoryInbox) -> None:
    for text in ("a", "b", "c"):
        await publish(redis, text)
        async with receiving(consumer_on(redis, inbox)) as received:
            await eventually(lambda received=received: received.texts)
    assert [consumer["name"] for consumer in await redis.xinfo_consumers(STREAM, GROUP)] == [NAME]


async def test_what_a_dead_consumer_left_pending_is_taken_over_in_time_and_not_before(
    redis: Redis, inbox: InMemoryInbox
) -> None:
    await publish(redis, "left")
    await read_and_die(redis, "dead")
    async with receiving(consumer_on(redis, inbox, reclaim_every_secs=0.05)) as patient:
        await publish(redis, "new")
        await eventually(lambda: patient.texts == ["new"])
        assert await pending_count(redis) == 1  # 300 s are not over
    async with receiving(consumer_on(redis, inbox, reclaim_after_secs=0.2, reclaim_every_secs=0.05)) as received:
        await eventually(lambda: received.texts == ["left"])
    assert await pending_count(redis) == 0


async def test_trimmed_pending_entries_are_acknowledged_and_counted_as_lost(redis: Redis, inbox: InMemoryInbox) -> None:
    # Redis 6.2's XAUTOCLAIM answers (None, None) for these and keeps them pending for ever.
    ids = await publish(redis, "trimmed", "kept")
    await read_and_die(redis, "dead")
    await redis.xdel(STREAM, ids[0])
    async with receiving(consumer_on(redis, inbox, reclaim_after_secs=0.0, reclaim_every_secs=0.05)) as received:
        await eventually(lambda: received.texts == ["kept"])
        await eventually(lambda: pending_is(redis, 0))


async def test_own_pending_entries_that_were_trimmed_do_not_stop_the_start(redis: Redis, inbox: InMemoryInbox) -> None:
    ids = await publish(redis, "trimmed", "kept")
    await read_and_die(redis)
    await redis.xdel(STREAM, ids[0])
    async with receiving(consumer_on(redis, inbox)) as received:
        await eventually(lambda: received.texts == ["kept"])
        await eventually(lambda: pending_is(redis, 0))


async def pending_is(redis: Redis, count: int) -> bool:
    return await pending_count(redis) == count


async def test_a_dead_letter_keeps_what_it_was_and_is_acknowledged_once(redis: Redis, inbox: InMemoryInbox) -> None:
    bad = str(await redis.xadd(STREAM, {"payload": '{"text":' + "[" * 10_000, "version": "1"}))
    for _ in range(2):
        async with receiving(consumer_on(redis, inbox)) as received:
            await publish(redis, "good")
            await eventually(lambda received=received: received.texts == ["good"])
    [(_, letter)] = await redis.xrange(f"{STREAM}:dead")
    assert (letter["id"], letter["reason"], letter["group"]) == (bad, "malformed", GROUP)
    assert letter["field:payload"].startswith('{"text":[')
    assert len(letter["field:payload"]) < 5_000
    assert int(letter["size"]) > 10_000
    assert await pending_count(redis) == 0


async def test_hostile_bytes_become_a_dead_letter_and_the_neighbours_are_read(
    redis: Redis, inbox: InMemoryInbox, redis_server: RedisServer
) -> None:
    raw = Redis.from_url(redis_server.url)
    await publish(redis, "before")
    await raw.xadd(STREAM, {b"payload": b"\xff\xfe\x00", b"\xff": b"\xfe"})
    await raw.aclose()
    await publish(redis, "after")
    async with receiving(consumer_on(redis, inbox)) as received:
        await eventually(lambda: received.texts == ["before", "after"])
    assert await redis.xlen(f"{STREAM}:dead") == 1


async def test_a_lost_acknowledgement_delivers_once(redis: Redis, redis_server: RedisServer) -> None:
    inbox = InMemoryInbox(ManualClock(datetime(2025, 3, 4, tzinfo=UTC)))
    async with CuttingProxy(redis_server.port) as proxy:
        client = connect(proxy.url)
        await publish(redis, "a")
        proxy.cut_reply_to(b"XACK")
        async with receiving(consumer_on(client, inbox)) as received:
            await eventually(lambda: proxy.cuts == 1)
            await publish(redis, "b")
            await eventually(lambda: "b" in received.texts)
        await client.aclose()
    assert sorted(received.texts) == ["a", "b"]
    assert await pending_count(redis) == 0


async def test_publishing_again_after_a_lost_reply_delivers_once(
    redis: Redis, inbox: InMemoryInbox, redis_server: RedisServer
) -> None:
    async with CuttingProxy(redis_server.port) as proxy:
        client = connect(proxy.url)
        publisher = TypedStreamPublisher(client, STREAM, Note)
        proxy.cut_reply_to(b"XADD")
        with pytest.raises(RedisError):
            await publisher.publish(Note(text="a"), message_id="sell-1")
        await publisher.publish(Note(text="a"), message_id="sell-1")
        await publish(redis, "end")
        async with receiving(consumer_on(redis, inbox)) as received:
            await eventually(lambda: "end" in received.texts)
        await client.aclose()
    assert received.texts == ["a", "end"]


async def test_consumer_and_publisher_recover_from_a_redis_that_is_killed_and_restarted(
    mortal_redis: RedisServer, inbox: InMemoryInbox
) -> None:
    reading, writing = connect(mortal_redis.url), connect(mortal_redis.url)
    consumer = consumer_on(reading, inbox)
    async with receiving(consumer) as received:
        await publish(writing, "before")
        await eventually(lambda: received.texts == ["before"])
        mortal_redis.kill()
        await eventually(lambda: consumer.outage is not None)
        with pytest.raises(RedisError):
            await publish(writing, "meanwhile")
        await asyncio.to_thread(mortal_redis.start)
        await eventually(lambda: can_publish(writing, "after"))
        await eventually(lambda: received.texts == ["before", "after"])
        await eventually(lambda: consumer.outage is None)
    await reading.aclose()
    await writing.aclose()


async def can_publish(redis: Redis, text: str) -> bool:
    try:
        await publish(redis, text)
    except RedisError:
        return False
    return True


async def test_a_redis_that_lost_everything_gets_its_group_again(redis: Redis, inbox: InMemoryInbox) -> None:
    async with receiving(consumer_on(redis, inbox)) as received:
        await publish(redis, "a")
        await eventually(lambda: received.texts == ["a"])
        await redis.flushall()
        await publish(redis, "b")
        await eventually(lambda: received.texts == ["a", "b"])


async def test_the_seeds_consume_yields_models_and_closes_each_when_the_next_is_asked_for(
    redis: Redis, inbox: InMemoryInbox
) -> None:
    await publish(redis, "a", "b")
    texts = []
    async for note in consumer_on(redis, inbox).consume():
        texts.append(note.text)
        if len(texts) == 2:
            break
    assert texts == ["a", "b"]
    assert list(inbox.outcomes.values()) == [("processed", "")]


async def test_a_publisher_keeps_about_as_many_entries_as_it_is_told(redis: Redis) -> None:
    publisher = TypedStreamPublisher(redis, STREAM, Note, max_entries=100)
    for number in range(500):
        await publisher.publish(Note(text=str(number)))
    assert 100 <= await redis.xlen(STREAM) <= 200
