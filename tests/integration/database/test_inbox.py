"""The inbox and its in-memory twin take each message once and keep its first outcome."""

import asyncio

import pytest

from prime_jennie.domain.ports import Inbox
from prime_jennie.infra.database.repositories.inbox import SqlInbox
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.fakes.inbox import InMemoryInbox
from tests.support.order_desk import OPEN

ME = "group:buy-executor"
STREAM = "krx-core:stream:buy-signals"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(OPEN)


@pytest.fixture(params=["memory", "sqlite_db", "mariadb_db"])
def inbox(request: pytest.FixtureRequest, clock: ManualClock) -> Inbox:
    if request.param == "memory":
        return InMemoryInbox(clock)
    return SqlInbox(request.getfixturevalue(request.param), clock)


async def receive(inbox: Inbox, message_id: str, *, consumer: str = ME, stream: str = STREAM) -> bool:
    return await inbox.receive(consumer, message_id, stream=stream, payload='{"한": "글"}', traceparent="00-ab")


async def test_a_message_is_received_once(inbox: Inbox) -> None:
    assert await receive(inbox, "1-0")
    assert not await receive(inbox, "1-0")
    assert len(await inbox.unfinished(ME, STREAM)) == 1


async def test_twenty_deliveries_at_once_are_one_message(inbox: Inbox) -> None:
    assert sorted(await asyncio.gather(*(receive(inbox, "1-0") for _ in range(20)))) == [False] * 19 + [True]


async def test_an_unfinished_message_comes_back_as_it_was(inbox: Inbox) -> None:
    await receive(inbox, "1-0")
    (row,) = await inbox.unfinished(ME, STREAM)
    assert (row.message_id, row.stream, row.payload) == ("1-0", STREAM, '{"한": "글"}')
    assert (row.traceparent, row.received_at) == ("00-ab", OPEN)


async def test_unfinished_messages_come_oldest_first(inbox: Inbox) -> None:
    for number in range(8, 12):
        await receive(inbox, f"1741564800000-{number}")
    assert [row.message_id.split("-")[1] for row in await inbox.unfinished(ME, STREAM)] == ["8", "9", "10", "11"]


async def test_a_later_arrival_comes_later_whatever_its_id(inbox: Inbox, clock: ManualClock) -> None:
    await receive(inbox, "9-0")
    clock.advance(1)
    await receive(inbox, "1-0")
    assert [row.message_id for row in await inbox.unfinished(ME, STREAM)] == ["9-0", "1-0"]


async def test_a_finished_message_is_no_longer_work_and_is_not_received_again(inbox: Inbox) -> None:
    await receive(inbox, "1-0")
    await inbox.done(ME, "1-0", "bought", "10 shares at 72,000")
    assert await inbox.unfinished(ME, STREAM) == []
    assert not await receive(inbox, "1-0")


async def test_consumers_and_streams_are_apart(inbox: Inbox) -> None:
    assert await receive(inbox, "1-0")
    assert await receive(inbox, "1-0", consumer="group:sell-executor")
    await receive(inbox, "2-0", stream="krx-other:stream:buy-signals")
    await inbox.done(ME, "1-0", "bought")
    assert [row.message_id for row in await inbox.unfinished("group:sell-executor", STREAM)] == ["1-0"]
    assert await inbox.unfinished(ME, STREAM) == []


@pytest.mark.parametrize("kind", ["sqlite_db", "mariadb_db"])
async def test_the_first_outcome_stays(request: pytest.FixtureRequest, clock: ManualClock, kind: str) -> None:
    inbox = SqlInbox(request.getfixturevalue(kind), clock)
    await receive(inbox, "1-0")
    assert await inbox.outcome(ME, "1-0") is None
    await inbox.done(ME, "1-0", "refused", "daily buys 6 of 6")
    await inbox.done(ME, "1-0", "bought")
    await inbox.done(ME, "nobody", "bought")
    assert await inbox.outcome(ME, "1-0") == ("refused", "daily buys 6 of 6")
    assert await inbox.outcomes(ME) == {"refused": 1}
