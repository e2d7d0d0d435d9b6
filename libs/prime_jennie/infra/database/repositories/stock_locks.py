"""Lock a stock of an account durably: for work that must have one doer even when Redis is gone (rulebook §13.1).

Times are the database's own, so that hosts with wrong clocks agree. A released or outlived lock keeps its row, and the
next worker takes it over.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, update
from sqlalchemy.orm import Session

from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.leases import database_time
from prime_jennie.infra.database.tables.lifecycle import StockLockRow
from prime_jennie.infra.database.upsert import affected, insert_new

LOCK_FOR = timedelta(minutes=5)


class LockStatus(StrEnum):
    """Whether somebody holds the lock, as far as its row says."""

    ACTIVE = "ACTIVE"
    EXPIRED = "EXPIRED"


class StockLockRepository:
    """The locks of one account's stocks."""

    def __init__(self, db: Database, account: str) -> None:
        self._db = db
        self._account = account

    async def acquire(self, stock_code: str, worker_id: str, lasts: timedelta = LOCK_FOR) -> bool:
        """Take the lock, or renew it where it is ours already; False while another worker holds it."""

        def work(session: Session) -> bool:
            now = database_time(session)
            if insert_new(session, StockLockRow, self._fresh(stock_code, worker_id, now, lasts)):
                return True
            row = StockLockRow
            free = (row.status == LockStatus.EXPIRED.value) | (row.expires_at <= now)
            taken = update(row).where(*self._is(stock_code), free)
            if affected(session.execute(taken.values(**self._fresh(stock_code, worker_id, now, lasts)))) == 1:
                return True
            return self._renew(session, stock_code, worker_id, now, lasts)

        return await self._db.write(work)

    async def renew(self, stock_code: str, worker_id: str, lasts: timedelta = LOCK_FOR) -> bool:
        """Start the time to live anew; False when the lock is another's, released, or over."""
        return await self._db.write(
            lambda session: self._renew(session, stock_code, worker_id, database_time(session), lasts)
        )

    async def heartbeat(self, stock_code: str, worker_id: str) -> bool:
        """Say that the worker lives; that does not make the lock last longer."""

        def work(session: Session) -> bool:
            now = database_time(session)
            beats = update(StockLockRow).where(*self._held(stock_code, worker_id, now))
            return affected(session.execute(beats.values(heartbeat_at=now, updated_at=now))) == 1

        return await self._db.write(work)

    async def release(self, stock_code: str, worker_id: str) -> bool:
        """Free the stock for the next worker; False when the lock is not ours any more."""

        def work(session: Session) -> bool:
            now = database_time(session)
            freed = update(StockLockRow).where(*self._held(stock_code, worker_id, now))
            return affected(session.execute(freed.values(status=LockStatus.EXPIRED.value, updated_at=now))) == 1

        return await self._db.write(work)

    async def clean_up(self) -> int:
        """Mark what has outlived its time and return how many that were."""

        def work(session: Session) -> int:
            now = database_time(session)
            row = StockLockRow
            over = update(row).where(
                row.account == self._account, row.status == LockStatus.ACTIVE.value, row.expires_at <= now
            )
            return affected(session.execute(over.values(status=LockStatus.EXPIRED.value, updated_at=now)))

        return await self._db.write(work)

    async def holder(self, stock_code: str) -> str | None:
        """Return who holds the lock now."""

        def work(session: Session) -> str | None:
            row = session.get(StockLockRow, (self._account, stock_code))
            if row is None or row.status != LockStatus.ACTIVE.value or row.expires_at <= database_time(session):
                return None
            return row.worker_id

        return await self._db.read(work)

    def _renew(self, session: Session, stock_code: str, worker_id: str, now: datetime, lasts: timedelta) -> bool:
        renewed = update(StockLockRow).where(*self._held(stock_code, worker_id, now))
        values = {"expires_at": now + lasts, "heartbeat_at": now, "updated_at": now}
        return affected(session.execute(renewed.values(**values))) == 1

    def _fresh(self, stock_code: str, worker_id: str, now: datetime, lasts: timedelta) -> dict[str, object]:
        return {
            "account": self._account,
            "stock_code": stock_code,
            "worker_id": worker_id,
            "acquired_at": now,
            "expires_at": now + lasts,
            "heartbeat_at": now,
            "status": LockStatus.ACTIVE.value,
            "created_at": now,
            "updated_at": now,
        }

    def _is(self, stock_code: str) -> tuple[ColumnElement[bool], ...]:
        return (StockLockRow.account == self._account, StockLockRow.stock_code == stock_code)

    def _held(self, stock_code: str, worker_id: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
        row = StockLockRow
        mine = (row.worker_id == worker_id, row.status == LockStatus.ACTIVE.value, row.expires_at > now)
        return (*self._is(stock_code), *mine)
