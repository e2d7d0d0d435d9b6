"""Keep which processes say that they live, on real time: a silent one is seen by its row."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.leases import database_time
from prime_jennie.infra.database.tables.lifecycle import WorkerProcessRow
from prime_jennie.infra.database.upsert import affected, upsert

HEARTBEAT_SECS: Final = 30
SILENT_AFTER: Final = timedelta(seconds=3 * HEARTBEAT_SECS)
"""Who is silent for so long leaves its work to others; shorter than what a person is told of."""
STALE_AFTER: Final = timedelta(minutes=5)
FORGOTTEN_AFTER: Final = timedelta(days=7)
RUNNING: Final = "RUNNING"


@dataclass(frozen=True)
class Worker:
    """A process as it last described itself; `is_stale` when it has been silent for five minutes."""

    worker_id: str
    service: str
    strategy: str
    status: str
    current_symbol: str | None
    current_work: str | None
    started_at: datetime
    last_heartbeat_at: datetime
    is_stale: bool

    @property
    def address(self) -> str:
        """Return where the process listens, host:port."""
        return self.worker_id.rpartition("@")[2]


class WorkerRepository:
    """The processes of the house, by the database's own clock."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def beat(
        self,
        worker_id: str,
        *,
        service: str,
        strategy: str,
        status: str,
        is_start: bool = False,
        current_work: str | None = None,
        current_symbol: str | None = None,
    ) -> None:
        """Say that the worker lives and what it does; `is_start` tells a new process from the one before."""

        def work(session: Session) -> None:
            now = database_time(session)
            known = session.get(WorkerProcessRow, worker_id)
            row = {
                "worker_id": worker_id,
                "service": service,
                "strategy": strategy,
                "status": status,
                "current_symbol": current_symbol,
                "current_work": None if current_work is None else current_work[:200],
                "started_at": now if known is None or is_start else known.started_at,
                "last_heartbeat_at": now,
                "heartbeat_interval_secs": HEARTBEAT_SECS,
                "created_at": now if known is None else known.created_at,
                "updated_at": now,
            }
            upsert(session, WorkerProcessRow, [row], keys=("worker_id",))

        await self._db.write(work)

    async def all(self) -> list[Worker]:
        """Return every worker that is not forgotten yet, by service and strategy."""

        def work(session: Session) -> list[Worker]:
            now = database_time(session)
            rows = session.execute(
                select(WorkerProcessRow).order_by(
                    WorkerProcessRow.service, WorkerProcessRow.strategy, WorkerProcessRow.worker_id
                )
            ).scalars()
            return [_worker(row, now) for row in rows]

        return await self._db.read(work)

    async def forget_old(self) -> int:
        """Remove workers that have been silent for a week."""

        def work(session: Session) -> int:
            before = database_time(session) - FORGOTTEN_AFTER
            gone = delete(WorkerProcessRow).where(WorkerProcessRow.last_heartbeat_at < before)
            return affected(session.execute(gone))

        return await self._db.write(work)


def living_workers(session: Session) -> set[str]:
    """Return those who said lately that they run: one that stopped in order has said so, too."""
    heard = WorkerProcessRow.last_heartbeat_at > database_time(session) - SILENT_AFTER
    return set(
        session.execute(select(WorkerProcessRow.worker_id).where(heard, WorkerProcessRow.status == RUNNING)).scalars()
    )


def _worker(row: WorkerProcessRow, now: datetime) -> Worker:
    return Worker(
        worker_id=row.worker_id,
        service=row.service,
        strategy=row.strategy,
        status=row.status,
        current_symbol=row.current_symbol,
        current_work=row.current_work,
        started_at=row.started_at,
        last_heartbeat_at=row.last_heartbeat_at,
        is_stale=now.astimezone(UTC) - row.last_heartbeat_at > STALE_AFTER,
    )
