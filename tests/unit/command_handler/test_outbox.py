"""What chats are told: in order, at most once, CRITICAL through every outage."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from command_handler.console_room import ConsoleRoom
from command_handler.outbox import Notice, Outbox
from command_handler.phrases import same
from command_handler.replies import Reply
from prime_jennie.domain.errors import Unavailable
from prime_jennie.infra.clients.telegram import Delivered
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.fakes.inbox import InMemoryInbox
from prime_jennie.infra.outages import Backoff
from prime_jennie.infra.tasks import end_task
from tests.support.eventually import eventually

AT = datetime(2025, 3, 10, 3, 0, tzinfo=UTC)
A, B = "telegram:1", "telegram:2"


class Chats:
    """Chats that answer as a test says; sent unless told otherwise."""

    def __init__(self, *chats: str) -> None:
        self.chats: Sequence[str] = chats
        self.told: list[tuple[str, str]] = []
        self.results: deque[Delivered] = deque()
        self.otherwise = Delivered.SENT
        self.attempts = 0

    async def deliver(self, chat: str, reply: Reply) -> Delivered:
        self.attempts += 1
        result = self.results.popleft() if self.results else self.otherwise
        if result is Delivered.SENT:
            self.told.append((chat, reply.title.ko))
        await asyncio.sleep(0)
        return result


class Home:
    """An outbox with what it leans on, and the outcomes of its notices."""

    def __init__(self, *chats: str, most: int = 200, inbox: InMemoryInbox | None = None) -> None:
        self.chats = Chats(*chats)
        self.console = ConsoleRoom()
        self.inbox = inbox or InMemoryInbox(ManualClock(AT))
        self.outbox = Outbox(self.chats, self.console, self.inbox, most=most)
        self.outcomes: list[tuple[str, str]] = []

    async def put(self, name: str, *, is_critical: bool = False, chats: tuple[str, ...] | None = None) -> None:
        async def done(outcome: str) -> None:
            self.outcomes.append((name, outcome))

        await self.outbox.put(Notice(name, Reply(same(name)), chats, is_critical=is_critical, done=done))

    async def finished(self, count: int) -> None:
        await eventually(lambda: len(self.outcomes) >= count, what=f"{count} notices done: {self.outcomes}")


@asynccontextmanager
async def running(home: Home) -> AsyncIterator[None]:
    task = asyncio.create_task(home.outbox.run())
    try:
        yield
    finally:
        await end_task(task)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait milliseconds between attempts."""
    monkeypatch.setattr(Backoff, "FIRST_SECS", 0.001)
    monkeypatch.setattr(Backoff, "LONGEST_SECS", 0.002)


async def test_every_chat_is_told_in_order() -> None:
    home = Home(A, B)
    async with running(home):
        for name in ("one", "two"):
            await home.put(name)
        await home.finished(2)
    assert home.chats.told == [(A, "one"), (B, "one"), (A, "two"), (B, "two")]
    assert home.outcomes == [("one", "sent"), ("two", "sent")]
    assert [shown.reply.title.ko for shown in home.console.after(0)] == ["one", "two"]


async def test_a_message_is_told_once_however_often_it_comes() -> None:
    home = Home(A)
    await home.put("one")
    await home.put("one")
    async with running(home):
        await home.finished(1)
        await home.put("one")
        await home.finished(2)
    assert home.chats.told == [(A, "one")]
    assert home.outcomes == [("one", "sent"), ("one", "told before")]


async def test_an_answer_goes_to_its_own_chat_and_never_to_one_that_is_not_allowed() -> None:
    home = Home(A, B)
    async with running(home):
        await home.put("mine", chats=(B,))
        await home.put("gone", chats=("telegram:3",))
        await home.finished(2)
    assert home.chats.told == [(B, "mine")]
    assert home.outcomes[1] == ("gone", "nobody")


async def test_what_surely_was_not_sent_is_sent_again_and_keeps_its_place() -> None:
    home = Home(A)
    home.chats.results.extend([Delivered.NOT_SENT] * 3)
    async with running(home):
        await home.put("one")
        await home.put("two")
        await eventually(lambda: home.outbox.outage is not None or home.outcomes)
        await home.finished(2)
    assert home.chats.told == [(A, "one"), (A, "two")]
    assert home.outbox.outage is None


