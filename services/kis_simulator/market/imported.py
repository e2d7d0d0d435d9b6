"""Load the market from prices that a person imported into the database."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from kis_simulator.market.bars import Listing, Market
from kis_simulator.market.files import market_of
from prime_jennie.domain.errors import Unavailable
from prime_jennie.infra.database.engines import driver_url

# Two years and a half of calendar days: the longest history that any rule asks for, twice over.
_HISTORY = timedelta(days=900)
_CHUNK_ROWS = 50_000
# Bars without such a row were fetched by a service, not brought by a person.
_IMPORTS = text("SELECT COUNT(*) FROM config WHERE config_key LIKE 'imported.%' AND description = 'imported prices'")
_PRICES = text(
    "SELECT stock_code, price_date, open_price, high_price, low_price, close_price, volume FROM stock_daily_price"
    " WHERE price_date >= :first AND price_date <= :last ORDER BY stock_code, price_date"
)
_MASTERS = text("SELECT stock_code, stock_name, market, industry, shares FROM stock_master")
_NAMES = ("code", "date", "open", "high", "low", "close", "volume")


def load_imported(database_url: str, day: date | None) -> Market | None:
    """Return the imported market up to `day` (or its last one); None when nothing was imported."""
    url = driver_url(database_url)
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).is_file():
        return None
    engine = create_engine(url, poolclass=NullPool)
    try:
        tables = set(inspect(engine).get_table_names())
        if not {"stock_daily_price", "stock_master", "config"} <= tables:
            return None
        with engine.connect() as connection:
            if not connection.execute(_IMPORTS).scalar():
                return None
            last = connection.execute(text("SELECT MAX(price_date) FROM stock_daily_price")).scalar()
            if last is None:
                return None
            until = day or _as_date(last)
            rows = connection.execution_options(yield_per=_CHUNK_ROWS).execute(
                _PRICES, {"first": (until - _HISTORY).isoformat(), "last": until.isoformat()}
            )
            frames = [_frame([tuple(row) for row in part]) for part in rows.partitions(_CHUNK_ROWS)]
            masters = connection.execute(_MASTERS).all()
    except SQLAlchemyError as error:
        raise Unavailable(f"imported prices: {type(error).__name__}") from error
    finally:
        engine.dispose()
    if not frames:
        return None
    listings = {
        code: Listing(code, name, market, industry or "", shares or 0)
        for code, name, market, industry, shares in masters
    }
    return market_of("imported", pl.concat(frames), listings)


def _as_date(value: object) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))


def _frame(rows: list[tuple[object, ...]]) -> pl.DataFrame:
    columns = dict(zip(_NAMES, zip(*rows, strict=True), strict=True))
    columns["date"] = tuple(_as_date(value) for value in columns["date"])
    return pl.DataFrame(columns)
