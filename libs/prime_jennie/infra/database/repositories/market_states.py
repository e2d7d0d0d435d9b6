"""Keep where an account's day stands, so that whoever takes over knows what was done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from prime_jennie.domain.lifecycle import MarketState, RecoveryReport, StepRecord
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.events import Event, EventLevel, add_event
from prime_jennie.infra.database.repositories.leases import LeaseGrant, fence
from prime_jennie.infra.database.tables.lifecycle import MarketStateRow, RecoveryLogRow
from prime_jennie.infra.database.upsert import upsert

STATE_CHANGED = "market.state"


@dataclass(frozen=True)
class Standing:
    """One day of an account."""

    trade_date: date
    state: MarketState
    reason: str
    since: datetime
    steps: tuple[StepRecord, ...] = ()
    market_open_at: datetime | None = None
    market_closed_at: datetime | None = None


class MarketStateRepository:
    """The states of one account; the newest day is the present."""

    def __init__(self, db: Database, account: str, service: str) -> None:
        self._db = db
        self._account = account
        self._service = service

    async def newest(self) -> Standing | None:
        """Return the present."""
        query = select(MarketStateRow).where(MarketStateRow.account == self._account)
        query = query.order_by(MarketStateRow.trade_date.desc()).limit(1)
        return await self._db.read(lambda session: _standing(session.execute(query).scalar_one_or_none()))

    async def save(self, standing: Standing, *, lease: LeaseGrant, at: datetime, was: MarketState | None) -> None:
        """Write a day's standing, and an event where the state changed; a stale owner's write is refused."""
        row: dict[str, Any] = {
            "account": self._account,
            "trade_date": standing.trade_date,
            "state": standing.state.value,
            "reason": standing.reason,
            "since": standing.since,
            "steps": [step.model_dump(mode="json") for step in standing.steps],
            "market_open_at": standing.market_open_at,
            "market_closed_at": standing.market_closed_at,
            "epoch": lease.epoch,
            "updated_at": at,
        }

        def work(session: Session) -> None:
            fence(session, lease)
            known = session.get(MarketStateRow, (self._account, standing.trade_date))
            created = {"created_at": at if known is None else known.created_at}
            upsert(session, MarketStateRow, [row | created], keys=("account", "trade_date"))
            if was is not standing.state:
                add_event(session, self._changed(standing, was, at))

        await self._db.write(work)

    async def begin_recovery(self, cause: str, *, lease: LeaseGrant, at: datetime) -> int:
        """Write that a recovery began and return its number; one that never ends has no verdict."""

        def work(session: Session) -> int:
            fence(session, lease)
            row = RecoveryLogRow(
                account=self._account,
                cause=cause,
                epoch=lease.epoch,
                started_at=at,
                orders_synced=0,
                positions_recalculated=0,
                mismatches_found=0,
            )
            session.add(row)
            session.flush()
            return row.id

        return await self._db.write(work)

    async def end_recovery(self, number: int, report: RecoveryReport, *, trade_date: date, lease: LeaseGrant) -> None:
        """Write the verdict, in the log and where the day stands."""

        def work(session: Session) -> None:
            fence(session, lease)
            row = session.get_one(RecoveryLogRow, number)
            row.finished_at = report.finished_at
            row.status = report.status.value
            row.orders_synced = report.orders_synced
            row.positions_recalculated = report.positions_recalculated
            row.mismatches_found = report.mismatches_found
            row.details = report.details
            day = session.get(MarketStateRow, (self._account, trade_date))
            if day is not None:
                day.last_recovery_at = report.finished_at
                day.recovery_status = report.status.value
                day.recovery_details = report.details
                day.epoch = lease.epoch
                day.updated_at = report.finished_at

        await self._db.write(work)

    async def recoveries(self, *, limit: int = 20) -> Sequence[RecoveryLogRow]:
        """Return the account's recoveries, the newest first."""
        query = select(RecoveryLogRow).where(RecoveryLogRow.account == self._account)
        query = query.order_by(RecoveryLogRow.id.desc()).limit(limit)
        return await self._db.read(lambda session: list(session.execute(query).scalars()))

    def _changed(self, standing: Standing, was: MarketState | None, at: datetime) -> Event:
        stopped = standing.state is MarketState.STOPPED
        return Event(
            kind=STATE_CHANGED,
            message=f"{was.value if was else 'unknown'} → {standing.state.value}: {standing.reason}",
            service=self._service,
            at=at,
            account=self._account,
            level=EventLevel.ERROR if stopped else EventLevel.INFO,
            payload={"trade_date": standing.trade_date.isoformat(), "state": standing.state.value},
        )


def _standing(row: MarketStateRow | None) -> Standing | None:
    if row is None:
        return None
    steps = row.steps if isinstance(row.steps, list) else []
    return Standing(
        trade_date=row.trade_date,
        state=MarketState(row.state),
        reason=row.reason,
        since=row.since,
        steps=tuple(StepRecord.model_validate(step) for step in steps),
        market_open_at=row.market_open_at,
        market_closed_at=row.market_closed_at,
    )
