"""Read and check files of daily prices and listings (CSV or Parquet)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import polars as pl

from prime_jennie.domain.errors import BadInput

PRICE_COLUMNS = ("code", "date", "open", "high", "low", "close", "volume")
MASTER_COLUMNS = ("code", "name", "industry", "market", "shares")
_NUMBERS = ("open", "high", "low", "close", "volume")
_MAX_PRICE_KRW = 100_000_000
_CODE = r"^[0-9A-Z]{6}$"


def columns_of(path: Path) -> tuple[str, ...]:
    """Return the column names of a file; refuse what is neither CSV nor Parquet."""
    return tuple(_scan(path).collect_schema().names())


def read_prices(path: Path, first_day: date | None = None) -> pl.DataFrame:
    """Return checked bars sorted by code and date, from `first_day` on.

    The whole file is checked, the days before `first_day` too. Zeros are allowed where volume is 0 (halted days).
    """
    frame = _read(path, PRICE_COLUMNS)
    frame = _as_dates(path, frame)
    for name in _NUMBERS:
        frame = _as_integers(path, frame, name)
    _refuse(path, frame, "code", ~pl.col("code").str.contains(_CODE), "is not six of 0-9A-Z")
    for name in _NUMBERS:
        _refuse(path, frame, name, pl.col(name) < 0, "is negative")
    for name in ("open", "high", "low", "close"):
        _refuse(path, frame, name, pl.col(name) > _MAX_PRICE_KRW, f"is above {_MAX_PRICE_KRW:,} KRW")
    _refuse(path, frame, "close", pl.col("close") == 0, "is zero")
    for name in ("open", "high", "low"):
        _refuse(path, frame, name, (pl.col(name) == 0) & (pl.col("volume") > 0), "is zero on a day with volume")
    _refuse(path, frame, "high", (pl.col("high") < pl.col("low")) & (pl.col("volume") > 0), "is below low")
    same = pl.col("code") == pl.col("code").shift(1)
    _refuse(
        path, frame, "date", same & (pl.col("date") == pl.col("date").shift(1)), "repeats the row above (duplicate)"
    )
    backwards = (same & (pl.col("date") < pl.col("date").shift(1))) | (pl.col("code") < pl.col("code").shift(1))
    _refuse(path, frame, "date", backwards, "is not sorted by code and date")
    return frame if first_day is None else frame.filter(pl.col("date") >= first_day)


def read_master(path: Path) -> pl.DataFrame:
    """Return checked listings; name, industry, market and shares may be empty."""
    frame = _read(path, MASTER_COLUMNS, may_be_empty=MASTER_COLUMNS[1:])
    frame = _as_integers(path, frame, "shares")
    _refuse(path, frame, "code", ~pl.col("code").str.contains(_CODE), "is not six of 0-9A-Z")
    _refuse(path, frame, "shares", pl.col("shares") < 0, "is negative")
    _refuse(path, frame, "code", pl.col("code").is_duplicated(), "is listed twice (duplicate)")
    return frame


def find(folder: Path, stem: str) -> Path:
    """Return `stem`.parquet or `stem`.csv inside a folder."""
    for suffix in (".parquet", ".csv"):
        if (folder / f"{stem}{suffix}").is_file():
            return folder / f"{stem}{suffix}"
    raise BadInput(str(folder / f"{stem}.parquet"), "file", "is missing (neither .parquet nor .csv)")


def _scan(path: Path) -> pl.LazyFrame:
    if not path.is_file():
        raise BadInput(str(path), "file", "does not exist")
    try:
        if path.suffix == ".parquet":
            lazy = pl.scan_parquet(path)
        elif path.suffix == ".csv":
            # Text first: a leading zero of a code or a broken number must reach the checks as written.
            lazy = pl.scan_csv(path, infer_schema=False)
        else:
            raise BadInput(str(path), "file", "is neither .csv nor .parquet")
        lazy.collect_schema()
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        raise BadInput(str(path), "file", f"cannot be read: {str(error).splitlines()[0]}") from error
    return lazy


def _read(path: Path, columns: Iterable[str], may_be_empty: tuple[str, ...] = ()) -> pl.DataFrame:
    lazy = _scan(path)
    present = lazy.collect_schema().names()
    for name in columns:
        if name not in present:
            raise BadInput(str(path), name, f"column is missing (has: {', '.join(present[:20])})")
    try:
        frame = lazy.select(list(columns)).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BadInput(str(path), "file", f"cannot be read: {str(error).splitlines()[0]}") from error
    if frame.is_empty():
        raise BadInput(str(path), "file", "has no rows")
    if frame.schema["code"] != pl.String:
        raise BadInput(str(path), "code", f"must be text, is {frame.schema['code']}")
    for name in columns:
        if name not in may_be_empty:
            _refuse(path, frame, name, pl.col(name).is_null(), "is empty")
    return frame


def _as_dates(path: Path, frame: pl.DataFrame) -> pl.DataFrame:
    kind = frame.schema["date"]
    if kind == pl.Date:
        return frame
    if kind != pl.String:
        raise BadInput(str(path), "date", f"must be a date, is {kind}")
    parsed = frame.with_columns(
        pl.coalesce(
            pl.col("date").str.to_date("%Y-%m-%d", strict=False), pl.col("date").str.to_date("%Y%m%d", strict=False)
        ).alias("parsed")
    )
    _refuse(path, parsed, "date", pl.col("parsed").is_null(), "is not a date YYYY-MM-DD")
    return parsed.drop("date").rename({"parsed": "date"}).select(frame.columns)


def _as_integers(path: Path, frame: pl.DataFrame, name: str) -> pl.DataFrame:
    kind = frame.schema[name]
    if not (kind.is_numeric() or kind == pl.String):
        raise BadInput(str(path), name, f"must be a number, is {kind}")
    whole = frame.with_columns(pl.col(name).cast(pl.Int64, strict=False).alias("whole"))
    lost = pl.col("whole").is_null() & pl.col(name).is_not_null()
    if kind.is_float():
        lost = lost | (pl.col(name) != pl.col("whole").cast(pl.Float64))
    _refuse(path, whole, name, lost, "is not a whole number")
    return whole.drop(name).rename({"whole": name}).select(frame.columns)


def _refuse(path: Path, frame: pl.DataFrame, name: str, broken: pl.Expr, reason: str) -> None:
    """Raise for the first row where `broken` holds, naming the data row (the first is 1)."""
    found = frame.select(broken.fill_null(False).arg_true().alias("row")).head(1)
    if found.is_empty():
        return
    row = int(found.item())
    value = frame[name][row]
    code = frame["code"][row]
    raise BadInput(str(path), f"{name}, row {row + 1}", f"{value!s} of {code} {reason}")
