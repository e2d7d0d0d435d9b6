"""Send a briefing to each chat at most once: its intent is stored before it leaves, and no doubt is sent again."""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

import structlog

from prime_jennie.domain.briefing import ChatDelivery, DeliveryState
from prime_jennie.domain.ports import Clock
from prime_jennie.infra.clients.telegram import Delivered, Delivery
from prime_jennie.infra.database.repositories.briefings import BriefingRepository

STATE_OF = {
    Delivered.SENT: DeliveryState.SENT,
    Delivered.REFUSED: DeliveryState.REFUSED,
    Delivered.NOT_SENT: DeliveryState.NOT_SENT,
    Delivered.UNKNOWN: DeliveryState.UNKNOWN,
}

log = structlog.get_logger(__name__)


class Sender(Protocol):
    """Send HTML to chats and tell what became of it in each."""

    async def send(self, chat_ids: Sequence[int], html: str) -> list[Delivery]:
        """Send to one chat after the other."""


class BriefingDelivery:
    """Delivers stored briefings; without a sender or a chat they stay stored."""

    def __init__(
        self, briefings: BriefingRepository, sender: Sender | None, chat_ids: Sequence[int], clock: Clock
    ) -> None:
        self._briefings = briefings
        self._sender = sender
        self._chat_ids = tuple(chat_ids)
        self._clock = clock
        self._leaving: set[tuple[date, int]] = set()

    async def recover(self) -> None:
        """Call unknown what was leaving when an earlier process died."""
        interrupted = await self._briefings.give_up_interrupted(at=self._clock.now(), but=frozenset(self._leaving))
        if interrupted:
            log.warning("briefings may or may not have arrived: not sent again", chats=interrupted)

    async def deliver(self, day: date, html: str) -> list[ChatDelivery]:
        """Send to every chat that has it neither for certain nor perhaps; return where each chat stands."""
        if self._sender is not None:
            await self.recover()
            for chat_id in self._chat_ids:
                await self._deliver_to(self._sender, day, chat_id, html)
        known = await self._briefings.deliveries(day)
        return [known[chat_id] for chat_id in self._chat_ids if chat_id in known]

    async def _deliver_to(self, sender: Sender, day: date, chat_id: int, html: str) -> None:
        self._leaving.add((day, chat_id))
        try:
            if not await self._briefings.begin(day, chat_id, at=self._clock.now()):
                return
            (sent,) = await sender.send([chat_id], html)
            delivery = ChatDelivery(chat_id=chat_id, state=STATE_OF[sent.outcome], reason=sent.reason)
            await self._briefings.close(day, delivery, parts=sent.parts, at=self._clock.now())
        finally:
            self._leaving.discard((day, chat_id))
