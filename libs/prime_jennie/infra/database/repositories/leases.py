"""Let one process at a time own an app key, and let everybody see when ownership changed."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, func, select, text, update
from sqlalchemy.orm import Session

from prime_jennie.domain.errors import Unavailable
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.ownership import GatewayLeaseRow
from prime_jennie.infra.database.upsert import affected, insert_new


class StaleLease(Unavailable):
    """This process no longer owns the app key; another one may be trading with it."""


@dataclass(frozen=True)
class LeaseGrant:
    """Ownership under one epoch; `good_until` is this process's monotonic time, counted from before the request."""

    name: str
    owner: str
    epoch: int
    expires_at: datetime
    good_until: float

    def is_good(self, *, margin_secs: float = 0.0) -> bool:
        """Say whether the lease surely still stands, without asking anybody."""
        return time.monotonic() + margin_secs < self.good_until


class LeaseRepository:
    """Grant leases by the database's own clock, so that hosts with wrong clocks agree."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def acquire(self, name: str, owner: str, ttl_secs: float) -> LeaseGrant | None:
        """Take a free or expired lease under a new epoch; None while somebody else holds it.

        `owner` names one run of one process: a restarted process is a new owner.
        """
        asked_at = time.monotonic()

        def work(session: Session) -> LeaseGrant | None:
            now = database_time(session)
            until = now + timedelta(seconds=ttl_secs)
            fresh = {"name": name, "owner": owner, "epoch": 1, "acquired_at": now, "expires_at": until}
            if insert_new(session, GatewayLeaseRow, fresh):
                return LeaseGrant(name, owner, 1, until, asked_at + ttl_secs)
            row = session.execute(
                select(GatewayLeaseRow).where(GatewayLeaseRow.name == name).with_for_update()
            ).scalar_one()
            if row.owner == owner and row.expires_at > now:
                row.expires_at = until
            elif row.expires_at <= now:
                row.owner, row.epoch, row.acquired_at, row.expires_at = owner, row.epoch + 1, now, until
            else:
                return None
            return LeaseGrant(name, owner, row.epoch, until, asked_at + ttl_secs)

        return await self._db.write(work)

    async def renew(self, grant: LeaseGrant, ttl_secs: float) -> LeaseGrant:
        """Extend the lease; raise StaleLease once another owner has taken it."""
        asked_at = time.monotonic()

        def work(session: Session) -> LeaseGrant:
            until = database_time(session) + timedelta(seconds=ttl_secs)
            renewed = update(GatewayLeaseRow).where(*_same(grant)).values(expires_at=until)
            if affected(session.execute(renewed)) != 1:
                raise StaleLease(f"lease {grant.name}: epoch {grant.epoch} is over")
            return LeaseGrant(grant.name, grant.owner, grant.epoch, until, asked_at + ttl_secs)

        return await self._db.write(work)

    async def release(self, grant: LeaseGrant) -> None:
        """Free the lease at once; releasing a lost lease does nothing."""

        def work(session: Session) -> None:
            session.execute(update(GatewayLeaseRow).where(*_same(grant)).values(expires_at=database_time(session)))

        await self._db.write(work)

    async def current(self, name: str) -> GatewayLeaseRow | None:
        """Return the lease as it stands, expired or not."""
        return await self._db.read(lambda session: session.get(GatewayLeaseRow, name))


def fence(session: Session, grant: LeaseGrant) -> None:
    """Refuse a stale owner inside the caller's transaction, and keep the lease from changing hands until it ends."""
    held = session.execute(select(GatewayLeaseRow.epoch).where(*_same(grant)).with_for_update(read=True)).first()
    if held is None:
        raise StaleLease(f"lease {grant.name}: epoch {grant.epoch} is over")


def database_time(session: Session) -> datetime:
    """Read the database's clock, in UTC."""
    if session.get_bind().dialect.name == "sqlite":
        stamp = session.execute(select(func.strftime("%Y-%m-%d %H:%M:%f", "now"))).scalar_one()
        return datetime.fromisoformat(stamp).replace(tzinfo=UTC)
    naive: datetime = session.execute(text("SELECT UTC_TIMESTAMP(6)")).scalar_one()
    return naive.replace(tzinfo=UTC)


def _same(grant: LeaseGrant) -> tuple[ColumnElement[bool], ...]:
    return (
        GatewayLeaseRow.name == grant.name,
        GatewayLeaseRow.owner == grant.owner,
        GatewayLeaseRow.epoch == grant.epoch,
    )
