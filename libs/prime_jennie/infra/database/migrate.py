"""Bring the database of DATABASE_URL to the newest shape: python -m prime_jennie.infra.database.migrate.

Any number of processes may do this at once: one works, the others wait for it and find nothing left to do.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from prime_jennie.domain.errors import BadInput, JennieError, Unavailable
from prime_jennie.infra.database.engines import driver_url, use_wal

SCRIPTS = Path(__file__).parent / "migrations"
LOCK_NAME = "prime-jennie-migrate"
LOCK_WAIT_SECS = 60


class MigrateSettings(BaseSettings):
    """The one thing a migration needs to know."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    database_url: str = Field(description="SQLAlchemy URL of the database to migrate")


def migrate(url: str) -> None:
    """Upgrade the database to the newest revision, creating a SQLite file and its folder where there is none."""
    target = driver_url(url)
    if target.get_backend_name() == "sqlite" and target.database:
        Path(target.database).parent.mkdir(parents=True, exist_ok=True)
    engine = _engine(url)
    try:
        with _alone(engine) as connection:
            command.upgrade(alembic_config(connection), "head")
    except DBAPIError as error:
        raise Unavailable(f"database: {str(error.orig).splitlines()[0]}") from error
    finally:
        engine.dispose()


def is_current(url: str) -> bool:
    """Tell whether the database stands at the newest revision."""
    engine = _engine(url)
    try:
        with engine.connect() as connection:
            at = MigrationContext.configure(connection).get_current_heads()
            return set(at) == set(ScriptDirectory(str(SCRIPTS)).get_heads())
    finally:
        engine.dispose()


def alembic_config(connection: Connection) -> Config:
    """Point Alembic at the packaged scripts and at an open connection."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _engine(url: str) -> Engine:
    target = driver_url(url)
    engine = create_engine(target, poolclass=NullPool)
    if target.get_backend_name() == "sqlite":

        @event.listens_for(engine, "connect")
        def configure(connection, _record) -> None:  # type: ignore[no-untyped-def]
            connection.isolation_level = None
            connection.execute(f"PRAGMA busy_timeout = {LOCK_WAIT_SECS * 1000}")
            use_wal(connection, LOCK_WAIT_SECS)

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """Hold the database against other migrations: SQLite by its write lock, MariaDB by a named one."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            with connection.begin():
                yield connection
            return
        named = {"name": LOCK_NAME, "secs": LOCK_WAIT_SECS}
        if connection.execute(text("SELECT GET_LOCK(:name, :secs)"), named).scalar() != 1:
            raise Unavailable(f"database: another migration has been running for {LOCK_WAIT_SECS} s")
        connection.commit()
        try:
            yield connection
            connection.commit()
        finally:
            connection.execute(text("SELECT RELEASE_LOCK(:name)"), named)


def main() -> int:
    """Migrate as a command; 0 done, 1 the database did not answer, 2 a wrong setting."""
    try:
        migrate(MigrateSettings().database_url)
    except ValidationError as error:
        return _complain(BadInput.from_validation("environment", error), 2)
    except BadInput as error:
        return _complain(error, 2)
    except JennieError as error:
        return _complain(error, 1)
    return 0


def _complain(error: Exception, status: int) -> int:
    sys.stderr.write(f"migrate: {error}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
