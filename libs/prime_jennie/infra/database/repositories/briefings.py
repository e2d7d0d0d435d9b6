"""Keep each day's briefing once, and what became of it in every chat."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Final

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from prime_jennie.domain.briefing import Briefing, ChatDelivery, DeliveryState
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.journal import BriefingDeliveryRow, BriefingRow
from prime_jennie.infra.database.upsert import affected, insert_new

LONGEST_REASON: Final = 500  # characters


class BriefingRepository:
    """Briefings by day; a day's first stays."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def put(self, briefing: Briefing) -> Briefing:
        """Store a day's briefing unless there is one, and return the one that is stored."""
        row = briefing.model_dump() | {"gaps": list(briefing.gaps)}

        def work(session: Session) -> Briefing:
            insert_new(session, BriefingRow, row)
            return _briefing(session.get_one(BriefingRow, briefing.briefing_date, populate_existing=True))

        return await self._db.write(work)

    async def find(self, day: date) -> Briefing | None:
        """Return a day's briefing."""
        row = await self._db.read(lambda session: session.get(BriefingRow, day))
        return None if row is None else _briefing(row)

    async def newest(self) -> Briefing | None:
        """Return the briefing of the newest day."""
        query = select(BriefingRow).order_by(BriefingRow.briefing_date.desc()).limit(1)
        row = await self._db.read(lambda session: session.execute(query).scalar_one_or_none())
        return None if row is None else _briefing(row)

    async def begin(self, day: date, chat_id: int, *, at: datetime) -> bool:
        """Write that a chat's message is about to leave; False where it left before, or may have."""
        sending = {"state": DeliveryState.SENDING.value, "reason": "", "parts": 0, "updated_at": at}
        again = update(BriefingDeliveryRow).where(
            *_is(day, chat_id), BriefingDeliveryRow.state == DeliveryState.NOT_SENT.value
        )

        def work(session: Session) -> bool:
            if insert_new(session, BriefingDeliveryRow, {"briefing_date": day, "chat_id": str(chat_id), **sending}):
                return True
            return affected(session.execute(again.values(**sending))) == 1

        return await self._db.write(work)

    async def close(self, day: date, delivery: ChatDelivery, *, parts: int, at: datetime) -> None:
        """Write what became of a message that was about to leave; the day's first certain one dates the briefing."""
        outcome = {
            "state": delivery.state.value,
            "reason": delivery.reason[:LONGEST_REASON],
            "parts": parts,
            "updated_at": at,
        }
        dated = update(BriefingRow).where(BriefingRow.briefing_date == day, BriefingRow.sent_at.is_(None))

        def work(session: Session) -> None:
            session.execute(update(BriefingDeliveryRow).where(*_is(day, delivery.chat_id)).values(**outcome))
            if delivery.state is DeliveryState.SENT:
                session.execute(dated.values(sent_at=at))

        await self._db.write(work)

    async def give_up_interrupted(self, *, at: datetime, but: Collection[tuple[date, int]] = ()) -> int:
        """Call every message unknown that was about to leave when its process died; `but` those that leave now."""
        query = select(BriefingDeliveryRow).where(BriefingDeliveryRow.state == DeliveryState.SENDING.value)

        def work(session: Session) -> int:
            rows = [
                row
                for row in session.execute(query.with_for_update()).scalars()
                if (row.briefing_date, int(row.chat_id)) not in but
            ]
            for row in rows:
                row.state, row.updated_at = DeliveryState.UNKNOWN.value, at
                row.reason = "the service stopped while the message was leaving"
            return len(rows)

        return await self._db.write(work)

    async def deliveries(self, day: date) -> Mapping[int, ChatDelivery]:
        """Return what became of a day's briefing, chat by chat."""
        query = (
            select(BriefingDeliveryRow)
            .where(BriefingDeliveryRow.briefing_date == day)
            .order_by(BriefingDeliveryRow.chat_id)
        )
        rows = await self._db.read(lambda session: list(session.execute(query).scalars()))
        found = [
            ChatDelivery(chat_id=int(row.chat_id), state=DeliveryState(row.state), reason=row.reason) for row in rows
        ]
        return {delivery.chat_id: delivery for delivery in found}


def _is(day: date, chat_id: int) -> tuple[ColumnElement[bool], ...]:
    return (BriefingDeliveryRow.briefing_date == day, BriefingDeliveryRow.chat_id == str(chat_id))


def _briefing(row: BriefingRow) -> Briefing:
    sources = row.sources if isinstance(row.sources, dict) else {}
    gaps = row.gaps if isinstance(row.gaps, list) else []
    return Briefing(
        briefing_date=row.briefing_date,
        body=row.body,
        sources={str(name): str(source) for name, source in sources.items()},
        gaps=tuple(map(str, gaps)),
        writer=row.writer,
        created_at=row.created_at,
        sent_at=row.sent_at,
    )
