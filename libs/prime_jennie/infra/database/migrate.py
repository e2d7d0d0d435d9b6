"""Bring the database of DATABASE_URL to the newest shape: python -m prime_jennie.infra.database.migrate.

Any number of processes may do this at once: one works, the others wait for it and find nothing left to do. So does an
older release, after a rollback: nothing is ever taken back.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from prime_jennie.domain.errors import BadInput, JennieError, Unavailable
from prime_jennie.infra.database.engines import driver_url, use_wal
from prime_jennie.infra.database.schema import is_further

SCRIPTS = Path(__file__).parent / "migrations"
LOCK_NAME = "prime-jennie-migrate"
LOCK_WAIT_SECS = 60
LOOK_SECS = 1.0  # between two looks at a database that does not answer yet


class MigrateSettings(BaseSettings):
    """The one thing a migration needs to know."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    database_url: str = Field(description="SQLAlchemy URL of the database to migrate")
    database_wait_secs: float = Field(0, ge=0, description="real seconds for which a silent database is waited for")


def migrate(url: str) -> None:
    """Upgrade the database to the newest revision, creating a SQLite file and its folder where there is none."""
    target = driver_url(url)
    if target.get_backend_name() == "sqlite" and target.database:
        Path(target.database).parent.mkdir(parents=True, exist_ok=True)
    engine = _engine(url)
    try:
        with _alone(engine) as connection:
            if is_further(connection):
                sys.stderr.write("migrate: a newer release has migrated this database, nothing is to be done\n")
            else:
                command.upgrade(alembic_config(connection), "head")
    except DBAPIError as error:
        raise Unavailable(f"database: {str(error.orig).splitlines()[0]}") from error
    finally:
        engine.dispose()


def wait_for(url: str, secs: float) -> None:
    """Return once a database server takes this user, telling on stderr what keeps it from that; raise Unavailable.

    A file is there or is made: nobody waits for it.
    """
    if driver_url(url).get_backend_name() == "sqlite":
        return
    deadline = time.monotonic() + secs
    engine, told = _engine(url), ""
    try:
        while True:
            try:
                engine.connect().close()
                return
            except DBAPIError as error:
                reason = str(error.orig).splitlines()[0]
                if time.monotonic() >= deadline:
                    raise Unavailable(f"database: {reason}") from error
            if reason != told:
                sys.stderr.write(f"migrate: waiting for the database: {reason}\n")
                told = reason
            time.sleep(LOOK_SECS)
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
        settings = MigrateSettings()
        if settings.database_wait_secs:
            wait_for(settings.database_url, settings.database_wait_secs)
        migrate(settings.database_url)
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
