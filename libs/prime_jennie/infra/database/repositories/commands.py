"""Remember every command of a person: taken once, audited with its outcome; and the trades that persons asked for.

All are events, and events are never changed: an outcome is an event of its own beside what it is the outcome of.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import JsonValue
from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session, aliased

from prime_jennie.domain.orders import TradeType
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.events import Event, add_event
from prime_jennie.infra.database.tables.journal import EventRow

COMMAND: Final = "command"
TRADE: Final = "manual-trade"
WAY_OUT: Final = "manual-way-out"
"""A sale of everything: audited and followed like a trade, and never refused for the day's number of trades."""
OUTCOME: Final = "outcome"


@dataclass(frozen=True)
class TakenCommand:
    """A command as it came; `text` is masked by whoever gives it."""

    message_id: str
    chat: str
    who: str
    name: str
    text: str
    at: datetime


@dataclass(frozen=True)
class ManualTrade:
    """An order that a person asked an executor for, under the id of its stream message."""

    message_id: str
    chat: str
    who: str
    strategy: str
    side: TradeType
    stock_code: str
    stock_name: str
    quantity: int
    at: datetime
    is_way_out: bool = False


class CommandLog:
    """The commands and manual trades of one account."""

    def __init__(self, db: Database, account: str, service: str) -> None:
        self._db = db
        self._account = account
        self._service = service

    async def begin(self, command: TakenCommand) -> bool:
        """Take a command before it is carried out; False when its message was taken before."""
        event = self._event(
            COMMAND,
            f"{COMMAND}:{command.message_id}",
            command.text,
            at=command.at,
            who=command.who,
            payload={"chat": command.chat, "command": command.name, "message_id": command.message_id},
        )
        return await self._db.write(lambda session: add_event(session, event))

    async def end(self, command: TakenCommand, outcome: str, *, at: datetime, **details: JsonValue) -> bool:
        """Give a command its outcome; False when it has one."""
        event = self._event(
            f"{COMMAND}-{OUTCOME}",
            f"{OUTCOME}:{COMMAND}:{command.message_id}",
            f"/{command.name}: {outcome}",
            at=at,
            who=command.who,
            payload={"chat": command.chat, "outcome": outcome, **details},
        )
        return await self._db.write(lambda session: add_event(session, event))

    async def without_outcome(self, since: datetime) -> list[TakenCommand]:
        """Return what an earlier process took and did not end, oldest first."""
        return [_command(row) for row in await self._open((COMMAND,), since)]

    async def begin_trades(self, trades: Sequence[ManualTrade], *, since: datetime, most: int) -> int | None:
        """Write trades down before they are asked for, all of them or none.

        Return how many trades persons have now asked for since a moment, or None when these would exceed the most.
        """
        events = [self._trade_event(trade) for trade in trades]
        counted = sum(not trade.is_way_out for trade in trades)

        def work(session: Session) -> int | None:
            used = _count(session, self._account, since)
            if counted and used + counted > most:
                return None
            for event in events:
                add_event(session, event)
            return used + counted

        return await self._db.write(work)

    async def open_trades(self, since: datetime) -> list[ManualTrade]:
        """Return the manual trades of which nobody has been told the outcome, oldest first."""
        return [_trade(row) for row in await self._open((TRADE, WAY_OUT), since)]

    async def end_trade(self, trade: ManualTrade, outcome: str, reason: str, *, at: datetime) -> bool:
        """Note what came of a manual trade; False when that was noted before."""
        event = self._event(
            f"{TRADE}-{OUTCOME}",
            f"{OUTCOME}:{_trade_key(trade)}",
            f"{trade.side.value} {trade.stock_code} by hand: {outcome}",
            at=at,
            who=trade.who,
            strategy=trade.strategy,
            payload={"outcome": outcome, "reason": reason, "message_id": trade.message_id},
        )
        return await self._db.write(lambda session: add_event(session, event))

    async def _open(self, kinds: tuple[str, ...], since: datetime) -> list[EventRow]:
        ending = aliased(EventRow)
        has_outcome = select(ending.id).where(ending.event_key == literal(f"{OUTCOME}:") + EventRow.event_key).exists()
        query = (
            select(EventRow)
            .where(EventRow.account == self._account, EventRow.kind.in_(kinds), EventRow.at >= since, ~has_outcome)
            .order_by(EventRow.id)
        )
        return await self._db.read(lambda session: list(session.execute(query).scalars()))

    def _trade_event(self, trade: ManualTrade) -> Event:
        return self._event(
            WAY_OUT if trade.is_way_out else TRADE,
            _trade_key(trade),
            f"{trade.side.value} {trade.quantity} {trade.stock_code} by hand",
            at=trade.at,
            who=trade.who,
            strategy=trade.strategy,
            payload={
                "chat": trade.chat,
                "message_id": trade.message_id,
                "side": trade.side.value,
                "stock_code": trade.stock_code,
                "stock_name": trade.stock_name,
                "quantity": trade.quantity,
            },
        )

    def _event(
        self,
        kind: str,
        key: str,
        message: str,
        *,
        at: datetime,
        who: str,
        payload: dict[str, JsonValue],
        strategy: str = "",
    ) -> Event:
        return Event(
            kind=kind,
            message=message,
            service=self._service,
            at=at,
            account=self._account,
            strategy=strategy,
            payload=payload,
            who=who,
            key=key,
        )


def _count(session: Session, account: str, since: datetime) -> int:
    query = select(func.count()).where(EventRow.account == account, EventRow.kind == TRADE, EventRow.at >= since)
    return session.execute(query).scalar_one()


def _command(row: EventRow) -> TakenCommand:
    payload = _payload(row)
    return TakenCommand(
        message_id=payload["message_id"],
        chat=payload["chat"],
        who=row.who or "",
        name=payload["command"],
        text=row.message,
        at=row.at,
    )


def _trade(row: EventRow) -> ManualTrade:
    payload = _payload(row)
    return ManualTrade(
        message_id=payload["message_id"],
        chat=payload["chat"],
        who=row.who or "",
        strategy=row.strategy,
        side=TradeType(payload["side"]),
        stock_code=payload["stock_code"],
        stock_name=payload["stock_name"],
        quantity=payload["quantity"],
        at=row.at,
        is_way_out=row.kind == WAY_OUT,
    )


def _payload(row: EventRow) -> dict[str, Any]:
    assert isinstance(row.payload, dict)  # noqa: S101 - narrows the type: only this file writes these kinds
    return row.payload


def _trade_key(trade: ManualTrade) -> str:
    return f"{TRADE}:{trade.message_id}"
