"""Store bars and give them back oldest first, as every indicator expects them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from prime_jennie.domain.market import DailyPrice, IndexDailyPrice, MinutePrice
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.market import IndexDailyPriceRow, StockDailyPriceRow, StockMinutePriceRow
from prime_jennie.infra.database.upsert import upsert


class PriceRepository:
    """Daily, minute and index bars; writing a bar again overwrites it."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def upsert_daily(self, bars: Sequence[DailyPrice]) -> int:
        """Store daily bars and return how many were written."""
        rows = [bar.model_dump() for bar in bars]
        keys = ("stock_code", "price_date")
        return await self._db.write(lambda session: upsert(session, StockDailyPriceRow, rows, keys=keys))

    async def upsert_minute(self, bars: Sequence[MinutePrice]) -> int:
        """Store minute bars and return how many were written."""
        rows = [bar.model_dump() for bar in bars]
        keys = ("stock_code", "price_datetime")
        return await self._db.write(lambda session: upsert(session, StockMinutePriceRow, rows, keys=keys))

    async def upsert_index(self, bars: Sequence[IndexDailyPrice]) -> int:
        """Store index bars, their sources with them, and return how many were written."""
        rows = [bar.model_dump() for bar in bars]
        keys = ("index_code", "price_date")
        return await self._db.write(lambda session: upsert(session, IndexDailyPriceRow, rows, keys=keys))

    async def closes(self, stock_code: str, count: int, *, before: date) -> list[int]:
        """Return the last closes strictly before a day, oldest first; fewer where fewer are stored."""
        return [bar.close_price for bar in await self.daily(stock_code, count, before=before)]

    async def daily(self, stock_code: str, count: int, *, before: date) -> list[DailyPrice]:
        """Return the last daily bars strictly before a day, oldest first."""
        found = await self.daily_of([stock_code], count, before=before)
        return found.get(stock_code, [])

    async def daily_of(self, stock_codes: Sequence[str], count: int, *, before: date) -> Mapping[str, list[DailyPrice]]:
        """Return the last daily bars of several stocks in one query; a stock without bars is absent."""
        newest_first = (
            func.row_number()
            .over(partition_by=StockDailyPriceRow.stock_code, order_by=StockDailyPriceRow.price_date.desc())
            .label("age")
        )
        ranked = (
            select(StockDailyPriceRow, newest_first)
            .where(StockDailyPriceRow.stock_code.in_(stock_codes), StockDailyPriceRow.price_date < before)
            .subquery()
        )
        query = select(ranked).where(ranked.c.age <= count).order_by(ranked.c.stock_code, ranked.c.price_date)

        def work(session: Session) -> dict[str, list[DailyPrice]]:
            bars: dict[str, list[DailyPrice]] = {}
            for row in session.execute(query).mappings():
                fields = {name: value for name, value in row.items() if name != "age"}
                bars.setdefault(row["stock_code"], []).append(DailyPrice.model_validate(fields))
            return bars

        return await self._db.read(work)

    async def last_dates(self, stock_codes: Sequence[str]) -> dict[str, date]:
        """Return the newest stored day of each stock."""
        query = (
            select(StockDailyPriceRow.stock_code, func.max(StockDailyPriceRow.price_date))
            .where(StockDailyPriceRow.stock_code.in_(stock_codes))
            .group_by(StockDailyPriceRow.stock_code)
        )

        def work(session: Session) -> dict[str, date]:
            return {row[0]: row[1] for row in session.execute(query)}

        return await self._db.read(work)

    async def minute(self, stock_code: str, *, since: datetime, until: datetime) -> list[MinutePrice]:
        """Return the minute bars from `since` up to, not including, `until`, oldest first."""
        query = (
            select(StockMinutePriceRow)
            .where(
                StockMinutePriceRow.stock_code == stock_code,
                StockMinutePriceRow.price_datetime >= since,
                StockMinutePriceRow.price_datetime < until,
            )
            .order_by(StockMinutePriceRow.price_datetime)
        )

        def work(session: Session) -> list[MinutePrice]:
            return [_bar(MinutePrice, row) for row in session.execute(query).scalars()]

        return await self._db.read(work)

    async def index_daily(self, index_code: str, count: int, *, before: date) -> list[IndexDailyPrice]:
        """Return the last index bars strictly before a day, oldest first."""
        query = (
            select(IndexDailyPriceRow)
            .where(IndexDailyPriceRow.index_code == index_code, IndexDailyPriceRow.price_date < before)
            .order_by(IndexDailyPriceRow.price_date.desc())
            .limit(count)
        )

        def work(session: Session) -> list[IndexDailyPrice]:
            return [_bar(IndexDailyPrice, row) for row in session.execute(query).scalars()][::-1]

        return await self._db.read(work)


def _bar(model: type[Any], row: Any) -> Any:
    return model.model_validate({name: getattr(row, name) for name in model.model_fields})
