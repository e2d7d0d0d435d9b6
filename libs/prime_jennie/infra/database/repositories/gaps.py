"""Keep what a collecting slot should have found and did not."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from prime_jennie.domain.gaps import DataGap, GapKind
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.journal import DataGapRow
from prime_jennie.infra.database.upsert import affected, upsert

LONGEST_REASON: Final = 500  # characters


class GapRepository:
    """Gaps by slot, kind, subject and day; one written again keeps its row."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def record(self, slot: str, gaps: Sequence[DataGap], *, at: datetime) -> int:
        """Store gaps that a slot found and return how many were written."""
        rows = [
            {
                "slot": slot,
                "kind": gap.kind.value,
                "subject": gap.subject,
                "day": gap.day,
                "reason": gap.reason[:LONGEST_REASON],
                "created_at": at,
            }
            for gap in gaps
        ]
        keys = ("slot", "kind", "subject", "day")
        return await self._db.write(lambda session: upsert(session, DataGapRow, rows, keys=keys))

    async def close(self, kind: GapKind, subjects: Iterable[str], *, day: date) -> int:
        """Forget gaps of a day that have been filled since, whichever slot found them."""
        closed = delete(DataGapRow).where(
            DataGapRow.day == day, DataGapRow.kind == kind.value, DataGapRow.subject.in_(list(subjects))
        )
        return await self._db.write(lambda session: affected(session.execute(closed)))

    async def of_day(self, day: date, kinds: Iterable[GapKind] | None = None) -> list[DataGap]:
        """Return what is missing of a day, each thing once, with the newest reason."""
        query = select(DataGapRow).where(DataGapRow.day == day).order_by(DataGapRow.created_at, DataGapRow.id)
        if kinds is not None:
            query = query.where(DataGapRow.kind.in_([kind.value for kind in kinds]))
        rows = await self._db.read(lambda session: list(session.execute(query).scalars()))
        found = {(row.kind, row.subject): row for row in rows}
        return [
            DataGap(kind=GapKind(row.kind), subject=row.subject, day=row.day, reason=row.reason)
            for row in found.values()
        ]

    async def drop_before(self, day: date, *, most: int) -> int:
        """Delete gaps of earlier days, at most so many rows in one transaction."""
        oldest = select(DataGapRow.id).where(DataGapRow.day < day).order_by(DataGapRow.id).limit(most)

        def work(session: Session) -> int:
            ids = list(session.execute(oldest).scalars())
            return affected(session.execute(delete(DataGapRow).where(DataGapRow.id.in_(ids)))) if ids else 0

        return await self._db.write(work)
