"""Store what an account was worth at the end of a day."""

from datetime import date, datetime

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

    async def find(self, account: str, strategy: str, day: date) -> DailyAssetSnapshotRow | None:
        """Return the snapshot of a day."""
        return await self._db.read(lambda session: session.get(DailyAssetSnapshotRow, (account, strategy, day)))
