"""Every table keeps what is written, refuses a second row of a same key, and survives the next migration."""

from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, Engine, Table, UniqueConstraint, create_engine, insert, select, text
from sqlalchemy.exc import IntegrityError

from prime_jennie.domain.errors import Unavailable
from prime_jennie.infra.database.engines import Database, driver_url
from prime_jennie.infra.database.migrate import alembic_config, migrate
from prime_jennie.infra.database.tables import Base
from tests.support.any_row import any_row
from tests.support.database import is_current

TABLES = Base.metadata.sorted_tables
OF_THE_SECOND_REVISION = (
    "briefings",
    "daily_macro_insight",
    "daily_quant_score",
    "daily_settlements",
    "daily_summaries",
    "data_gaps",
    "events",
    "factor_metadata",
    "global_macro_snapshot",
    "llm_decision_ledgers",
    "market_states",
    "position_corrections",
    "price_alerts",
    "recovery_logs",
    "sector_mapping",
    "stock_consensus",
    "stock_disclosures",
    "stock_fundamentals",
    "stock_investor_trading",
    "stock_locks",
    "stock_news_sentiment",
    "strategies",
    "strategy_params",
    "watchlist_history",
    "worker_processes",
)


def test_every_table_gives_back_what_it_was_given(db: Database) -> None:
    for table in TABLES:
        row = any_row(table)
        db.write_now(lambda session, table=table, row=row: session.execute(insert(table).values(row)))
        stored = db.read_now(lambda session, table=table: session.execute(select(table)).mappings().one())
        assert dict(stored) == row, table.name


def test_every_key_binds_and_only_the_whole_of_it(db: Database) -> None:
    for table in TABLES:
        db.write_now(lambda session, table=table: session.execute(insert(table).values(any_row(table))))
    for table in TABLES:
        for key in unique_keys(table):
            same = any_row(table, 2) | {name: any_row(table)[name] for name in key}
            assert refuses(db, table, same), f"{table.name} takes a second row of {key}"
            if not table.foreign_keys:
                for name in key:
                    assert not refuses(db, table, same | {name: any_row(table, 2)[name]}), (
                        f"{table.name}: {key} without {name}"
                    )


@pytest.mark.parametrize("days", [0, -1])
def test_a_lock_that_ends_before_it_begins_is_refused(db: Database, days: int) -> None:
    table = Base.metadata.tables["stock_locks"]
    row = any_row(table)
    row["expires_at"] = row["acquired_at"].replace(day=row["acquired_at"].day + days)
    with pytest.raises((IntegrityError, Unavailable), match="ck_stock_locks"):
        db.write_now(lambda session: session.execute(insert(table).values(row)))


def test_no_number_that_is_no_json_is_kept(db: Database) -> None:
    table = Base.metadata.tables["events"]
    with pytest.raises(Exception, match="not JSON compliant"):
        db.write_now(
            lambda session: session.execute(insert(table).values(any_row(table) | {"payload": [float("nan")]}))
        )


def test_the_second_revision_only_adds(database_url: str) -> None:
    engine = at_revision(database_url, "0001")
    first = [table for table in TABLES if has(engine, table)]
    before = {}
    with engine.begin() as connection:
        for table in first:
            for seed in (1, 2):
                connection.execute(insert(table).values(any_row(table, seed)))
            before[table.name] = rows(connection, table)
    engine.dispose()
    migrate(database_url)
    assert is_current(database_url)
    engine = create_engine(driver_url(database_url))
    with engine.connect() as connection:
        assert {table.name: rows(connection, table) for table in first} == before
        assert all(rows(connection, Base.metadata.tables[name]) == [] for name in OF_THE_SECOND_REVISION)
    engine.dispose()


def test_the_second_revision_killed_half_way_is_completed(mariadb_url: str) -> None:
    engine = at_revision(mariadb_url, "0001")
    engine.dispose()
    migrate(mariadb_url)
    engine = create_engine(driver_url(mariadb_url))
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE stock_locks"))
        connection.execute(text("DROP INDEX ix_events_kind_at ON events"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    engine.dispose()
    migrate(mariadb_url)
    engine = create_engine(driver_url(mariadb_url))
    with engine.connect() as connection:
        assert rows(connection, Base.metadata.tables["stock_locks"]) == []
        assert connection.execute(text("SHOW INDEX FROM events WHERE Key_name = 'ix_events_kind_at'")).all()
    engine.dispose()


def unique_keys(table: Table) -> list[tuple[str, ...]]:
    """Name what may be there once: the primary key and every unique constraint."""
    keys = [tuple(column.name for column in table.primary_key.columns)]
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            keys.append(tuple(column.name for column in constraint.columns))
    return keys


def refuses(db: Database, table: Table, row: dict[str, Any]) -> bool:
    """Tell whether the row breaks a unique key; nothing of it stays either way."""

    class UndoError(Exception):
        pass

    def work(session: Any) -> None:
        session.execute(insert(table).values(row))
        raise UndoError

    try:
        db.write_now(work)
    except IntegrityError:
        return True
    except UndoError:
        return False
    raise AssertionError("unreachable: the work always ends with an error")


def at_revision(url: str, revision: str) -> Engine:
    """Bring an empty database to a revision and return an engine on it."""
    engine = create_engine(driver_url(url))
    with engine.connect() as connection:
        command.upgrade(alembic_config(connection), revision)
        connection.commit()
    return engine


def has(engine: Engine, table: Table) -> bool:
    """Tell whether the table is there."""
    with engine.connect() as connection:
        return engine.dialect.has_table(connection, table.name)


def rows(connection: Connection, table: Table) -> list[dict[str, Any]]:
    """Return all rows in the order of the table's key."""
    return [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key.columns)).mappings()]
