"""Store the bars of the days before in a run's database: `python -m jennie.history_store`.

The bars are the exchange's own, on its price grid, so that what was brought and what is collected agree.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from kis_simulator.market.bars import DailyBars, Market
from kis_simulator.market.files import load_folder
from kis_simulator.market.imported import load_imported
from prime_jennie.domain.errors import BadInput, JennieError
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.market import StockDailyPriceRow

SESSIONS = 260  # a year: the 52-week high looks back the furthest
SESSIONS_AT_ONCE = 5
COLUMNS = ("stock_code", "price_date", "open_price", "high_price", "low_price", "close_price", "volume")

BarRow = tuple[str, str, int, int, int, int, int]


class HistorySettings(BaseSettings):
    """Where the bars come from and where they go."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    database_url: str = Field(description="database of the run")
    prices_url: str | None = Field(None, description="database of imported prices")
    jennie_data: Path | None = Field(None, description="folder of prices; wins over imported ones")
    before: date = Field(description="the day to live: only bars of earlier days are brought")


def store_history(db: Database, bars: DailyBars, before: date) -> int:
    """Store the last year's bars before a day and return how many there are; those that are stored already stay.

    A few sessions a transaction: services that start meanwhile must not wait for the database's one writer.
    """
    last = int(np.searchsorted(np.array(bars.days, dtype="datetime64[D]"), np.datetime64(before)))
    columns = range(max(0, last - SESSIONS), last)
    return sum(_store(db, bars, columns[at : at + SESSIONS_AT_ONCE]) for at in range(0, len(columns), SESSIONS_AT_ONCE))


def _store(db: Database, bars: DailyBars, columns: range) -> int:
    ignore, mark = ("OR IGNORE", "?") if db.is_sqlite else ("IGNORE", "%s")
    table = StockDailyPriceRow.__tablename__
    statement = f"INSERT {ignore} INTO {table} ({', '.join(COLUMNS)}) VALUES ({', '.join([mark] * len(COLUMNS))})"  # noqa: S608
    rows = [row for column in columns for row in rows_of(bars, column)]
    db.write_now(lambda session: session.connection().exec_driver_sql(statement, rows))
    return len(rows)


def rows_of(bars: DailyBars, column: int) -> Iterator[BarRow]:
    """Yield one session's bars; a halted stock's bar is its carried close without volume."""
    day = bars.days[column].isoformat()
    known = np.flatnonzero(bars.close[:, column])
    figures = (field[known, column].tolist() for field in (bars.open, bars.high, bars.low, bars.close, bars.volume))
    for row, opened, high, low, close, volume in zip(known.tolist(), *figures, strict=True):
        yield bars.codes[row], day, opened or close, high or close, low or close, close, volume


def market_of(settings: HistorySettings) -> Market | None:
    """Read the market where the exchange reads it; None where it makes its own."""
    if settings.jennie_data is not None:
        return load_folder(settings.jennie_data)
    return load_imported(settings.prices_url, settings.before) if settings.prices_url else None


def main() -> int:
    """Bring the history; 0 done (also when there is none to bring), 1 a store is away, 2 a wrong file or setting."""
    try:
        settings = HistorySettings()
        market = market_of(settings)
        if market is None:
            print("no prices of earlier days: the collector asks the exchange for them")
            return 0
        db = Database(settings.database_url)
        try:
            stored = store_history(db, market.bars, settings.before)
        finally:
            db.close_now()
    except (ValidationError, BadInput) as error:
        print(error, file=sys.stderr)
        return 2
    except JennieError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{stored:,} daily bars of the days before {settings.before}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
