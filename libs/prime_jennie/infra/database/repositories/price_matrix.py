"""Read the daily bars of the whole market at once, as matrices [stock, session].

700,000 bars come as one row a stock: the database joins each stock's figures into texts, which numpy reads in one go.
As rows they take MariaDB's driver eleven seconds and 200 MB. Loading this module loads numpy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.market import StockDailyPriceRow

Integers = NDArray[np.int64]

# One text a stock. Day numbers are those of datetime.date.toordinal. SQLite joins four lists faster than it builds
# 700,000 quadruples, MariaDB the other way round.
_FIGURES: Final = {
    True: "GROUP_CONCAT(CAST(julianday(price_date) AS INTEGER) - 1721424) || ',' || GROUP_CONCAT(close_price)"
    " || ',' || GROUP_CONCAT(high_price) || ',' || GROUP_CONCAT(volume)",
    False: "GROUP_CONCAT(TO_DAYS(price_date) - 365, ',', close_price, ',', high_price, ',', volume)",
}
# In the order of the primary key: MariaDB would choose the index of the dates and look every bar up on its own.
_IN_KEY_ORDER: Final = {True: "", False: "IGNORE INDEX (ix_stock_daily_price_price_date)"}
_ROWS_AT_ONCE: Final = 200
_LONGEST_TEXT: Final = 1_000_000  # bytes; MySQL's default would cut a stock's texts at 1,024


@dataclass(frozen=True)
class DailyBars:
    """Bars of many stocks, oldest session first; 0 where a stock has no bar. Prices in KRW, volumes in shares."""

    codes: tuple[str, ...]
    days: tuple[date, ...]
    close: Integers
    high: Integers
    volume: Integers


class PriceMatrixRepository:
    """Daily bars of every stock over the same sessions."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def load(self, days: Sequence[date]) -> DailyBars:
        """Return the bars of these sessions, given oldest first; a bar of any other day is left out."""
        return await self._db.read(lambda session: _read(session, tuple(days), is_sqlite=self._db.is_sqlite))

    async def count(self, days: Sequence[date]) -> int:
        """Count the bars from the first to the last of these sessions: the cheap sign that something was added."""
        query = (
            select(func.count())
            .select_from(StockDailyPriceRow)
            .where(StockDailyPriceRow.price_date >= days[0], StockDailyPriceRow.price_date <= days[-1])
        )
        return await self._db.read(lambda session: session.execute(query).scalar_one())


def _read(session: Session, days: tuple[date, ...], *, is_sqlite: bool) -> DailyBars:
    columns = np.full(days[-1].toordinal() - days[0].toordinal() + 1, -1)
    columns[[day.toordinal() - days[0].toordinal() for day in days]] = np.arange(len(days))
    query = text(
        f"SELECT stock_code, {_FIGURES[is_sqlite]} FROM stock_daily_price {_IN_KEY_ORDER[is_sqlite]}"  # noqa: S608
        " WHERE price_date >= :first AND price_date <= :last GROUP BY stock_code ORDER BY stock_code"
    )
    if not is_sqlite:
        session.execute(text(f"SET SESSION group_concat_max_len = {_LONGEST_TEXT}"))
    rows = session.execute(
        query,
        {"first": days[0].isoformat(), "last": days[-1].isoformat()},
        execution_options={"stream_results": True, "yield_per": _ROWS_AT_ONCE},
    )
    codes: list[str] = []
    found: list[Integers] = []
    for code, joined in rows:
        numbers = np.fromstring(joined, dtype=np.int64, sep=",")
        ordinal, *figures = numbers.reshape(4, -1) if is_sqlite else numbers.reshape(-1, 4).T
        column = columns[ordinal - days[0].toordinal()]
        known = column >= 0
        bars = np.zeros((3, len(days)), dtype=np.int64)
        bars[:, column[known]] = np.stack(figures)[:, known]
        codes.append(code)
        found.append(bars)
    cube = np.stack(found, axis=1) if found else np.zeros((3, 0, len(days)), dtype=np.int64)
    return DailyBars(tuple(codes), days, close=cube[0], high=cube[1], volume=cube[2])
