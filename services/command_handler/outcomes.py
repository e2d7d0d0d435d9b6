"""What came of a person's orders, told when it is known."""

import asyncio
from datetime import datetime, timedelta
from typing import Final

from command_handler.desk import CommandDesk
from command_handler.outbox import Notice, Outbox
from command_handler.phrases import Phrase, same
from command_handler.replies import Reply
from command_handler.words import SIDES
from prime_jennie.domain.orders import TradeType
from prime_jennie.infra.database.repositories.commands import CommandLog, ManualTrade
from prime_jennie.infra.database.repositories.inbox import SqlInbox

LOOK_EVERY_SECS: Final = 0.5  # real, while something of the last hour is awaited
IDLE_SECS: Final = 5.0  # real
SOON: Final = timedelta(hours=1)
NOT_YET: Final = timedelta(seconds=60)
FOLLOWED_FOR: Final = timedelta(days=14)
"""Longer than the exchange ever rests: an executor that was away tells on its return that the order is too old."""
EXECUTORS: Final = {TradeType.BUY: "buy-executor", TradeType.SELL: "sell-executor"}
OUTCOMES: Final = {
    "bought": Phrase("매수됨", "bought"),
    "sold": Phrase("매도됨", "sold"),
    "refused": Phrase("거부됨", "refused"),
    "expired": Phrase("시간이 지나 버려짐", "expired"),
    "unfilled": Phrase("체결되지 않음", "not filled"),
    "dry_run": Phrase("모의 실행이라 기록만 함", "only recorded, it is a dry run"),
    "failed": Phrase("실패", "failed"),
}


class Outcomes:
    """Follows the manual trades that are written down, so a restart forgets none."""

    def __init__(self, desk: CommandDesk, log: CommandLog, outbox: Outbox, news: asyncio.Event) -> None:
        self._desk = desk
        self._log = log
        self._outbox = outbox
        self._news = news
        self._inbox = SqlInbox(desk.db, desk.clock)
        self._told_not_yet: set[str] = set()

    async def follow(self) -> None:
        """Look for outcomes for ever; raises the outage that interrupts it."""
        while True:
            self._news.clear()
            waiting = await self._log.open_trades(self._desk.clock.now() - FOLLOWED_FOR)
            for trade in waiting:
                await self._look(trade)
            hurries = any(self._desk.clock.now() - trade.at < SOON for trade in waiting)
            await self._pause(LOOK_EVERY_SECS if hurries else IDLE_SECS)

    async def awaited_by(self, chat: str) -> int:
        """Count the orders whose outcome a chat waits for."""
        waiting = await self._log.open_trades(self._desk.clock.now() - FOLLOWED_FOR)
        return sum(trade.chat == chat for trade in waiting)

    async def _pause(self, secs: float) -> None:
        try:
            async with asyncio.timeout(secs):
                await self._news.wait()
        except TimeoutError:
            return

    async def _look(self, trade: ManualTrade) -> None:
        consumer = f"{trade.strategy}:{EXECUTORS[trade.side]}"
        found = await self._inbox.outcome(consumer, trade.message_id)
        if found is not None:
            outcome, reason = found

            async def told(_how: str) -> None:
                await self._log.end_trade(trade, outcome, reason, at=self._desk.clock.now())

            await self._outbox.put(
                Notice(f"outcome:{trade.message_id}", outcome_reply(trade, outcome, reason), (trade.chat,), done=told)
            )
            return
        age = self._desk.clock.now() - trade.at
        if age > NOT_YET and trade.message_id not in self._told_not_yet:
            self._told_not_yet.add(trade.message_id)
            received_at = await self._inbox.received_at(consumer, trade.message_id)
            reply = not_yet_reply(trade, consumer, received_at)
            await self._outbox.put(Notice(f"not-yet:{trade.message_id}", reply, (trade.chat,)))


def outcome_reply(trade: ManualTrade, outcome: str, reason: str) -> Reply:
    """Write what came of an order; the reason is the executor's own line, with its numbers."""
    return Reply(
        _headline(trade) + same(": ") + OUTCOMES.get(outcome, same(outcome)), (same(reason),) if reason else ()
    )


def not_yet_reply(trade: ManualTrade, consumer: str, received_at: datetime | None) -> Reply:
    """Say that an outcome is not known, and where the order was last seen."""
    if received_at is None:
        seen = Phrase(f"{consumer}이(가) 아직 받지 않았습니다", f"{consumer} has not received it yet")
    else:
        seen = Phrase(f"{consumer}이(가) 받아 처리하고 있습니다", f"{consumer} has received it and is at work")
    return Reply(
        _headline(trade) + Phrase(": 아직 모릅니다", ": not known yet"),
        (seen, Phrase("알게 되면 알립니다. 다시 보내지 마십시오", "You will be told; do not send it again")),
    )


def _headline(trade: ManualTrade) -> Phrase:
    side = SIDES[trade.side]
    label = f"{trade.stock_name} {trade.stock_code}"
    return Phrase(f"{label} {trade.quantity:,}주 {side.ko}", f"{side.en} {trade.quantity:,} {label}")
