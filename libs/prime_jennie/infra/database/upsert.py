"""Insert rows or overwrite those already there, on either database."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import CursorResult, Table, insert, inspect
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from prime_jennie.infra.database.tables import Base

CHUNK_ROWS = 1000
SQLITE_DUPLICATES = frozenset({sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY})
MYSQL_DUPLICATE = 1062


def upsert(session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]], *, keys: Sequence[str]) -> int:
    """Write the rows by their keys; columns not named in the rows keep what they had."""
    if not rows:
        return 0
    changed = [column for column in rows[0] if column not in keys]
    table = _table(model)
    statement: Any
    if session.get_bind().dialect.name == "sqlite":
        insert_sqlite = sqlite.insert(table)
        statement = insert_sqlite.on_conflict_do_update(
            index_elements=list(keys), set_={name: insert_sqlite.excluded[name] for name in changed}
        )
    else:
        insert_mysql = mysql.insert(table)
        statement = insert_mysql.on_duplicate_key_update({name: insert_mysql.inserted[name] for name in changed})
    for start in range(0, len(rows), CHUNK_ROWS):
        session.execute(statement, list(rows[start : start + CHUNK_ROWS]))
    return len(rows)


def insert_new(session: Session, model: type[Base], row: Mapping[str, Any]) -> bool:
    """Insert the row unless one with a same unique key is there; say whether it was inserted."""
    try:
        with session.begin_nested():
            session.execute(insert(_table(model)), [dict(row)])
    except IntegrityError as error:
        if is_duplicate(error):
            return False
        raise
    return True


def is_duplicate(error: IntegrityError) -> bool:
    """Tell a unique key that is taken from every other broken constraint."""
    if isinstance(error.orig, sqlite3.IntegrityError):
        return error.orig.sqlite_errorcode in SQLITE_DUPLICATES
    return error.orig is not None and error.orig.args[0] == MYSQL_DUPLICATE


def affected(result: Any) -> int:
    """Return how many rows a statement matched."""
    assert isinstance(result, CursorResult)  # noqa: S101 - narrows the type: DML always yields a cursor
    return int(result.rowcount)


def _table(model: type[Base]) -> Table:
    table = inspect(model).local_table
    assert isinstance(table, Table)  # noqa: S101 - every declarative class here maps one table
    return table
