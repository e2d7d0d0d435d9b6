"""Fourteen processes write at once and nothing is lost; a killed booker leaves all of a trade or nothing of it."""

import os
import signal

import pytest
from sqlalchemy import func, select

from prime_jennie.domain.orders import TradeType
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.positions import PositionRepository
from prime_jennie.infra.database.tables.portfolio import ActivePortfolioRow, TradeLogRow
from prime_jennie.infra.database.tables.settings import ConfigRow
from tests.support.gateway import until
from tests.support.order_desk import ACCOUNT, OPEN, SAMSUNG, STRATEGY, OrderDesk
from tests.support.sql_writer import BEFORE_COMMIT
from tests.support.warm_process import WarmProcess

WRITERS = 14
STEPS = 20


def start(role: str, db: Database, name: str, count: int) -> WarmProcess:
    url = db.url.render_as_string(hide_password=False)
    return WarmProcess("tests.support.sql_writer", role, url, name, str(count), env=os.environ)


def test_fourteen_writing_processes_lose_nothing(db: Database) -> None:
    db.write_now(
        lambda session: session.add(ConfigRow(config_key="total", config_value="0", updated_by="test", updated_at=OPEN))
    )
    writers = [start("count", db, f"w{number}", STEPS) for number in range(WRITERS)]
    assert [writer.wait(120) for writer in writers] == [0] * WRITERS
    total = db.read_now(lambda session: session.get(ConfigRow, "total"))
    rows = db.read_now(lambda session: session.execute(select(func.count()).select_from(ConfigRow)).scalar_one())
    assert total is not None
    assert int(total.config_value) == WRITERS * STEPS
    assert rows == WRITERS * STEPS + 1


async def test_many_booking_processes_book_each_fill_once(db: Database) -> None:
    desk = OrderDesk(db)
    for number in range(4):
        await desk.traded(f"b{number}", TradeType.BUY, [(1, 72_000)] * 5)
        await desk.traded(f"s{number}", TradeType.SELL, [(1, 73_000)] * 2)
    bookers = [start("book", db, "-", 3) for _ in range(6)]
    assert [booker.wait(60) for booker in bookers] == [0] * 6
    trades = await db.read(lambda session: session.execute(select(TradeLogRow.fill_id)).scalars().all())
    assert len(trades) == len(set(trades)) == 4 * 7
    assert await shares(db) == 4 * 3


# Statements of a booking of three fills: 8 inserts the position, 9 the first trade, 14/15 and 20/21 the next two.
@pytest.mark.parametrize("statement", [3, 8, 9, 14, 15, 20, 21, BEFORE_COMMIT])
async def test_a_booker_killed_between_two_statements_leaves_no_half_trade(db: Database, statement: int) -> None:
    order_id = await kill_while_booking(db, statement, "stopped\n")
    assert await db.read(lambda session: session.execute(select(TradeLogRow)).all()) == []
    assert await db.read(lambda session: session.execute(select(ActivePortfolioRow)).all()) == []
    assert len(await OrderDesk(db).books.book(order_id)) == 3
    assert await shares(db) == 7


async def test_a_booker_killed_after_its_commit_has_booked_everything(db: Database) -> None:
    order_id = await kill_while_booking(db, 999, "done\n")
    assert await shares(db) == 7
    assert await OrderDesk(db).books.book(order_id) == []
    assert await shares(db) == 7


async def kill_while_booking(db: Database, statement: int, expected: str) -> str:
    desk = OrderDesk(db)
    await desk.traded("b", TradeType.BUY, [(4, 72_000), (6, 72_100)])
    order = await desk.traded("s", TradeType.SELL, [(3, 73_000)])
    child = start("stop", db, order.id, statement)
    until(lambda: child.said() or child.poll() is not None, what="it stopped, or was done")
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert child.said() == expected
    return order.id


async def shares(db: Database) -> int:
    position = await PositionRepository(db).position(ACCOUNT, STRATEGY, SAMSUNG)
    assert position is not None
    return position.quantity
