"""Open the database: one way to write, another to read, both off the event loop.

A transaction is an ordinary function of a Session, run whole on a worker thread. It therefore cannot await anything:
no network wait can ever sit inside a transaction, and SQLite's write lock is held for microseconds, not for turns of
the event loop. SQLite with the default deferred BEGIN loses updates under several writers; the writer here begins
IMMEDIATE, readers have engines of their own.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from prime_jennie.domain.errors import BadInput, Unavailable

T = TypeVar("T")

BUSY_TIMEOUT_SECS = 5.0
MARIADB_WRITERS = 4
READERS = 4
# Deadlock, lock wait, "record has changed since last read": MariaDB has rolled back, the same work may run again.
REPEATABLE_MYSQL_ERRORS = frozenset({1020, 1205, 1213})
ATTEMPTS = 5
SERVER_DIALECTS = frozenset({"mysql", "mariadb"})


class Database:
    """Run functions of a Session as transactions; sqlite:///, mysql:// and mariadb:// URLs are understood."""

    def __init__(self, url: str, *, busy_timeout_secs: float = BUSY_TIMEOUT_SECS) -> None:
        self.url = driver_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        writers = 1 if self.is_sqlite else MARIADB_WRITERS
        self._writer = _open(self.url, size=writers, timeout_secs=busy_timeout_secs, writes=True)
        self._reader = _open(self.url, size=READERS, timeout_secs=busy_timeout_secs, writes=False)
        self._write_threads = ThreadPoolExecutor(writers, thread_name_prefix="sql-write")
        self._read_threads = ThreadPoolExecutor(READERS, thread_name_prefix="sql-read")

    async def write(self, work: Callable[[Session], T]) -> T:
        """Commit what `work` does, or nothing of it; a cancelled caller does not interrupt it half-way."""
        return await asyncio.get_running_loop().run_in_executor(self._write_threads, self.write_now, work)

    async def read(self, work: Callable[[Session], T]) -> T:
        """Return what `work` finds in one consistent snapshot."""
        return await asyncio.get_running_loop().run_in_executor(self._read_threads, self.read_now, work)

    def write_now(self, work: Callable[[Session], T]) -> T:
        """Do the same without an event loop; `work` may run again after a deadlock and must only touch the session."""
        return _run(self._writer, work, commit=True)

    def read_now(self, work: Callable[[Session], T]) -> T:
        """Read without an event loop."""
        return _run(self._reader, work, commit=False)

    async def ping(self) -> float:
        """Return the milliseconds a trivial query takes, or raise Unavailable."""
        started = time.monotonic()
        await self.read(lambda session: session.execute(text("SELECT 1")).scalar_one())
        return (time.monotonic() - started) * 1000

    async def close(self) -> None:
        """Let running transactions end, then close every connection."""
        await asyncio.to_thread(self.close_now)

    def close_now(self) -> None:
        """Close without an event loop."""
        self._write_threads.shutdown(wait=True)
        self._read_threads.shutdown(wait=True)
        self._writer.dispose()
        self._reader.dispose()


def driver_url(url: str) -> URL:
    """Name the driver this project uses for a person's URL, or say what is wrong with it."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise BadInput(
            "DATABASE_URL", "url", "not a database URL (sqlite:///file or mysql://user@host/name)"
        ) from error
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise BadInput("DATABASE_URL", "url", "SQLite needs a file: processes cannot share memory")
        return parsed.set(drivername="sqlite")
    if backend in SERVER_DIALECTS:
        return parsed.set(drivername="mysql+pymysql").update_query_dict({"charset": "utf8mb4"})
    raise BadInput("DATABASE_URL", "url", f"{backend} is not supported: use sqlite, mysql or mariadb")


def _open(url: URL, *, size: int, timeout_secs: float, writes: bool) -> Engine:
    if url.get_backend_name() == "sqlite":
        return _open_sqlite(url, size=size, timeout_secs=timeout_secs, writes=writes)
    return create_engine(
        url,
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
        pool_pre_ping=True,
        pool_recycle=1800,
        # Conditional updates and locking reads decide; they must see what the neighbour has just committed.
        isolation_level="READ COMMITTED" if writes else "REPEATABLE READ",
        connect_args={
            "connect_timeout": timeout_secs,
            "read_timeout": 30,
            "write_timeout": 30,
            "init_command": "SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', "
            f"innodb_lock_wait_timeout = {max(1, round(timeout_secs))}",
        },
    )


def _open_sqlite(url: URL, *, size: int, timeout_secs: float, writes: bool) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
        connect_args={"check_same_thread": False, "timeout": timeout_secs},
    )

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own
        use_wal(connection, timeout_secs)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        if not writes:
            connection.execute("PRAGMA query_only = ON")

    begin = "BEGIN IMMEDIATE" if writes else "BEGIN"

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine


def use_wal(connection: sqlite3.Connection, timeout_secs: float) -> None:
    """Switch a SQLite file to write-ahead logging; while others switch it too, the busy timeout does not apply."""
    deadline = time.monotonic() + timeout_secs
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _run(engine: Engine, work: Callable[[Session], T], *, commit: bool) -> T:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with Session(engine, expire_on_commit=False) as session:
                result = work(session)
                if commit:
                    session.commit()
                return result
        except (OperationalError, InterfaceError) as error:
            if attempt == ATTEMPTS or not _repeatable(error):
                raise Unavailable(f"database: {_short(error)}") from error
            time.sleep(0.01 * attempt)
        except PoolTimeout as error:
            raise Unavailable("database: every connection is busy") from error
    raise AssertionError("unreachable: the last attempt returns or raises")


def _repeatable(error: DBAPIError) -> bool:
    code = error.orig.args[0] if error.orig is not None and error.orig.args else None
    return code in REPEATABLE_MYSQL_ERRORS


def _short(error: DBAPIError) -> str:
    return str(error.orig).splitlines()[0]
