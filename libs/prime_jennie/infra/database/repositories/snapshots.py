"""Store what an account was worth at the end of a day."""

from datetime import date, datetime

from sqlalchemy import select

from prime_jennie.domain.positions import DailySnapshot
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.portfolio import DailyAssetSnapshotRow
from prime_jennie.infra.database.upsert import upsert


class SnapshotRepository:
    """Daily snapshots of an account and strategy."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def save(
        self, account: str, strategy: str, snapshot: DailySnapshot, *, position_count: int, at: datetime
    ) -> None:
        """Store the day's snapshot in place of an earlier one of the same day."""
        row = {
            **snapshot.model_dump(),
            "account": account,
            "strategy": strategy,
            "position_count": position_count,
            "updated_at": at,
        }
        keys = ("account", "strategy", "snapshot_date")
        await self._db.write(lambda session: upsert(session, DailyAssetSnapshotRow, [row], keys=keys))

    async def newest(self, account: str, strategy: str, *, limit: int, offset: int = 0) -> list[DailySnapshot]:
        """Return a part of the days' ends, the newest first; strategy "" is the whole account's."""
        query = (
            select(DailyAssetSnapshotRow)
            .where(DailyAssetSnapshotRow.account == account, DailyAssetSnapshotRow.strategy == strategy)
            .order_by(DailyAssetSnapshotRow.snapshot_date.desc())
            .limit(limit)
            .offset(offset)
        )
        rows = await self._db.read(lambda session: list(session.execute(query).scalars()))
        return [DailySnapshot(**{name: getattr(row, name) for name in DailySnapshot.model_fields}) for row in rows]

    async def find(self, account: str, strategy: str, day: date) -> DailyAssetSnapshotRow | None:
        """Return the snapshot of a day."""
        return await self._db.read(lambda session: session.get(DailyAssetSnapshotRow, (account, strategy, day)))
