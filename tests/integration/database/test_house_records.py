"""Locks with one winner, workers that fall silent, strategies' configurations, events that happen once."""

import asyncio
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select, update

from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.events import Event, EventRepository
from prime_jennie.infra.database.repositories.stock_locks import StockLockRepository
from prime_jennie.infra.database.repositories.strategies import StrategyRepository
from prime_jennie.infra.database.repositories.workers import WorkerRepository
from prime_jennie.infra.database.tables.lifecycle import StockLockRow, StrategyParamsRow, WorkerProcessRow
from tests.support.order_desk import ACCOUNT, OPEN, SAMSUNG, STRATEGY

HYNIX = "000660"


async def outlive(db: Database) -> None:
    """Let every lock's time be over."""
    past = datetime(2020, 1, 1, tzinfo=UTC)
    await db.write(
        lambda session: session.execute(
            update(StockLockRow).values(acquired_at=past, expires_at=past + timedelta(minutes=5))
        )
    )


async def test_a_lock_has_one_holder_and_each_stock_its_own(db: Database) -> None:
    locks = StockLockRepository(db, ACCOUNT)
    assert await locks.acquire(SAMSUNG, "one")
    assert not await locks.acquire(SAMSUNG, "two")
    assert await locks.acquire(HYNIX, "two")
    assert await StockLockRepository(db, "87654321-01").acquire(SAMSUNG, "two")
    assert await locks.holder(SAMSUNG) == "one"


async def test_whoever_holds_a_lock_renews_it_by_asking_again(db: Database) -> None:
    locks = StockLockRepository(db, ACCOUNT)
    assert await locks.acquire(SAMSUNG, "one", timedelta(seconds=60))
    before = await row_of(db)
    assert await locks.acquire(SAMSUNG, "one", timedelta(minutes=5))
    after = await row_of(db)
    assert after.expires_at > before.expires_at
    assert after.acquired_at == before.acquired_at


async def test_only_an_owner_in_time_renews(db: Database) -> None:
    locks = StockLockRepository(db, ACCOUNT)
    await locks.acquire(SAMSUNG, "one")
    assert await locks.renew(SAMSUNG, "one")
    assert not await locks.renew(SAMSUNG, "two")
    assert not await locks.renew(HYNIX, "one")
    await outlive(db)
    assert not await locks.renew(SAMSUNG, "one")


async def test_a_heartbeat_does_not_make_a_lock_last_longer(db: Database) -> None:
    locks = StockLockRepository(db, ACCOUNT)
    await locks.acquire(SAMSUNG, "one")
    before = await row_of(db)
    assert await locks.heartbeat(SAMSUNG, "one")
    after = await row_of(db)
    assert after.expires_at == before.expires_at
    assert after.heartbeat_at >= before.heartbeat_at
    assert not await locks.heartbeat(SAMSUNG, "two")


async def test_a_released_stock_is_anybodys(db: Database) -> None:
    """Ancestor's defect: a released row still held the unique symbol, and nobody could lock it again."""
    locks = StockLockRepository(db, ACCOUNT)
    await locks.acquire(SAMSUNG, "one")
    assert not await locks.release(SAMSUNG, "two")
    assert await locks.release(SAMSUNG, "one")
    assert await locks.holder(SAMSUNG) is None
    assert not await locks.release(SAMSUNG, "one")
    assert await locks.acquire(SAMSUNG, "two")
    assert await locks.holder(SAMSUNG) == "two"


async def test_an_outlived_lock_is_taken_over_and_cleaned_up(db: Database) -> None:
    locks = StockLockRepository(db, ACCOUNT)
    await locks.acquire(SAMSUNG, "one")
    await outlive(db)
    assert await locks.holder(SAMSUNG) is None
    assert not await locks.release(SAMSUNG, "one")
    assert not await locks.heartbeat(SAMSUNG, "one")
    assert await locks.acquire(SAMSUNG, "two")
    await outlive(db)
    assert await locks.clean_up() == 1
    assert await locks.clean_up() == 0
    assert (await row_of(db)).status == "EXPIRED"


def test_of_two_racing_processes_one_wins(db: Database, database_url: str) -> None:
    """Each process takes and frees the stock a hundred times; nobody ever sees another's hand in it."""
    script = (
        "import asyncio, sys\n"
        "from prime_jennie.infra.database.engines import Database\n"
        "from prime_jennie.infra.database.repositories.stock_locks import StockLockRepository\n"
        "async def main():\n"
        "    db = Database(sys.argv[1]); locks = StockLockRepository(db, '12345678-01'); won = 0\n"
        "    while won < 60:\n"
        "        if not await locks.acquire('005930', sys.argv[2]):\n"
        "            await asyncio.sleep(0.001); continue\n"
        "        held = await locks.holder('005930')\n"
        "        assert held == sys.argv[2], held\n"
        "        assert await locks.release('005930', sys.argv[2])\n"
        "        won += 1; await asyncio.sleep(0.001)\n"
        "    await db.close()\n"
        "asyncio.run(main())\n"
    )
    racers = [
        subprocess.Popen([sys.executable, "-c", script, database_url, name], stderr=subprocess.PIPE, text=True)
        for name in ("one", "two")
    ]
    assert [(racer.wait(60), racer.stderr.read() if racer.stderr else "") for racer in racers] == [(0, ""), (0, "")]


