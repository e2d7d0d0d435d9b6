"""Keep the world's figures of each day."""

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from prime_jennie.domain.macro import GlobalSnapshot
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.macro import GlobalMacroSnapshotRow
from prime_jennie.infra.database.upsert import insert_new, upsert


class MacroSnapshotRepository:
    """One snapshot a day; the day's last one stays."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def save(self, snapshot: GlobalSnapshot, *, at: datetime, overwrite: bool) -> bool:
        """Store a day's snapshot; False when one is there and must not be overwritten."""
        row = {
            **snapshot.model_dump(),
            "vix_regime": snapshot.vix_regime.value,
            "data_sources": list(snapshot.data_sources),
            "updated_at": at,
        }

        def work(session: Session) -> bool:
            if overwrite:
                return upsert(session, GlobalMacroSnapshotRow, [row], keys=("snapshot_date",)) == 1
            return insert_new(session, GlobalMacroSnapshotRow, row)

        return await self._db.write(work)

    async def find(self, day: date) -> GlobalSnapshot | None:
        """Return a day's snapshot."""
        row = await self._db.read(lambda session: session.get(GlobalMacroSnapshotRow, day))
        return None if row is None else _snapshot(row)

    async def newest_before(self, day: date) -> GlobalSnapshot | None:
        """Return the last snapshot of the days before a day."""
        query = (
            select(GlobalMacroSnapshotRow)
            .where(GlobalMacroSnapshotRow.snapshot_date < day)
            .order_by(GlobalMacroSnapshotRow.snapshot_date.desc())
            .limit(1)
        )
        row = await self._db.read(lambda session: session.execute(query).scalar_one_or_none())
        return None if row is None else _snapshot(row)


def _snapshot(row: GlobalMacroSnapshotRow) -> GlobalSnapshot:
    fields = {name: getattr(row, name) for name in GlobalSnapshot.model_fields}
    return GlobalSnapshot.model_validate({**fields, "data_sources": tuple(row.data_sources or ())})  # type: ignore[arg-type]
