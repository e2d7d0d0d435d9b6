"""Make a row that a table takes, whatever its columns; rows of different seeds differ in every column."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Double, Integer, Numeric, Table, Text
from sqlalchemy.types import String

from prime_jennie.infra.database.types import JsonText, UtcDateTime


def any_row(table: Table, seed: int = 1) -> dict[str, Any]:
    """Return a value for every column; numbered ids included."""
    row = {column.name: any_value(column, seed) for column in table.columns}
    if table.name == "stock_locks":
        row["expires_at"] = row["acquired_at"] + timedelta(minutes=5)
    return row


def any_value(column: Column[Any], seed: int) -> Any:
    """Return a value of the column's type; equal seeds give equal values, so a foreign key finds its parent."""
    kind = column.type
    if isinstance(kind, UtcDateTime | DateTime):
        return datetime(2025, 3, 10, tzinfo=UTC) + timedelta(minutes=seed)
    if isinstance(kind, JsonText):
        return {"열": [seed, None, 1.5], "no": "<b>"}
    if isinstance(kind, Boolean):
        return seed % 2 == 0
    if isinstance(kind, Date):
        return date(2025, 3, 10) + timedelta(days=seed)
    if isinstance(kind, Integer | BigInteger):
        return seed
    if isinstance(kind, Double | Numeric):
        return seed + 0.25
    if isinstance(kind, String | Text):
        return str(seed)[: kind.length or 200]
    raise AssertionError(f"no value known for {column}: {kind!r}")
