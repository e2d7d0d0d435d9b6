"""Transactions are whole, times keep their zone, and a missing database is said plainly."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError, StatementError
from sqlalchemy.orm import Session

from prime_jennie.domain.errors import BadInput, Unavailable
from prime_jennie.infra.database.engines import Database, driver_url
from prime_jennie.infra.database.tables.settings import ConfigRow
from tests.support.order_desk import OPEN


def override(key: str, at: datetime = OPEN) -> ConfigRow:
    return ConfigRow(config_key=key, config_value="1", updated_by="test", updated_at=at)


async def stored(db: Database, key: str) -> ConfigRow | None:
    return await db.read(lambda session: session.get(ConfigRow, key))


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:////tmp/x.db", "sqlite"),
        ("sqlite+aiosqlite:////tmp/x.db", "sqlite"),
        ("mysql://u:p@h/n", "mysql+pymysql"),
        ("mariadb://u:p@h/n", "mysql+pymysql"),
        ("mysql+aiomysql://u:p@h/n", "mysql+pymysql"),
        ("mariadb+pymysql://u:p@h/n", "mysql+pymysql"),
    ],
)
def test_every_way_to_write_a_url_is_understood(url: str, driver: str) -> None:
    assert driver_url(url).drivername == driver


def test_a_url_with_a_password_is_not_repeated_in_the_complaint() -> None:
    with pytest.raises(BadInput) as error:
        driver_url("postgresql://me:s3cret@host/db")
    assert "s3cret" not in str(error.value)


async def test_times_come_back_aware_and_to_the_microsecond(db: Database) -> None:
    at = datetime(2025, 3, 10, 9, 0, 0, 123456, tzinfo=ZoneInfo("Asia/Seoul"))
    await db.write(lambda session: session.add(override("k", at)))
    row = await stored(db, "k")
    assert row is not None
    assert row.updated_at == at
    assert row.updated_at.tzinfo is UTC


async def test_a_naive_time_never_reaches_the_database(db: Database) -> None:
    naive = datetime(2025, 3, 10, 9, 0)  # noqa: DTZ001 - the mistake under test
    with pytest.raises((StatementError, ValueError), match="zone"):
        await db.write(lambda session: session.add(override("k", naive)))
    assert await stored(db, "k") is None


async def test_a_failing_transaction_leaves_nothing(db: Database) -> None:
    def work(session: Session) -> None:
        session.add(override("k"))
        session.flush()
        raise RuntimeError("half-way")

    with pytest.raises(RuntimeError):
        await db.write(work)
    assert await stored(db, "k") is None


async def test_a_cancelled_caller_does_not_tear_a_transaction(db: Database) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def work(session: Session) -> None:
        session.add(override("first"))
        session.flush()
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(10)
        session.add(override("second"))

    writing = asyncio.create_task(db.write(work))
    await begun.wait()
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    go_on.set()
    await db.write(lambda session: session.add(override("after")))
    first, second = await stored(db, "first"), await stored(db, "second")
    assert (first is None) == (second is None)


async def test_a_reader_cannot_write_by_mistake(sqlite_db: Database) -> None:
    with pytest.raises((SQLAlchemyError, Unavailable)):
        await sqlite_db.read(lambda session: session.execute(text("DELETE FROM config")))


async def test_readers_do_not_wait_for_a_writer(sqlite_db: Database) -> None:
    reading, read = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def work(session: Session) -> None:
        session.add(override("k"))
        session.flush()
        loop.call_soon_threadsafe(reading.set)
        asyncio.run_coroutine_threadsafe(read.wait(), loop).result(10)

    writing = asyncio.create_task(sqlite_db.write(work))
    await reading.wait()
    assert await asyncio.wait_for(stored(sqlite_db, "k"), 2) is None
    read.set()
    await writing
    assert await stored(sqlite_db, "k") is not None


async def test_sqlite_is_as_durable_as_it_can_be(sqlite_db: Database) -> None:
    def settings(session: Session) -> tuple[str, int, int]:
        ask = session.execute
        return (
            ask(text("PRAGMA journal_mode")).scalar_one(),
            ask(text("PRAGMA synchronous")).scalar_one(),
            ask(text("PRAGMA foreign_keys")).scalar_one(),
        )

    # synchronous 2 is FULL: a commit survives the power cut after it
    assert await sqlite_db.write(settings) == ("wal", 2, 1)


async def test_two_writers_wait_for_each_other(sqlite_url: str, sqlite_db: Database) -> None:
    other = Database(sqlite_url)
    both = (sqlite_db, other)

    async def put(number: int) -> None:
        await both[number % 2].write(lambda session: session.add(override(f"k{number}")))

    await asyncio.gather(*(put(number) for number in range(40)))
    rows = await sqlite_db.read(lambda session: session.execute(text("SELECT COUNT(*) FROM config")).scalar_one())
    assert rows == 40
    await other.close()


async def test_a_writer_that_waits_too_long_is_unavailable(sqlite_url: str, sqlite_db: Database) -> None:
    impatient = Database(sqlite_url, busy_timeout_secs=0.05)
    begun, end = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def hog(session: Session) -> None:
        session.add(override("k"))
        session.flush()
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(end.wait(), loop).result(10)

    hogging = asyncio.create_task(sqlite_db.write(hog))
    await begun.wait()
    with pytest.raises(Unavailable, match="locked"):
        await impatient.write(lambda session: session.add(override("other")))
    end.set()
    await hogging
    await impatient.close()


async def test_no_server_is_unavailable(tmp_path: Path) -> None:
    db = Database(f"mysql://root@localhost/x?unix_socket={tmp_path / 'nobody'}")
    with pytest.raises(Unavailable, match="database"):
        await db.ping()
    await db.close()


async def test_ping_tells_milliseconds(db: Database) -> None:
    assert 0 < await db.ping() < 5_000