async def row_of(db: Database) -> StockLockRow:
    row = await db.read(lambda session: session.get(StockLockRow, (ACCOUNT, SAMSUNG)))
    assert row is not None
    return row


async def beat(workers: WorkerRepository, worker_id: str = "buy-scanner@host:1", **changes: object) -> None:
    facts = {"service": "buy-scanner", "strategy": STRATEGY, "status": "RUNNING"} | changes
    await workers.beat(worker_id, **facts)  # type: ignore[arg-type]


async def test_a_worker_registers_beats_and_begins_anew(db: Database) -> None:
    workers = WorkerRepository(db)
    await beat(workers, is_start=True, current_work="slot=scout-20250310-0830")
    (first,) = await workers.all()
    await beat(workers, current_work="x" * 500)
    (second,) = await workers.all()
    assert second.started_at == first.started_at
    assert second.last_heartbeat_at >= first.last_heartbeat_at
    assert len(second.current_work or "") == 200
    assert not second.is_stale
    await beat(workers, is_start=True)
    (third,) = await workers.all()
    assert third.started_at >= second.started_at


async def test_a_worker_is_stale_after_five_minutes_and_forgotten_after_a_week(db: Database) -> None:
    workers = WorkerRepository(db)
    await beat(workers, "old")
    await beat(workers, "new")
    for age, stale, forgotten in ((299, False, 0), (301, True, 0), (8 * 86_400, True, 1)):
        await age_of(db, "old", age)
        found = {worker.worker_id: worker.is_stale for worker in await workers.all()}
        assert found == {"old": stale, "new": False}
        assert await workers.forget_old() == forgotten
    assert [worker.worker_id for worker in await workers.all()] == ["new"]


async def age_of(db: Database, worker_id: str, secs: float) -> None:
    at = datetime.now(UTC) - timedelta(seconds=secs)
    await db.write(
        lambda session: session.execute(
            update(WorkerProcessRow).where(WorkerProcessRow.worker_id == worker_id).values(last_heartbeat_at=at)
        )
    )


async def test_a_configuration_is_written_once_a_generation_and_day(db: Database) -> None:
    strategies = StrategyRepository(db)

    async def acknowledge(version: int, day: date = date(2025, 3, 10), name: str = STRATEGY) -> bool:
        params = {"risk": {"maxPositions": version}}
        return await strategies.acknowledged(
            ACCOUNT, name, day=day, version=version, params=params, by="buy-executor", at=OPEN
        )

    assert [await acknowledge(1), await acknowledge(1), await acknowledge(2)] == [True, False, True]
    assert await acknowledge(2, date(2025, 3, 11))
    assert await acknowledge(7, name="other")
    rows = await strategies.params(ACCOUNT, STRATEGY)
    assert [(row.trade_date.day, row.version, row.status) for row in rows] == [
        (11, 2, "ACTIVE"),
        (10, 2, "INACTIVE"),
        (10, 1, "INACTIVE"),
    ]
    assert rows[0].params == {"risk": {"maxPositions": 2}}
    assert await strategies.names(ACCOUNT) == [STRATEGY, "other"]
    (other,) = await strategies.params(ACCOUNT, "other")
    assert other.status == "ACTIVE"


async def test_racing_acknowledgements_leave_one_row(db: Database) -> None:
    strategies = StrategyRepository(db)

    async def acknowledge() -> bool:
        day = date(2025, 3, 10)
        return await strategies.acknowledged(ACCOUNT, STRATEGY, day=day, version=1, params=None, by="x", at=OPEN)

    assert sorted(await asyncio.gather(*(acknowledge() for _ in range(8)))) == [False] * 7 + [True]
    rows = await db.read(lambda session: list(session.execute(select(StrategyParamsRow)).scalars()))
    assert len(rows) == 1


async def test_an_event_of_a_key_happens_once(db: Database) -> None:
    events = EventRepository(db)
    one = Event(kind="halt.set", message="멈춤", service="x", at=OPEN, account=ACCOUNT, strategy=STRATEGY, key="k")
    assert await events.add(one)
    assert not await events.add(one)
    assert await events.add(Event(kind="other", message="m", service="x", at=OPEN + timedelta(hours=1)))
    assert await events.add(Event(kind="other", message="m", service="x", at=OPEN + timedelta(hours=1)))
    assert [event.kind for event in await events.newest()] == ["other", "other", "halt.set"]
    assert [event.kind for event in await events.newest(ACCOUNT)] == ["halt.set"]
    assert [event.kind for event in await events.newest(strategy=STRATEGY, kinds=["halt.set"])] == ["halt.set"]
    assert len(await events.newest(since=OPEN + timedelta(minutes=1))) == 2
    assert len(await events.newest(limit=1, offset=1)) == 1
