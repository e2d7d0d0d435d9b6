"""Keep what a person should find again: halts, settlements, corrections, changes of the day's state."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import JsonValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.journal import EventRow
from prime_jennie.infra.database.upsert import insert_new

LONGEST_PAGE = 1_000


class EventLevel(StrEnum):
    """How much an event matters (rulebook §2.3)."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


@dataclass(frozen=True)
class Event:
    """Something that happened; an event of a `key` happens once, strategy "" means the whole account."""

    kind: str
    message: str
    service: str
    at: datetime
    account: str | None = None
    strategy: str = ""
    level: EventLevel = EventLevel.INFO
    payload: JsonValue = None
    who: str | None = None
    key: str | None = None


class EventRepository:
    """Events of all services; rows are added, never changed."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, event: Event) -> bool:
        """Write the event; False when one of the same key is there already."""
        return await self._db.write(lambda session: add_event(session, event))

    async def newest(
        self,
        account: str | None = None,
        *,
        strategy: str | None = None,
        kinds: Sequence[str] = (),
        since: datetime | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[EventRow]:
        """Return events, the newest first."""
        query = select(EventRow)
        if account is not None:
            query = query.where(EventRow.account == account)
        if strategy is not None:
            query = query.where(EventRow.strategy == strategy)
        if kinds:
            query = query.where(EventRow.kind.in_(kinds))
        if since is not None:
            query = query.where(EventRow.at >= since)
        query = query.order_by(EventRow.at.desc(), EventRow.id.desc()).limit(min(limit, LONGEST_PAGE)).offset(offset)
        return await self._db.read(lambda session: list(session.execute(query).scalars()))


def add_event(session: Session, event: Event) -> bool:
    """Write the event inside the caller's transaction."""
    row = {
        "account": event.account,
        "strategy": event.strategy,
        "service": event.service,
        "level": event.level.value,
        "kind": event.kind,
        "message": event.message,
        "payload": event.payload,
        "who": event.who,
        "event_key": event.key,
        "at": event.at,
    }
    return insert_new(session, EventRow, row)
