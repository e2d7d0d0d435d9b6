"""Keep every received message from before its acknowledgement until it has an outcome and a reason."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.messages import InboxRow
from prime_jennie.infra.database.upsert import affected, insert_new

RECEIVED = "RECEIVED"
DONE = "DONE"


@dataclass(frozen=True)
class InboxMessage:
    """A received message that has no outcome yet."""

    message_id: str
    stream: str
    payload: str
    traceparent: str | None
    received_at: datetime


class SqlInbox:
    """The inbox of one consumer; a message id is taken once, however often the stream delivers it."""

    def __init__(self, db: Database, consumer: str) -> None:
        self._db = db
        self._consumer = consumer

    async def receive(
        self, message_id: str, *, stream: str, payload: str, traceparent: str | None, at: datetime
    ) -> bool:
        """Write the message durably; False when it was received before."""
        row = {
            "consumer": self._consumer,
            "message_id": message_id,
            "stream": stream,
            "payload": payload,
            "traceparent": traceparent,
            "state": RECEIVED,
            "received_at": at,
        }
        return await self._db.write(lambda session: insert_new(session, InboxRow, row))

    async def finish(self, message_id: str, *, outcome: str, reason: str, at: datetime) -> bool:
        """Close the message with what became of it; the first outcome stays."""

        def work(session: Session) -> bool:
            closed = (
                update(InboxRow)
                .where(
                    InboxRow.consumer == self._consumer,
                    InboxRow.message_id == message_id,
                    InboxRow.state == RECEIVED,
                )
                .values(state=DONE, outcome=outcome, reason=reason, done_at=at)
            )
            return affected(session.execute(closed)) == 1

        return await self._db.write(work)

    async def unfinished(self) -> list[InboxMessage]:
        """Return what was received and never closed, oldest first: the work a crash left."""
        query = (
            select(InboxRow)
            .where(InboxRow.consumer == self._consumer, InboxRow.state == RECEIVED)
            .order_by(InboxRow.received_at, InboxRow.message_id)
        )
        rows = await self._db.read(lambda session: list(session.execute(query).scalars()))
        return [InboxMessage(r.message_id, r.stream, r.payload, r.traceparent, r.received_at) for r in rows]

    async def outcomes(self) -> dict[str, int]:
        """Count the closed messages by outcome."""
        query = (
            select(InboxRow.outcome, func.count())
            .where(InboxRow.consumer == self._consumer, InboxRow.state == DONE)
            .group_by(InboxRow.outcome)
        )

        def work(session: Session) -> dict[str, int]:
            return {str(outcome): int(count) for outcome, count in session.execute(query)}

        return await self._db.read(work)
