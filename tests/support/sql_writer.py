"""Write to a database as one of many processes: python -m tests.support.sql_writer ROLE URL NAME COUNT."""

import asyncio
import sys
import time

from sqlalchemy import event, select
from sqlalchemy.orm import Session

from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.settings import ConfigRow
from tests.support.order_desk import ACCOUNT, OPEN, STRATEGY, OrderDesk

BEFORE_COMMIT = 0


def count_up(db: Database, name: str, count: int) -> None:
    """Add to one shared counter by reading and writing it, leave a row of each step and tell the longest wait (ms)."""
    waits = []
    for step in range(count):

        def work(session: Session, step: int = step) -> None:
            query = select(ConfigRow).where(ConfigRow.config_key == "total").with_for_update()
            total = session.execute(query).scalar_one()
            total.config_value = str(int(total.config_value) + 1)
            session.add(ConfigRow(config_key=f"{name}-{step}", config_value="x", updated_by=name, updated_at=OPEN))

        started = time.monotonic()
        db.write_now(work)
        waits.append(time.monotonic() - started)
    say(f"{max(waits) * 1000:.1f}")


async def book(db: Database, rounds: int) -> None:
    """Book whatever is unbooked, again and again."""
    desk = OrderDesk(db)
    for _ in range(rounds):
        await desk.books.book_strategy(ACCOUNT, STRATEGY)


async def stop_while_booking(db: Database, order_id: str, statement: int) -> None:
    """Book an order; stop before a statement of the transaction, or before its commit, and wait to be killed."""
    executed = 0

    def stop() -> None:
        say("stopped")
        time.sleep(60)

    @event.listens_for(db._writer, "before_cursor_execute")
    def count_statement(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        nonlocal executed
        executed += not sql.startswith("BEGIN")  # only SQLite is told to begin in words
        if executed == statement:
            stop()

    @event.listens_for(db._writer, "commit")
    def before_commit(_: object) -> None:
        if statement == BEFORE_COMMIT:
            stop()

    await OrderDesk(db).books.book(order_id)
    say("done")
    await asyncio.sleep(60)


def say(line: str) -> None:
    """Tell the test."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Play one role."""
    role, url, name, count = sys.argv[1:]
    # Fourteen writers that never pause: on a slow disk one of them may wait its turn for longer than a service would.
    db = Database(url, busy_timeout_secs=110)
    if role == "count":
        count_up(db, name, int(count))
    elif role == "book":
        asyncio.run(book(db, int(count)))
    elif role == "stop":
        asyncio.run(stop_while_booking(db, name, int(count)))
    db.close_now()


if __name__ == "__main__":
    main()
