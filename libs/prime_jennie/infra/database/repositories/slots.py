"""Start each slot once for ever: a unique row decides who begins it, conditional updates who may end it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import ColumnElement, and_, case, func, not_, or_, select, true, update
from sqlalchemy.orm import Session

from prime_jennie.domain.sessions import KST
from prime_jennie.domain.slots import Slot, SlotSource, SlotState, Task
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.workers import living_workers
from prime_jennie.infra.database.tables.slots import SlotRow
from prime_jennie.infra.database.upsert import affected, insert_new

LONGEST_PAGE: Final = 500
NOT_DONE: Final = (SlotState.FAILED.value, SlotState.MISSED.value, SlotState.SKIPPED.value)


def owner_of(worker_id: str) -> str:
    """Name one life of a worker: the next one has another name, and is the same worker."""
    return f"{worker_id}#{uuid4().hex[:12]}"


@dataclass(frozen=True)
class SlotKey:
    """Which slot of which task it is; `schedule` is "" for a slot that nobody scheduled."""

    namespace: str
    name: str
    task: Task
    at: datetime
    schedule: str = ""


@dataclass(frozen=True)
class SlotClaim:
    """A slot as it stands after somebody asked to begin it; `won` says that the asker has to run it now."""

    slot: Slot
    won: bool


class SlotRepository:
    """Slots by namespace and name."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def claim(
        self,
        key: SlotKey,
        *,
        source: SlotSource,
        owner: str,
        attempts_allowed: int,
        now: datetime,
        backfill: str = "",
        redo: bool = False,
    ) -> SlotClaim:
        """Begin an attempt unless the slot is over, is running or has used its attempts up.

        A person may begin the next attempt of a slot that waits for it; a backfill also takes up what was missed,
        skipped or has failed for good, with attempts of its own, and what is done only to `redo` it.
        """
        begun = {
            "source": source.value,
            "state": SlotState.RUNNING.value,
            "reason": "",
            "owner": owner,
            "started_at": now,
            "finished_at": None,
            "progress_pct": 0,
            "phase": "",
        }

        def work(session: Session) -> SlotClaim:
            fresh = {"attempts": 1, "attempts_allowed": attempts_allowed, "backfill": backfill}
            won = insert_new(session, SlotRow, {**_identity(key), **begun, **fresh})
            if not won:
                # In this order, as MariaDB computes each from what those before it have become.
                again = [
                    (SlotRow.attempts_allowed, _attempts_allowed(source, attempts_allowed, backfill)),
                    (SlotRow.attempts, SlotRow.attempts + 1),
                    *([(SlotRow.backfill, backfill)] if source is SlotSource.BACKFILL else []),
                    *((getattr(SlotRow, name), value) for name, value in begun.items()),
                ]
                may_begin = _may_begin(source, attempts_allowed, backfill, redo=redo)
                claimed = update(SlotRow).where(*_is(key.namespace, key.name), may_begin).ordered_values(*again)
                won = affected(session.execute(claimed)) == 1
            return SlotClaim(_stored(session, key.namespace, key.name), won)

        return await self._db.write(work)

    async def finish(
        self,
        namespace: str,
        name: str,
        *,
        owner: str,
        attempt: int,
        state: SlotState,
        reason: str,
        now: datetime,
        for_good: bool = False,
    ) -> bool:
        """Give the attempt that this owner runs its outcome; False when it is no longer this attempt's to give.

        A failed attempt leaves the slot open while it has further ones, unless it failed `for_good`.
        """

        def work(session: Session) -> bool:
            mine = (*_is(namespace, name), _running, SlotRow.owner == owner, SlotRow.attempts == attempt)
            row = session.execute(select(SlotRow).where(*mine).with_for_update()).scalar_one_or_none()
            if row is None:
                return False
            is_open = state is SlotState.FAILED and row.attempts < row.attempts_allowed and not for_good
            values: dict[str, Any] = {"state": state.value, "reason": reason, "finished_at": None if is_open else now}
            if state.succeeded:
                values["progress_pct"] = 100
            return affected(session.execute(update(SlotRow).where(*mine).values(**values))) == 1

        return await self._db.write(work)

    async def record(
        self,
        key: SlotKey,
        *,
        source: SlotSource,
        state: SlotState,
        reason: str,
        now: datetime,
        backfill: str = "",
        redo: bool = False,
    ) -> Slot:
        """Write the outcome of a slot that will not run (again); what runs or is over for the asker stays as it is."""
        outcome = {"state": state.value, "reason": reason, "finished_at": now}
        own = {"source": source.value, "backfill": backfill} if source is SlotSource.BACKFILL else {}
        is_open = _waits if not own else or_(_waits, _taken_up(backfill, redo=redo))

        def work(session: Session) -> Slot:
            fresh = {
                **_identity(key),
                **outcome,
                "source": source.value,
                "backfill": backfill,
                "attempts": 0,
                "attempts_allowed": 0,
                "owner": "",
                "progress_pct": 0,
                "phase": "",
            }
            if not insert_new(session, SlotRow, fresh):
                session.execute(update(SlotRow).where(*_is(key.namespace, key.name), is_open).values(**outcome, **own))
            return _stored(session, key.namespace, key.name)

        return await self._db.write(work)

    async def close_interrupted(self, namespace: str, tasks: Iterable[Task], *, owner: str, now: datetime) -> list[str]:
        """Close what earlier processes of these tasks left running; return the slots' names.

        An earlier life of the owner's own worker has ended; another worker has where its heartbeat has.
        """
        left = (SlotRow.task.in_([task.value for task in tasks]), SlotRow.owner != owner)
        because = "was interrupted: its service stopped"

        def of_the_gone(session: Session, rows: list[SlotRow]) -> list[SlotRow]:
            others = living_workers(session) - {_worker_of(owner)}
            return [row for row in rows if _worker_of(row.owner) not in others]

        return await self._close(namespace, *left, because=because, now=now, chosen=of_the_gone)

    async def disown(self, namespace: str, name: str, *, owner: str, now: datetime) -> list[str]:
        """Close an attempt that this owner may have begun and does not run: the answer to its claim was lost."""
        unsure = (SlotRow.name == name, SlotRow.owner == owner)
        return await self._close(namespace, *unsure, because="did not begin: the database's answer was lost", now=now)

    async def _close(
        self,
        namespace: str,
        *left: ColumnElement[bool],
        because: str,
        now: datetime,
        chosen: Callable[[Session, list[SlotRow]], list[SlotRow]] = lambda _session, rows: rows,
    ) -> list[str]:
        candidates = (SlotRow.namespace == namespace, _running, *left)
        count = select(func.count()).select_from(SlotRow).where(*candidates)
        if not await self._db.read(lambda session: session.execute(count).scalar_one()):
            return []  # asked every few seconds: nothing is locked for nothing

        def work(session: Session) -> list[str]:
            query = select(SlotRow).where(*candidates).with_for_update()
            rows = chosen(session, list(session.execute(query).scalars()))
            for row in rows:
                row.reason = f"attempt {row.attempts} {because}"
                row.state = SlotState.FAILED.value
                row.finished_at = None if row.attempts < row.attempts_allowed else now
            return [row.name for row in rows]

        return await self._db.write(work)

    async def is_run_by(self, namespace: str, name: str, *, owner: str, attempt: int) -> bool:
        """Tell whether the slot still runs as this owner's attempt."""
        mine = (*_is(namespace, name), _running, SlotRow.owner == owner, SlotRow.attempts == attempt)
        found = select(func.count()).where(*mine)
        return await self._db.read(lambda session: session.execute(found).scalar_one() == 1)

    async def progress(self, namespace: str, name: str, *, owner: str, phase: str, progress_pct: int) -> None:
        """Note how far the running attempt is."""
        mine = (*_is(namespace, name), _running, SlotRow.owner == owner)
        noted = update(SlotRow).where(*mine).values(phase=phase[:40], progress_pct=progress_pct)
        await self._db.write(lambda session: affected(session.execute(noted)))

    async def get(self, namespace: str, name: str) -> Slot | None:
        """Return a slot."""
        return (await self.of_names(namespace, [name])).get(name)

    async def of_names(self, namespace: str, names: Sequence[str]) -> Mapping[str, Slot]:
        """Return those of the slots that exist, by name."""
        query = select(SlotRow).where(SlotRow.namespace == namespace, SlotRow.name.in_(names))
        return {slot.name: slot for slot in await self._slots(query)}

    async def newest_done(self, namespace: str, tasks: Iterable[Task]) -> Slot | None:
        """Return the slot of the tasks that succeeded last."""
        query = (
            select(SlotRow)
            .where(
                SlotRow.namespace == namespace,
                SlotRow.task.in_([task.value for task in tasks]),
                SlotRow.state.in_([SlotState.RAN.value, SlotState.BACKFILLED.value]),
            )
            .order_by(SlotRow.finished_at.desc())
            .limit(1)
        )
        return next(iter(await self._slots(query)), None)

    async def is_newest(self, namespace: str, task: Task, at: datetime) -> bool:
        """Tell whether no later slot of the task has begun: only then may live keys be written."""
        begun = [SlotState.RUNNING.value, SlotState.RAN.value, SlotState.BACKFILLED.value]
        later = select(func.count()).where(
            SlotRow.namespace == namespace, SlotRow.task == task.value, SlotRow.at > at, SlotRow.state.in_(begun)
        )
        return await self._db.read(lambda session: session.execute(later).scalar_one() == 0)

    async def unfinished(self, namespace: str) -> list[Slot]:
        """Return what runs or waits for its next attempt, oldest first."""
        query = select(SlotRow).where(SlotRow.namespace == namespace, SlotRow.finished_at.is_(None))
        return await self._slots(query.order_by(SlotRow.at, SlotRow.name))

    async def page(
        self,
        namespace: str,
        *,
        day: date | None = None,
        schedule: str | None = None,
        task: Task | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[Slot]:
        """Return slots, the newest minute first: of a KST day, of a schedule, of a task, or all."""
        query = select(SlotRow).where(SlotRow.namespace == namespace)
        if day is not None:
            begins = datetime.combine(day, time.min, KST)
            query = query.where(SlotRow.at >= begins, SlotRow.at < begins + timedelta(days=1))
        if schedule is not None:
            query = query.where(SlotRow.schedule == schedule)
        if task is not None:
            query = query.where(SlotRow.task == task.value)
        ordered = query.order_by(SlotRow.at.desc(), SlotRow.name.desc())
        return await self._slots(ordered.limit(min(limit, LONGEST_PAGE)).offset(offset))

    async def outcomes(self, namespace: str, schedule: str, since: datetime) -> dict[SlotState, int]:
        """Count a schedule's slots that are over, by outcome, from a minute on."""
        query = (
            select(SlotRow.state, func.count())
            .where(SlotRow.namespace == namespace, SlotRow.schedule == schedule, SlotRow.at >= since)
            .where(SlotRow.finished_at.is_not(None))
            .group_by(SlotRow.state)
        )
        return await self._db.read(lambda session: {SlotState(state): count for state, count in session.execute(query)})

    async def of_task(self, namespace: str, task: Task, since: datetime, upto: datetime) -> dict[str, Slot]:
        """Return a task's slots after a first moment up to and including a last, by name, whoever asked for them."""
        query = select(SlotRow).where(
            SlotRow.namespace == namespace, SlotRow.task == task.value, SlotRow.at > since, SlotRow.at <= upto
        )
        return {slot.name: slot for slot in await self._slots(query)}

    async def _slots(self, query: Any) -> list[Slot]:
        return await self._db.read(lambda session: [_slot(row) for row in session.execute(query).scalars()])


_running = SlotRow.state == SlotState.RUNNING.value
_waits = and_(SlotRow.state == SlotState.FAILED.value, SlotRow.finished_at.is_(None))


def _may_begin(source: SlotSource, attempts_allowed: int, backfill: str, *, redo: bool) -> ColumnElement[bool]:
    if source is SlotSource.BACKFILL:
        spent = and_(SlotRow.backfill == backfill, SlotRow.attempts >= SlotRow.attempts_allowed)
        return or_(and_(_waits, not_(spent)), _taken_up(backfill, redo=redo))
    if source is SlotSource.MANUAL:
        return _waits
    return and_(_waits, SlotRow.attempts < attempts_allowed)


def _taken_up(backfill: str, *, redo: bool) -> ColumnElement[bool]:
    """Pick what is over, and what a backfill may yet run: what was not done, or all of it, and each once."""
    over = SlotRow.finished_at.is_not(None)
    others = SlotRow.backfill != backfill if backfill else true()
    return and_(over, others, true() if redo else SlotRow.state.in_(NOT_DONE))


def _attempts_allowed(source: SlotSource, attempts_allowed: int, backfill: str) -> ColumnElement[int] | int:
    """Count a backfill's attempts from where the slot was left; within it, its first request's number stands."""
    if source is not SlotSource.BACKFILL:
        return attempts_allowed
    is_begun = and_(_waits, SlotRow.source == source.value, SlotRow.backfill == backfill)
    return case((is_begun, SlotRow.attempts_allowed), else_=SlotRow.attempts + attempts_allowed)


def _is(namespace: str, name: str) -> tuple[ColumnElement[bool], ...]:
    return (SlotRow.namespace == namespace, SlotRow.name == name)


def _worker_of(owner: str) -> str:
    return owner.partition("#")[0]


def _identity(key: SlotKey) -> dict[str, Any]:
    return {
        "namespace": key.namespace,
        "name": key.name,
        "task": key.task.value,
        "schedule": key.schedule,
        "at": key.at,
    }


def _stored(session: Session, namespace: str, name: str) -> Slot:
    row = session.get(SlotRow, (namespace, name), populate_existing=True)
    assert row is not None  # noqa: S101 - slots are never deleted
    return _slot(row)


def _slot(row: SlotRow) -> Slot:
    return Slot(
        namespace=row.namespace,
        name=row.name,
        task=Task(row.task),
        schedule=row.schedule,
        at=row.at,
        source=SlotSource(row.source),
        backfill=row.backfill,
        state=SlotState(row.state),
        reason=row.reason,
        attempts=row.attempts,
        started_at=row.started_at,
        finished_at=row.finished_at,
        progress_pct=row.progress_pct,
        phase=row.phase,
    )
