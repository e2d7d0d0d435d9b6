"""Read booked trades: a day's purchases, its realised result."""

from datetime import datetime

from sqlalchemy import func, select

from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.portfolio import TradeLogRow


class TradeLog:
    """The trades of an account and strategy; only the bookkeeper adds to them."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def trades(
        self, account: str, strategy: str | None = None, *, since: datetime | None = None, until: datetime | None = None
    ) -> list[TradeLogRow]:
        """Return the trades from `since` up to, not including, `until`, oldest first."""
        query = select(TradeLogRow).where(TradeLogRow.account == account)
        if strategy is not None:
            query = query.where(TradeLogRow.strategy == strategy)
        if since is not None:
            query = query.where(TradeLogRow.trade_timestamp >= since)
        if until is not None:
            query = query.where(TradeLogRow.trade_timestamp < until)
        query = query.order_by(TradeLogRow.trade_timestamp, TradeLogRow.id)
        return await self._db.read(lambda session: list(session.execute(query).scalars()))

    async def of_order(self, order_id: str) -> list[TradeLogRow]:
        """Return the booked executions of one order."""
        query = select(TradeLogRow).where(TradeLogRow.order_id == order_id).order_by(TradeLogRow.id)
        return await self._db.read(lambda session: list(session.execute(query).scalars()))

    async def realised_krw(self, account: str, strategy: str, since: datetime) -> int:
        """Sum the profits of sales since then, after fees and tax of both sides."""
        query = select(func.sum(TradeLogRow.profit_amount)).where(
            TradeLogRow.account == account,
            TradeLogRow.strategy == strategy,
            TradeLogRow.trade_timestamp >= since,
        )
        return await self._db.read(lambda session: int(session.execute(query).scalar() or 0))
