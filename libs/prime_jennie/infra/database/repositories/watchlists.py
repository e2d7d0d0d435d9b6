"""Read the lists that the scout's runs published."""

from datetime import date

from sqlalchemy import select

from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.scouting import WatchlistHistoryRow


class WatchlistQueries:
    """The lists of all runs; only the scout adds to them."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def newest(
        self, *, day: date | None = None, run_id: str | None = None, limit: int, offset: int = 0
    ) -> list[WatchlistHistoryRow]:
        """Return a part of the entries: the newest day and run first, in their ranks."""
        row = WatchlistHistoryRow
        query = select(row)
        if day is not None:
            query = query.where(row.snapshot_date == day)
        if run_id is not None:
            query = query.where(row.run_id == run_id)
        query = query.order_by(row.snapshot_date.desc(), row.run_id.desc(), row.rank, row.stock_code)
        return await self._db.read(lambda session: list(session.execute(query.limit(limit).offset(offset)).scalars()))
