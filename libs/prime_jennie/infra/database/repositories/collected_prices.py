"""Take in what the exchange says about whole markets: tell what is there, count what changed, drop what is too old."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Delete, delete, func, select
from sqlalchemy.orm import Session

from prime_jennie.domain.market import DailyPrice, IndexDailyPrice
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.base import Base
from prime_jennie.infra.database.tables.market import IndexDailyPriceRow, StockDailyPriceRow, StockMinutePriceRow
from prime_jennie.infra.database.upsert import affected, upsert

_FIGURES = ("open_price", "high_price", "low_price", "close_price", "volume")


@dataclass(frozen=True)
class Written:
    """What a batch of bars did: bars not there before, bars that had other figures, bars in all."""

    new: int = 0
    changed: int = 0
    bars: int = 0

    def __add__(self, other: "Written") -> "Written":
        return Written(self.new + other.new, self.changed + other.changed, self.bars + other.bars)


@dataclass(frozen=True)
class Span:
    """The first and the last stored day of a stock or an index."""

    first: date
    last: date


class CollectedPrices:
    """Bars of the whole market."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def write_daily(self, bars: Sequence[DailyPrice]) -> Written:
        """Store daily bars in one transaction; the newest figures win, and those that differed are counted."""
        rows = [bar.model_dump() for bar in bars]
        return await self._db.write(lambda session: _write(session, StockDailyPriceRow, "stock_code", rows))

    async def write_index(self, bars: Sequence[IndexDailyPrice]) -> Written:
        """Store index bars in the same way."""
        rows = [bar.model_dump() for bar in bars]
        return await self._db.write(lambda session: _write(session, IndexDailyPriceRow, "index_code", rows))

    async def spans(self, *, before: date) -> dict[str, Span]:
        """Return what is stored of each stock before a day, in one query."""
        row = StockDailyPriceRow
        query = select(row.stock_code, func.min(row.price_date), func.max(row.price_date)).where(
            row.price_date < before
        )
        return await self._spans(query.group_by(row.stock_code))

    async def index_spans(self, *, before: date) -> dict[str, Span]:
        """Return the same of each index."""
        row = IndexDailyPriceRow
        query = select(row.index_code, func.min(row.price_date), func.max(row.price_date)).where(
            row.price_date < before
        )
        return await self._spans(query.group_by(row.index_code))

    async def closes_of(self, day: date) -> dict[str, int]:
        """Return the closes of every stock that has a bar of that day."""
        query = select(StockDailyPriceRow.stock_code, StockDailyPriceRow.close_price).where(
            StockDailyPriceRow.price_date == day
        )
        return await self._db.read(lambda session: {row[0]: row[1] for row in session.execute(query)})

    async def last_minutes(self, stock_codes: Sequence[str], *, since: datetime) -> dict[str, datetime]:
        """Return the newest stored minute of each stock from a moment on."""
        row = StockMinutePriceRow
        query = (
            select(row.stock_code, func.max(row.price_datetime))
            .where(row.stock_code.in_(stock_codes), row.price_datetime >= since)
            .group_by(row.stock_code)
        )
        return await self._db.read(lambda session: {found[0]: found[1] for found in session.execute(query)})

    async def drop_daily_before(self, day: date, *, most_days: int) -> int:
        """Delete the oldest daily bars before a day, a session a transaction, at most so many sessions."""
        row = StockDailyPriceRow
        oldest = select(row.price_date).where(row.price_date < day).distinct().order_by(row.price_date).limit(most_days)
        days = await self._db.read(lambda session: list(session.execute(oldest).scalars()))
        dropped = 0
        for one in days:
            dropped += await self._delete(delete(row).where(row.price_date == one))
        return dropped

    async def drop_minute_before(self, at: datetime, *, most: int) -> int:
        """Delete the oldest minute bars before a moment, at most so many, in one transaction."""
        row = StockMinutePriceRow
        oldest = select(row.id).where(row.price_datetime < at).order_by(row.id).limit(most)

        def work(session: Session) -> int:
            ids = list(session.execute(oldest).scalars())
            return affected(session.execute(delete(row).where(row.id.in_(ids)))) if ids else 0

        return await self._db.write(work)

    async def _delete(self, statement: Delete) -> int:
        return await self._db.write(lambda session: affected(session.execute(statement)))

    async def _spans(self, query: Any) -> dict[str, Span]:
        return await self._db.read(lambda session: {code: Span(one, two) for code, one, two in session.execute(query)})


def _write(session: Session, model: type[Base], name: str, rows: Sequence[dict[str, Any]]) -> Written:
    if not rows:
        return Written()
    code, day = getattr(model, name), model.price_date  # type: ignore[attr-defined]
    figures = [getattr(model, figure) for figure in _FIGURES]
    days = [row["price_date"] for row in rows]
    stored = select(code, day, *figures).where(
        code.in_({row[name] for row in rows}), day >= min(days), day <= max(days)
    )
    before = {(found[0], found[1]): tuple(found[2:]) for found in session.execute(stored)}
    known = [before.get((row[name], row["price_date"])) for row in rows]
    changed = sum(
        was is not None and was != tuple(row[figure] for figure in _FIGURES)
        for was, row in zip(known, rows, strict=True)
    )
    upsert(session, model, rows, keys=(name, "price_date"))
    return Written(new=known.count(None), changed=changed, bars=len(rows))
