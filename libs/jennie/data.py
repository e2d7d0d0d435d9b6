"""Bring a person's own prices and listings into the database, whole or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import polars as pl
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kis_simulator.market.price_files import MASTER_COLUMNS, PRICE_COLUMNS, columns_of, read_master, read_prices
from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.sectors import sector_of
from prime_jennie.infra.clock import RealClock
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.migrate import migrate
from prime_jennie.infra.database.repositories.configs import IMPORT_KEY_PREFIX
from prime_jennie.infra.database.tables.market import StockDailyPriceRow, StockMasterRow
from prime_jennie.infra.database.tables.settings import ConfigRow
from prime_jennie.infra.database.upsert import upsert

DEFAULT_URL = "sqlite:///.jennie/prices.sqlite"
_CHUNK_ROWS = 20_000
_WHO = "jennie data import"


class ImportSettings(BaseSettings):
    """Where imported prices live."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    database_url: str = Field(DEFAULT_URL, description="database of imported prices; default .jennie/prices.sqlite")


@dataclass(frozen=True)
class _Checked:
    """One file that passed every check."""

    path: Path
    kind: Literal["prices", "listings"]
    frame: pl.DataFrame
    record: dict[str, Any]

    def line(self) -> str:
        """Tell what the file holds."""
        record = self.record
        if self.kind == "prices":
            span = f"{record['first']} to {record['last']}"
            return f"{self.path}: {record['rows']:,} bars of {record['codes']:,} stocks, {span}"
        left_out = f" ({record['left_out']:,} without name or market left out)" if record["left_out"] else ""
        return f"{self.path}: {record['rows']:,} listings{left_out}"


def import_files(paths: Sequence[Path], database_url: str | None = None) -> list[str]:
    """Check every file, then store all of them in one transaction; returns a line for each. Raises BadInput.

    Bars that are there already are overwritten. A halted day's zeros are stored as its carried close with volume 0.
    """
    url = database_url or ImportSettings().database_url
    checked = [_check(path) for path in paths]
    migrate(url)
    db = Database(url)
    at = RealClock().now()

    def store(session: Session) -> None:
        for file in checked:
            _store(session, file, at)

    try:
        db.write_now(store)
    finally:
        db.close_now()
    return [file.line() for file in checked]


def list_imported(database_url: str | None = None) -> list[str]:
    """Return a line for each imported file and one for what is stored in all."""
    url = database_url or ImportSettings().database_url
    db = Database(url)
    try:
        if db.is_sqlite and not Path(str(db.url.database)).is_file():
            return [f"nothing imported into {db.url.database}"]
        migrate(url)
        return db.read_now(_listing)
    finally:
        db.close_now()


def _check(path: Path) -> _Checked:
    present = set(columns_of(path))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if set(PRICE_COLUMNS) <= present or not {"name", "market", "shares"} & present:
        frame = read_prices(path)
        days = frame["date"]
        record = {
            "rows": frame.height,
            "codes": frame["code"].n_unique(),
            "first": str(days.min()),
            "last": str(days.max()),
        }
        return _Checked(path, "prices", frame, {"file": path.name, "kind": "prices", "sha256": digest, **record})
    if not set(MASTER_COLUMNS) <= present:
        missing = [name for name in MASTER_COLUMNS if name not in present]
        raise BadInput(str(path), missing[0], "column is missing from a file of listings")
    frame = read_master(path)
    listed = frame.filter(pl.col("name").is_not_null() & pl.col("market").is_not_null())
    known = pl.col("market").str.starts_with("KOSPI") | pl.col("market").str.starts_with("KOSDAQ")
    foreign = listed.filter(~known)
    if not foreign.is_empty():
        code, market = foreign.row(0, named=True)["code"], foreign.row(0, named=True)["market"]
        raise BadInput(str(path), "market", f"{market} of {code} is neither KOSPI nor KOSDAQ")
    record = {"rows": listed.height, "left_out": frame.height - listed.height}
    return _Checked(path, "listings", listed, {"file": path.name, "kind": "listings", "sha256": digest, **record})


def _store(session: Session, file: _Checked, at: datetime) -> None:
    if file.kind == "prices":
        for part in file.frame.iter_slices(_CHUNK_ROWS):
            upsert(session, StockDailyPriceRow, _bars(part), keys=("stock_code", "price_date"))
    else:
        upsert(session, StockMasterRow, _listings(file.frame, at), keys=("stock_code",))
    row = {
        "config_key": f"{IMPORT_KEY_PREFIX}{file.record['sha256'][:12]}",
        "config_value": json.dumps(file.record, ensure_ascii=False),
        "description": f"imported {file.kind}",
        "updated_by": _WHO,
        "updated_at": at,
    }
    upsert(session, ConfigRow, [row], keys=("config_key",))


def _bars(frame: pl.DataFrame) -> list[dict[str, Any]]:
    traded = pl.col("volume") > 0
    return frame.select(
        pl.col("code").alias("stock_code"),
        pl.col("date").alias("price_date"),
        *(
            pl.when(traded).then(pl.col(n)).otherwise(pl.col("close")).alias(f"{n}_price")
            for n in ("open", "high", "low")
        ),
        pl.col("close").alias("close_price"),
        pl.col("volume"),
    ).to_dicts()


def _listings(frame: pl.DataFrame, at: datetime) -> list[dict[str, Any]]:
    return [
        {
            "stock_code": row["code"],
            "stock_name": row["name"],
            "market": "KOSDAQ" if row["market"].startswith("KOSDAQ") else "KOSPI",
            "industry": row["industry"],
            "shares": row["shares"],
            "sector_group": str(sector_of(row["code"], ksic=row["industry"])),
            "is_active": True,
            "updated_at": at,
        }
        for row in frame.iter_rows(named=True)
    ]


def _listing(session: Session) -> list[str]:
    query = select(ConfigRow).where(ConfigRow.config_key.startswith(IMPORT_KEY_PREFIX)).order_by(ConfigRow.updated_at)
    files = session.execute(query).scalars().all()
    lines = []
    for file in files:
        record = json.loads(file.config_value)
        when = file.updated_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
        lines.append(f"{record['file']}: {record['kind']}, {record['rows']:,} rows, imported {when}")
    bars, stocks, first, last = session.execute(
        select(
            func.count(),
            func.count(func.distinct(StockDailyPriceRow.stock_code)),
            func.min(StockDailyPriceRow.price_date),
            func.max(StockDailyPriceRow.price_date),
        )
    ).one()
    span = f", {first} to {last}" if bars else ""
    masters = session.execute(select(func.count()).select_from(StockMasterRow)).scalar_one()
    return [*lines, f"in all: {bars:,} bars of {stocks:,} stocks{span}; {masters:,} listings"]
