"""Store the bars of the days before in a run's database: `python -m jennie.history_store`.

The bars are the exchange's own, real or made, on its price grid: what was brought and what is collected agree.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from kis_simulator.config import SimulatorSettings
from kis_simulator.market.bars import DailyBars
from kis_simulator.market.choose import choose_market
from prime_jennie.domain.errors import BadInput, JennieError
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.clock import RealClock
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
    prices_url: str = Field(description="database of imported prices")
    jennie_data: Path | None = Field(None, description="folder of prices; wins over imported ones")
    seed: int = Field(description="of a made market")
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


def main() -> int:
    """Bring the history; 0 done, 1 a store is away, 2 a wrong file or setting."""
    try:
        settings = HistorySettings()
        exchange = SimulatorSettings(
            day=settings.before, seed=settings.seed, data=settings.jennie_data, database_url=settings.prices_url
        )
        market, _ = choose_market(exchange, load_sessions(), RealClock().now())
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
    print(f"{stored:,} {market.source} daily bars of the days before {settings.before}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