@pytest.mark.parametrize(("is_critical", "told"), [(False, []), (True, [(A, "one")])])
async def test_what_may_have_arrived_is_repeated_only_where_it_is_critical(
    is_critical: bool, told: list[tuple[str, str]]
) -> None:
    home = Home(A)
    home.chats.results.append(Delivered.UNKNOWN)
    async with running(home):
        await home.put("one", is_critical=is_critical)
        await home.finished(1)
    assert home.chats.told == told


async def test_a_chat_that_refuses_keeps_nobody_waiting() -> None:
    home = Home(A, B)
    home.chats.results.append(Delivered.REFUSED)
    async with running(home):
        await home.put("one")
        await home.finished(1)
    assert home.chats.told == [(B, "one")]
    assert home.outcomes == [("one", "refused, sent")]


async def test_a_long_outage_drops_the_oldest_that_are_not_critical_and_tells_how_many() -> None:
    home = Home(A, most=4)
    home.chats.otherwise = Delivered.NOT_SENT
    async with running(home):
        await home.put("first")
        await eventually(lambda: home.chats.attempts > 0)
        for name in ("old", "older than new"):
            await home.put(name)
        for number in range(3):
            await home.put(f"critical {number}", is_critical=True)
        assert home.outcomes == [("old", "dropped"), ("older than new", "dropped")]
        home.chats.otherwise = Delivered.SENT
        await eventually(lambda: len(home.chats.told) == 5)
    assert [name for _, name in home.chats.told] == [
        "first",
        "critical 0",
        "critical 1",
        "critical 2",
        "알림 2건을 보내지 못했습니다",
    ]


async def test_where_all_that_wait_are_critical_the_next_one_waits_in_its_stream() -> None:
    home = Home(A, most=2)
    home.chats.otherwise = Delivered.NOT_SENT
    async with running(home):
        for number in range(2):
            await home.put(f"critical {number}", is_critical=True)
        third = asyncio.create_task(home.put("critical 2", is_critical=True))
        await asyncio.sleep(0.02)
        assert not third.done()
        home.chats.otherwise = Delivered.SENT
        await third
        await home.finished(3)
    assert [name for _, name in home.chats.told] == [f"critical {number}" for number in range(3)]


@pytest.mark.parametrize(("is_critical", "told"), [(False, []), (True, [(A, "one")])])
async def test_after_a_crash_between_claim_and_answer_only_a_critical_notice_is_told_again(
    is_critical: bool, told: list[tuple[str, str]]
) -> None:
    home = Home(A)
    assert await home.inbox.receive(A, "one", stream="told", payload="", traceparent=None)  # and then it died
    async with running(home):
        await home.put("one", is_critical=is_critical)
        await home.finished(1)
    assert home.chats.told == told


async def test_a_restart_tells_nothing_again_that_was_told() -> None:
    before = Home(A)
    async with running(before):
        await before.put("one", is_critical=True)
        await before.finished(1)
    after = Home(A, B, inbox=before.inbox)
    async with running(after):
        await after.put("one", is_critical=True)
        await after.finished(1)
    assert after.chats.told == [(B, "one")]


class Forgetful(InMemoryInbox):
    """An inbox whose database comes and goes."""

    down = True

    async def receive(self, *arguments: str, **known: object) -> bool:
        if self.down:
            raise Unavailable("database: gone")
        return await super().receive(*arguments, **known)  # type: ignore[arg-type]

    async def done(self, *arguments: str) -> None:
        if self.down:
            raise Unavailable("database: gone")
        await super().done(*arguments)


async def test_without_a_database_a_critical_notice_is_told_and_others_wait() -> None:
    inbox = Forgetful(ManualClock(AT))
    home = Home(A, inbox=inbox)
    await home.put("critical", is_critical=True)
    await home.put("other")
    with pytest.raises(Unavailable):
        await home.outbox.run()  # `survive` runs it again
    assert home.chats.told == [(A, "critical")]
    inbox.down = False
    async with running(home):
        await home.finished(2)
    assert home.chats.told == [(A, "critical"), (A, "other")]


async def test_without_telegram_the_console_is_told_and_nothing_waits() -> None:
    console, inbox = ConsoleRoom(), InMemoryInbox(ManualClock(AT))
    outbox = Outbox(None, console, inbox)
    task = asyncio.create_task(outbox.run())
    await outbox.put(Notice("one", Reply(same("one"))))
    await eventually(lambda: outbox.backlog == 0)
    await end_task(task)
    assert [shown.number for shown in console.after(0)] == [1]
    assert (console.after(1), console.newest) == ([], 1)
