"""Close days: read all of a strategy's trades, and write each settlement once with everything that belongs to it."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from prime_jennie.domain.orders import IntentState
from prime_jennie.domain.positions import DailySnapshot
from prime_jennie.domain.settlement import DailySettlementEvent, Settlement
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.events import Event, add_event
from prime_jennie.infra.database.tables.journal import EventRow
from prime_jennie.infra.database.tables.lifecycle import DailySettlementRow, DailySummaryRow
from prime_jennie.infra.database.tables.portfolio import (
    ActivePortfolioRow,
    DailyAssetSnapshotRow,
    PositionCorrectionRow,
    TradeLogRow,
)
from prime_jennie.infra.database.tables.trading import FillRow, OrderIntentRow
from prime_jennie.infra.database.upsert import insert_new, upsert

SETTLED = "settlement.daily"


@dataclass(frozen=True)
class Snapshot:
    """What an account or a strategy is worth at the end of a day; `net_investment` is the money it was given."""

    day: DailySnapshot
    position_count: int
    net_investment: int | None = None


class SettlementRepository:
    """The settlements of all accounts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def strategies(self, account: str) -> list[str]:
        """Return every strategy that ever held or executed anything on the account, booked or not."""

        def work(session: Session) -> list[str]:
            tables = (FillRow, ActivePortfolioRow)
            found = {
                name
                for table in tables
                for name in session.execute(select(table.strategy).distinct().where(table.account == account)).scalars()
            }
            return sorted(found)

        return await self._db.read(work)

    async def trades(
        self, account: str, strategy: str, *, until: datetime
    ) -> tuple[list[TradeLogRow], list[PositionCorrectionRow]]:
        """Return all booked trades and corrections before a moment, of one snapshot, oldest first."""
        trades = (
            select(TradeLogRow)
            .where(TradeLogRow.account == account, TradeLogRow.strategy == strategy)
            .where(TradeLogRow.trade_timestamp < until)
            .order_by(TradeLogRow.trade_timestamp, TradeLogRow.id)
        )
        row = PositionCorrectionRow
        corrections = (
            select(row).where(row.account == account, row.strategy == strategy, row.at < until).order_by(row.at, row.id)
        )
        return await self._db.read(
            lambda session: (
                list(session.execute(trades).scalars()),
                list(session.execute(corrections).scalars()),
            )
        )

    async def unresolved(self, account: str) -> int:
        """Count the orders of which nobody knows yet whether they exist."""
        uncertain = [state.value for state in IntentState if state.is_unresolved]
        query = select(OrderIntentRow.id).where(OrderIntentRow.account == account, OrderIntentRow.state.in_(uncertain))
        return await self._db.read(lambda session: len(session.execute(query).all()))

    async def settle(
        self, told: DailySettlementEvent, settlement: Settlement, snapshot: Snapshot | None, *, service: str
    ) -> bool:
        """Write a strategy's day; False, and nothing written, when it is settled already."""
        at = told.settled_at
        key = {"account": told.account, "strategy": told.strategy}
        row = key | {
            "trade_date": told.trade_date,
            "realized_pnl": told.realized_pnl,
            "unrealized_pnl": told.unrealized_pnl,
            "total_pnl": told.total_pnl,
            "positions_snapshot": [position.model_dump(mode="json") for position in settlement.positions],
            "created_at": at,
            "updated_at": at,
        }
        summary = key | {
            "summary_date": told.trade_date,
            "worker_id": service,
            **settlement.summary.model_dump(),
            "created_at": at,
            "updated_at": at,
        }

        def work(session: Session) -> bool:
            if not insert_new(session, DailySettlementRow, row):
                return False
            upsert(session, DailySummaryRow, [summary], keys=("account", "strategy", "summary_date"))
            if snapshot is not None:
                _save_snapshot(session, told.account, told.strategy, snapshot, at)
            add_event(session, _event(told, service))
            return True

        return await self._db.write(work)

    async def save_snapshot(self, account: str, strategy: str, snapshot: Snapshot, *, at: datetime) -> None:
        """Write a day's snapshot in place of an earlier one of the same day; strategy "" is the whole account."""
        await self._db.write(lambda session: _save_snapshot(session, account, strategy, snapshot, at))

    async def told(self, account: str, strategy: str, day: date) -> DailySettlementEvent | None:
        """Return the one event of a day's settlement."""
        query = select(EventRow.payload).where(EventRow.event_key == _key(account, strategy, day))
        payload = await self._db.read(lambda session: session.execute(query).scalar_one_or_none())
        return None if payload is None else DailySettlementEvent.model_validate(payload)

    async def find(self, account: str, strategy: str, day: date) -> DailySettlementRow | None:
        """Return a day's settlement."""
        return await self._db.read(lambda session: session.get(DailySettlementRow, (account, strategy, day)))


def _save_snapshot(session: Session, account: str, strategy: str, snapshot: Snapshot, at: datetime) -> None:
    row = {
        **snapshot.day.model_dump(),
        "account": account,
        "strategy": strategy,
        "net_investment": snapshot.net_investment,
        "position_count": snapshot.position_count,
        "updated_at": at,
    }
    upsert(session, DailyAssetSnapshotRow, [row], keys=("account", "strategy", "snapshot_date"))


def _event(told: DailySettlementEvent, service: str) -> Event:
    return Event(
        kind=SETTLED,
        message=(
            f"{told.trade_date} settled: realised {told.realized_pnl:+,}, unrealised {told.unrealized_pnl:+,}, "
            f"together {told.total_pnl:+,} KRW"
        ),
        service=service,
        at=told.settled_at,
        account=told.account,
        strategy=told.strategy,
        payload=told.model_dump(mode="json"),
        key=_key(told.account, told.strategy, told.trade_date),
    )


def _key(account: str, strategy: str, day: date) -> str:
    return f"settlement:{account}:{strategy}:{day}"
