"""What chats are told unasked: in order, at most once a chat and message, through outages of Telegram."""

import asyncio
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from command_handler import metrics
from command_handler.console_room import ConsoleRoom
from command_handler.phrases import Phrase, same
from command_handler.replies import Reply
from prime_jennie.domain.ports import Inbox
from prime_jennie.infra.clients.telegram import Delivered
from prime_jennie.infra.outages import OUTAGES, Backoff

MOST_WAITING: Final = 200
STREAM: Final = "told"
log = structlog.get_logger(__name__)


class Post(Protocol):
    """Carries replies to chats."""

    @property
    def chats(self) -> Sequence[str]:
        """Return the chats that are told everything."""

    async def deliver(self, chat: str, reply: Reply) -> Delivered:
        """Send a reply to a chat and say what is known about it."""


async def _nothing(_outcome: str) -> None:
    return None


@dataclass(frozen=True)
class Notice:
    """Something to tell; without `chats` every allowed one. `done` is called once with what came of it."""

    message_id: str
    reply: Reply
    chats: tuple[str, ...] | None = None
    is_critical: bool = False
    done: Callable[[str], Awaitable[None]] = field(default=_nothing)


class Outbox:
    """One notice after the other.

    A claim in the inbox is written before a chat is told and closed when it is: after a crash between the two a chat
    may or may not have read the notice, and only a CRITICAL one is then told again. Waiting is bounded: beyond that
    the oldest notice that is not CRITICAL goes, and how many went is told when Telegram is back; where all are CRITICAL
    the next one waits in its stream.
    """

    def __init__(self, post: Post | None, console: ConsoleRoom, inbox: Inbox, *, most: int = MOST_WAITING) -> None:
        self._post = post
        self._console = console
        self._inbox = inbox
        self._most = most
        self._waiting: deque[Notice] = deque()
        self._known: set[str] = set()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._told: set[str] = set()
        """Chats that have read the first notice in line."""
        self._dropped = 0
        self.outage: str | None = None
        """Why notices wait right now, None while they flow."""

    @property
    def backlog(self) -> int:
        """How many notices wait."""
        return len(self._waiting)

    async def put(self, notice: Notice) -> None:
        """Tell the console at once, and the chats as soon as they can be reached; what waits is not put twice."""
        if notice.message_id in self._known:
            return
        self._known.add(notice.message_id)
        self._console.add(notice.reply)
        while len(self._waiting) >= self._most and not await self._dropped_one():
            self._room.clear()
            await self._room.wait()
        self._waiting.append(notice)
        metrics.BACKLOG.set(len(self._waiting))
        self._news.set()

    async def run(self) -> None:
        """Deliver for ever; raises the outage of a store that interrupts it."""
        while True:
            await self._news.wait()
            while self._waiting:
                notice = self._waiting[0]
                outcome = await self._tell(notice)
                await notice.done(outcome)
                self._told.clear()
                self._leave(notice)
                await self._confess()
            self._news.clear()

    async def _tell(self, notice: Notice) -> str:
        if self._post is None:
            log.info("told on the console", title=notice.reply.title.en, lines=[line.en for line in notice.reply.lines])
            return "console"
        known = self._post.chats
        chats = [chat for chat in (known if notice.chats is None else notice.chats) if chat in known]
        outcomes = [await self._tell_chat(self._post, chat, notice) for chat in chats]
        return ", ".join(sorted(set(outcomes))) or "nobody"

    async def _tell_chat(self, post: Post, chat: str, notice: Notice) -> str:
        if chat in self._told or not await self._claimed(chat, notice):
            return "told before"
        backoff = Backoff()
        while True:
            result = await post.deliver(chat, notice.reply)
            if result in (Delivered.SENT, Delivered.REFUSED) or (
                result is Delivered.UNKNOWN and not notice.is_critical
            ):
                break
            self._interrupted(chat, result)
            await backoff.pause()
        self.outage = None
        self._told.add(chat)
        await self._inbox.done(chat, notice.message_id, result.value)
        metrics.NOTICES.labels(result.value).inc()
        return result.value

    async def _claimed(self, chat: str, notice: Notice) -> bool:
        """Claim the right to tell a chat; a claim that a crash left open is good for a CRITICAL notice only."""
        payload = notice.reply.title.ko
        try:
            fresh = await self._inbox.receive(chat, notice.message_id, stream=STREAM, payload=payload, traceparent=None)
            if fresh:
                return True
            open_claims = {row.message_id for row in await self._inbox.unfinished(chat, STREAM)}
        except OUTAGES:
            if notice.is_critical:  # nobody can say whether it was told: better twice than never
                return True
            raise
        return notice.is_critical and notice.message_id in open_claims

    async def _dropped_one(self) -> bool:
        """Let the oldest notice go that is not CRITICAL and not being told; False when there is none."""
        for notice in list(self._waiting)[1:]:
            if not notice.is_critical:
                self._leave(notice)
                self._dropped += 1
                log.warning("notice dropped, too many wait", message_id=notice.message_id)
                await notice.done("dropped")
                return True
        return False

    async def _confess(self) -> None:
        if not self._dropped or self._waiting:
            return
        count, self._dropped = self._dropped, 0
        title = Phrase(f"알림 {count}건을 보내지 못했습니다", f"{count} notices could not be sent")
        why = Phrase("연결이 끊긴 동안 너무 많이 쌓였습니다", "Too many waited while the connection was gone")
        await self.put(Notice(f"dropped:{uuid.uuid4().hex}", Reply(title, (why, same("/portfolio /pnl")))))

    def _leave(self, notice: Notice) -> None:
        self._waiting.remove(notice)
        self._known.discard(notice.message_id)
        self._room.set()
        metrics.BACKLOG.set(len(self._waiting))

    def _interrupted(self, chat: str, result: Delivered) -> None:
        if self.outage is None:
            log.warning("notices wait", chat=chat, result=result.value)
        self.outage = f"telegram: {result.value}"
