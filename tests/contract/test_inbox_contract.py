"""What an inbox keeps, in SQL and in memory."""

from datetime import UTC, datetime

import pytest

from prime_jennie.domain.ports import Inbox
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.inbox import SqlInbox
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.fakes.inbox import InMemoryInbox
from tests.support.database import sqlite_db, sqlite_url

__all__ = ["sqlite_db", "sqlite_url"]

STREAM = "stream:buy-signals"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2025, 3, 4, tzinfo=UTC))


@pytest.fixture(params=["memory", "sql"])
def inbox(request: pytest.FixtureRequest, clock: ManualClock) -> Inbox:
    if request.param == "memory":
        return InMemoryInbox(clock)
    db: Database = request.getfixturevalue("sqlite_db")
    return SqlInbox(db, clock)


async def test_a_message_is_received_once_by_each_consumer(inbox: Inbox) -> None:
    assert await inbox.receive("buyer", "1-0", stream=STREAM, payload="{}", traceparent=None)
    assert not await inbox.receive("buyer", "1-0", stream=STREAM, payload="{}", traceparent=None)
    assert await inbox.receive("other", "1-0", stream=STREAM, payload="{}", traceparent=None)


async def test_unfinished_messages_come_oldest_first_as_they_were_received(inbox: Inbox, clock: ManualClock) -> None:
    for message_id in ("b", "a", "c"):
        await inbox.receive("buyer", message_id, stream=STREAM, payload=f'"{message_id}"', traceparent="t")
        clock.advance(1)
    await inbox.receive("buyer", "elsewhere", stream="stream:other", payload="{}", traceparent=None)
    await inbox.done("buyer", "a", "bought", "10 shares")
    rows = await inbox.unfinished("buyer", STREAM)
    assert [(row.message_id, row.payload, row.traceparent) for row in rows] == [("b", '"b"', "t"), ("c", '"c"', "t")]
    assert rows[0].received_at == datetime(2025, 3, 4, tzinfo=UTC)


async def test_a_finished_message_is_still_known(inbox: Inbox) -> None:
    await inbox.receive("buyer", "1-0", stream=STREAM, payload="{}", traceparent=None)
    await inbox.done("buyer", "1-0", "refused", "no cash")
    assert not await inbox.receive("buyer", "1-0", stream=STREAM, payload="{}", traceparent=None)
    assert list(await inbox.unfinished("buyer", STREAM)) == []
