"""Prove that the migrations build exactly the tables the code describes, also when many start at once."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect

from prime_jennie.infra.database.engines import driver_url
from prime_jennie.infra.database.migrate import alembic_config, migrate
from prime_jennie.infra.database.tables import Base
from tests.support.database import is_current
from tests.support.gateway import until
from tests.support.warm_process import WarmProcess


def test_models_equal_migrations(database_url: str) -> None:
    migrate(database_url)
    engine = create_engine(driver_url(database_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


@pytest.mark.parametrize(
    "damage",
    [
        "ALTER TABLE halts DROP COLUMN why",
        "ALTER TABLE recovery_logs DROP COLUMN mismatches_found",
        "DROP TABLE briefings",
    ],
)
def test_a_missing_column_or_table_would_be_noticed(database_url: str, damage: str) -> None:
    migrate(database_url)
    engine = create_engine(driver_url(database_url))
    with engine.begin() as connection:
        connection.exec_driver_sql(damage)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert len(compare_metadata(context, Base.metadata)) == 1
    engine.dispose()


@pytest.mark.parametrize(
    "damage",
    [
        "DROP INDEX ix_events_kind_at ON events",
        "ALTER TABLE stock_disclosures DROP INDEX uq_stock_disclosures_receipt_no",
    ],
)
def test_a_missing_key_would_be_noticed(mariadb_url: str, damage: str) -> None:
    migrate(mariadb_url)
    engine = create_engine(driver_url(mariadb_url))
    with engine.begin() as connection:
        connection.exec_driver_sql(damage)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert len(compare_metadata(context, Base.metadata)) == 1
    engine.dispose()


def test_migrating_again_changes_nothing(database_url: str) -> None:
    migrate(database_url)
    migrate(database_url)
    assert is_current(database_url)


def test_downgrade_leaves_no_table(database_url: str) -> None:
    migrate(database_url)
    engine = create_engine(driver_url(database_url))
    with engine.connect() as connection:
        command.downgrade(alembic_config(connection), "base")
        connection.commit()
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
    engine.dispose()


def test_eight_processes_migrate_at_once(database_url: str) -> None:
    processes = [start_migration(database_url) for _ in range(8)]
    results = [(process.wait(60), process.said()) for process in processes]
    assert [status for status, _ in results] == [0] * 8, results
    assert is_current(database_url)


def test_a_killed_migration_is_simply_run_again(database_url: str) -> None:
    process = start_migration(database_url)
    # Whatever moment the kill hits, the next run must end at the newest shape.
    try:
        process.wait(0.15)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
    migrate(database_url)
    assert is_current(database_url)


def test_a_half_made_database_is_completed(mariadb_url: str) -> None:
    migrate(mariadb_url)
    engine = create_engine(driver_url(mariadb_url))
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE trade_log")
        connection.exec_driver_sql("DROP TABLE alembic_version")
    engine.dispose()
    migrate(mariadb_url)
    assert is_current(mariadb_url)


def test_a_database_that_starts_later_is_waited_for(mariadb_url: str, tmp_path: Path) -> None:
    url, _, socket = mariadb_url.partition("?unix_socket=")
    door = tmp_path / "mariadb.sock"
    process = start_migration(f"{url}?unix_socket={door}", DATABASE_WAIT_SECS="60")
    until(lambda: "waiting for the database: " in process.said(), what="it waits")
    door.symlink_to(socket)
    assert (process.wait(60), process.said().count("\n")) == (0, 1)
    assert is_current(mariadb_url)


def test_a_database_that_never_starts_ends_the_wait(tmp_path: Path) -> None:
    url = f"mariadb://jennie:hidden@localhost/x?unix_socket={tmp_path / 'none.sock'}"
    process = start_migration(url, DATABASE_WAIT_SECS="1")
    assert process.wait(60) == 1
    said = process.said()
    assert "migrate: database: " in said
    assert "hidden" not in said


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://localhost/x", "not supported"),
        ("sqlite://", "needs a file"),
        ("nonsense", "not a database URL"),
    ],
)
def test_a_wrong_url_is_one_clear_error_and_exit_2(url: str, reason: str) -> None:
    process = start_migration(url)
    assert process.wait(30) == 2
    complaint = process.said()
    assert complaint.count("\n") == 1
    assert reason in complaint
    assert "DATABASE_URL" in complaint


def test_a_database_that_does_not_answer_is_exit_1(tmp_path: Path) -> None:
    process = start_migration(f"mysql://root@localhost/x?unix_socket={tmp_path / 'nobody'}")
    assert process.wait(30) == 1
    assert process.said().count("\n") == 1


def start_migration(url: str, **variables: str) -> WarmProcess:
    return WarmProcess("prime_jennie.infra.database.migrate", env={**os.environ, "DATABASE_URL": url, **variables})
