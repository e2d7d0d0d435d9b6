"""Keep every received message from before its acknowledgement until it has an outcome and a reason."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from prime_jennie.domain.ports import Clock, InboxRow
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.messages import InboxRow as Stored
from prime_jennie.infra.database.upsert import affected, insert_new

RECEIVED = "RECEIVED"
DONE = "DONE"


class SqlInbox:
    """Messages by consumer; a message id is taken once, however often the stream delivers it."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def receive(
        self, consumer: str, message_id: str, *, stream: str, payload: str, traceparent: str | None
    ) -> bool:
        """Store a message durably; False when it was here before."""
        row = {
            "consumer": consumer,
            "message_id": message_id,
            "stream": stream,
            "payload": payload,
            "traceparent": traceparent,
            "state": RECEIVED,
            "received_at": self._clock.now(),
        }
        return await self._db.write(lambda session: insert_new(session, Stored, row))

    async def unfinished(self, consumer: str, stream: str) -> Sequence[InboxRow]:
        """Return a consumer's messages of one stream without an outcome, oldest first."""
        query = select(Stored).where(Stored.consumer == consumer, Stored.stream == stream, Stored.state == RECEIVED)
        rows = await self._db.read(lambda session: [_as_port(row) for row in session.execute(query).scalars()])
        return sorted(rows, key=_age)

    async def done(self, consumer: str, message_id: str, outcome: str, reason: str = "") -> None:
        """Give a message its outcome and reason; the first outcome stays."""
        close = (
            update(Stored)
            .where(Stored.consumer == consumer, Stored.message_id == message_id, Stored.state == RECEIVED)
            .values(state=DONE, outcome=outcome, reason=reason, done_at=self._clock.now())
        )
        await self._db.write(lambda session: affected(session.execute(close)))

    async def outcome(self, consumer: str, message_id: str) -> tuple[str, str] | None:
        """Return a message's outcome and reason; None while it has none."""

        def work(session: Session) -> tuple[str, str] | None:
            row = session.get(Stored, (consumer, message_id))
            return None if row is None or row.outcome is None else (row.outcome, row.reason or "")

        return await self._db.read(work)

    async def received_at(self, consumer: str, message_id: str) -> datetime | None:
        """Return when a consumer received a message; None while it has not."""

        def work(session: Session) -> datetime | None:
            row = session.get(Stored, (consumer, message_id))
            return None if row is None else row.received_at

        return await self._db.read(work)

    async def outcomes(self, consumer: str) -> dict[str, int]:
        """Count a consumer's closed messages by outcome."""
        query = (
            select(Stored.outcome, func.count())
            .where(Stored.consumer == consumer, Stored.state == DONE)
            .group_by(Stored.outcome)
        )

        def work(session: Session) -> dict[str, int]:
            return {str(outcome): int(count) for outcome, count in session.execute(query)}

        return await self._db.read(work)


def _as_port(row: Stored) -> InboxRow:
    return InboxRow(row.consumer, row.message_id, row.stream, row.payload, row.traceparent, row.received_at)


def _age(row: InboxRow) -> tuple[datetime, tuple[int, ...], str]:
    """Order by arrival; of one moment by the stream's ids, where 1741564800000-10 follows 1741564800000-2."""
    parts = row.message_id.split("-")
    numbers = tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()
    return row.received_at, numbers, row.message_id
