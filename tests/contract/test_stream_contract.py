"""What publishers and consumers keep, on Redis and in memory."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from redis.asyncio import Redis

from prime_jennie.domain.errors import BadInput
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.fakes.inbox import InMemoryInbox
from prime_jennie.infra.fakes.streams import InMemoryConsumer, InMemoryPublisher, InMemoryStream
from prime_jennie.infra.redis.streams import TypedStreamConsumer, TypedStreamPublisher
from tests.support.eventually import eventually
from tests.support.notes import Note, receiving

NAME = "stream:notes"


@dataclass
class Line:
    """One stream with a publisher, a way to add raw fields, and new consumers on the same inbox."""

    publisher: Any
    new_consumer: Callable[[], Any]
    add_raw: Callable[[dict[str, str]], Awaitable[None]]
    dead_reasons: Callable[[], Awaitable[list[str]]]
    inbox: InMemoryInbox


@pytest.fixture(params=["memory", "redis"])
async def line(request: pytest.FixtureRequest, redis: Redis) -> AsyncIterator[Line]:
    inbox = InMemoryInbox(ManualClock(datetime(2025, 3, 4, tzinfo=UTC)))
    if request.param == "memory":
        stream = InMemoryStream(NAME)

        async def add(fields: dict[str, str]) -> None:
            stream.add(fields)

        async def dead() -> list[str]:
            return [reason for _, reason in stream.dead]

        yield Line(
            InMemoryPublisher(stream, Note),
            lambda: InMemoryConsumer(stream, "reader", Note, inbox=inbox),
            add,
            dead,
            inbox,
        )
        return

    async def add_to_redis(fields: dict[str, str]) -> None:
        await redis.xadd(NAME, dict(fields))

    async def dead_in_redis() -> list[str]:
        return [fields["reason"] for _, fields in await redis.xrange(f"{NAME}:dead")]

    yield Line(
        TypedStreamPublisher(redis, NAME, Note),
        lambda: TypedStreamConsumer(redis, NAME, "group:notes", "reader", Note, inbox=inbox, block_secs=0.1),
        add_to_redis,
        dead_in_redis,
        inbox,
    )


async def test_messages_arrive_in_the_order_of_publishing(line: Line) -> None:
    for text in ("a", "b", "c"):
        await line.publisher.publish(Note(text=text))
    async with receiving(line.new_consumer()) as received:
        await line.publisher.publish(Note(text="d"))
        await eventually(lambda: len(received.texts) == 4)
    assert received.texts == ["a", "b", "c", "d"]
    assert not any(delivery.redelivered for delivery in received.deliveries)


async def test_a_message_carries_its_id_and_trace(line: Line) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await line.publisher.publish(Note(text="a"), message_id="note-1", traceparent=trace)
    async with receiving(line.new_consumer()) as received:
        await eventually(lambda: received.texts)
    assert (received.deliveries[0].message_id, received.deliveries[0].traceparent) == ("note-1", trace)


async def test_the_same_message_id_is_delivered_once_however_often_it_is_published(line: Line) -> None:
    for _ in range(3):
        await line.publisher.publish(Note(text="once"), message_id="note-1")
    await line.publisher.publish(Note(text="end"))
    async with receiving(line.new_consumer()) as received:
        await eventually(lambda: "end" in received.texts)
    assert received.texts == ["once", "end"]


async def test_a_message_without_outcome_comes_again_to_the_next_process_and_only_that(line: Line) -> None:
    async with receiving(line.new_consumer(), close=False) as first:
        await line.publisher.publish(Note(text="closed"))
        await line.publisher.publish(Note(text="left"))
        await eventually(lambda: len(first.texts) == 2)
        await first.deliveries[0].done("bought", "as asked")
    async with receiving(line.new_consumer()) as second:
        await line.publisher.publish(Note(text="new"))
        await eventually(lambda: "new" in second.texts)
    assert [(d.message.text, d.redelivered) for d in second.deliveries] == [("left", True), ("new", False)]
    assert ("bought", "as asked") in line.inbox.outcomes.values()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"payload": "{not json", "version": "1"}, "malformed"),
        ({"payload": '{"other":1}', "version": "1"}, "malformed"),
        ({"nothing": "here"}, "malformed"),
        ({"payload": '{"text":"a"}', "id": "a b"}, "malformed"),
        ({"payload": '{"text":"a"}', "version": "2"}, "unknown-version"),
        ({"payload": '{"text":"' + "x" * 300_000 + '"}', "version": "1"}, "oversized"),
        ({"payload": '{"text":"' + "가" * 90_000 + '"}', "version": "1"}, "oversized"),
    ],
)
async def test_an_unreadable_entry_is_kept_as_a_dead_letter_and_its_neighbours_are_read(
    line: Line, fields: dict[str, str], reason: str
) -> None:
    await line.publisher.publish(Note(text="before"))
    await line.add_raw(fields)
    await line.publisher.publish(Note(text="after"))
    async with receiving(line.new_consumer()) as received:
        await eventually(lambda: "after" in received.texts)
    assert received.texts == ["before", "after"]
    assert await line.dead_reasons() == [reason]


async def test_the_plain_entry_of_the_seeds_and_a_newer_producers_extra_field_are_read(line: Line) -> None:
    await line.add_raw({"payload": '{"text":"plain"}'})
    await line.add_raw({"payload": '{"text":"newer","added_later":1}', "version": "1", "also": "new"})
    async with receiving(line.new_consumer()) as received:
        await eventually(lambda: len(received.texts) == 2)
    assert received.texts == ["plain", "newer"]


async def test_what_no_consumer_would_read_is_refused_when_published(line: Line) -> None:
    with pytest.raises(BadInput, match="payload"):
        await line.publisher.publish(Note(text="x" * 300_000))
    with pytest.raises(BadInput, match="id"):
        await line.publisher.publish(Note(text="x"), message_id="a b")
