"""Compare the account's shares at the broker with the books, and correct the books when a person asks for it."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from kis_gateway.fills import FillKeeper
from kis_gateway.ownership import Ownership
from prime_jennie.domain.errors import Conflict
from prime_jennie.domain.holdings import BrokerHolding, Correction, Owned
from prime_jennie.domain.model import Record, Timestamp
from prime_jennie.domain.ports import Broker, Clock
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.holdings import Amendment, Books, HoldingRepository
from prime_jennie.infra.database.repositories.stock_locks import StockLockRepository
from prime_jennie.strategy.position_sync import (
    Comparison,
    Way,
    compare,
    differing,
    drift_of,
    plan_corrections,
    rebuild,
)

log = structlog.get_logger(__name__)

SOLD_ELSEWHERE: Final = "shares left the account without an order of ours; the broker wins"
NOT_ITS_TRADES: Final = "active_portfolio was not what its booked trades say; the trades win"


@dataclass(frozen=True)
class Look:
    """One comparison; `differ` are positions whose row is not the sum of their trades."""

    comparisons: tuple[Comparison, ...]
    differ: tuple[Owned, ...]
    books: Books
    at: datetime

    @property
    def drift(self) -> dict[str, tuple[str, ...]]:
        """Return strategy → stocks that keep it from buying."""
        return drift_of(self.comparisons, self.differ)

    @property
    def unattributed(self) -> dict[str, int]:
        """Return what was bought elsewhere, by stock."""
        return {one.stock_code: one.unattributed for one in self.comparisons if one.unattributed}


class SyncLine(Record):
    """One stock of the account as both sides count it."""

    stock_code: str
    stock_name: str
    way: Way
    broker_quantity: int
    own_quantity: int
    unattributed: int
    missing: int
    strategies: tuple[str, ...]
    broker_price: float | None
    own_price: float | None
    busy: bool


class SyncCorrection(Record):
    """One position that is, or would be, corrected; `error` says why it was not."""

    strategy: str
    stock_code: str
    quantity_before: int
    quantity_after: int
    reason: str
    applied: bool = False
    error: str | None = None


class SyncReport(Record):
    """What position-sync found, and what it did unless it was dry."""

    at: Timestamp
    dry_run: bool
    who: str
    lines: tuple[SyncLine, ...]
    corrections: tuple[SyncCorrection, ...]


class PositionSync:
    """Looks with one call to the broker; a stock that changes meanwhile is not judged."""

    def __init__(
        self,
        *,
        account: str,
        broker: Broker,
        db: Database,
        fills: FillKeeper,
        ownership: Ownership,
        clock: Clock,
    ) -> None:
        self._account = account
        self._broker = broker
        self._holdings = HoldingRepository(db)
        self._locks = StockLockRepository(db, account)
        self._fills = fills
        self._ownership = ownership
        self._clock = clock

    async def look(self) -> Look:
        """Compare now."""
        before = await self._holdings.books(self._account)
        balance = await self._broker.balance()
        after = await self._holdings.books(self._account)
        held = [
            BrokerHolding(one.stock_code, one.stock_name, one.quantity, one.average_buy_price)
            for one in balance.positions
        ]
        moved = {
            code
            for (strategy, code) in before.executed.keys() | after.executed.keys()
            if before.executed.get((strategy, code)) != after.executed.get((strategy, code))
        }
        busy = before.busy | after.busy | moved
        return Look(
            comparisons=tuple(compare(held, after.executed, after.positions, busy)),
            differ=tuple(differing(after.booked, after.positions)),
            books=after,
            at=self._clock.now(),
        )

    async def sync(self, *, dry_run: bool, who: str) -> SyncReport:
        """Report every difference and, unless `dry_run`, correct the books of our own shares, one stock at a time."""
        await self._fills.level()
        look = await self.look()
        done = [await self._restored(look, owned, who, dry_run) for owned in look.differ]
        if any(one.applied for one in done):
            look = await self.look()  # what is missing is taken from the rows as they are now
        for comparison in look.comparisons:
            for correction in plan_corrections(comparison, look.books.positions):
                done.append(await self._corrected(correction, comparison.broker_quantity, who, dry_run))
        return SyncReport(
            at=look.at, dry_run=dry_run, who=who, lines=tuple(map(_line, look.comparisons)), corrections=tuple(done)
        )

    async def _restored(self, look: Look, owned: Owned, who: str, dry_run: bool) -> SyncCorrection:
        found = {(one.strategy, one.stock_code): one.quantity for one in look.books.positions}
        planned = SyncCorrection(
            strategy=owned[0],
            stock_code=owned[1],
            quantity_before=found.get(owned, 0),
            quantity_after=max(0, look.books.booked.get(owned, 0)),
            reason=NOT_ITS_TRADES,
        )
        if dry_run:
            return planned
        rebuilt = rebuild(await self._holdings.trades(self._account, owned))

        async def restore(amendment: Amendment) -> None:
            await self._holdings.restore(owned, rebuilt, planned.quantity_before, amendment)

        return await self._applied(planned, restore, who)

    async def _corrected(self, correction: Correction, at_broker: int, who: str, dry_run: bool) -> SyncCorrection:
        planned = SyncCorrection(
            strategy=correction.strategy,
            stock_code=correction.stock_code,
            quantity_before=correction.quantity_before,
            quantity_after=correction.quantity_after,
            reason=SOLD_ELSEWHERE,
        )
        if dry_run:
            return planned

        async def correct(amendment: Amendment) -> None:
            await self._holdings.correct(correction, at_broker, amendment)

        return await self._applied(planned, correct, who)

    async def _applied(
        self, planned: SyncCorrection, apply: Callable[[Amendment], Awaitable[None]], who: str
    ) -> SyncCorrection:
        """Correct one stock under its durable lock: two persons who ask at once correct nothing twice."""
        worker = f"position-sync:{uuid.uuid4().hex}"
        if not await self._locks.acquire(planned.stock_code, worker):
            return planned.model_copy(update={"error": "another position-sync works on this stock"})
        try:
            lease = self._ownership.held()
            await apply(Amendment(self._account, planned.reason, who, self._clock.now(), lease))
        except Conflict as conflict:
            return planned.model_copy(update={"error": str(conflict)})
        finally:
            await self._locks.release(planned.stock_code, worker)
        log.warning("position corrected", **planned.model_dump(exclude={"applied", "error"}), who=who)
        return planned.model_copy(update={"applied": True})


def _line(comparison: Comparison) -> SyncLine:
    return SyncLine(
        stock_code=comparison.stock_code,
        stock_name=comparison.stock_name,
        way=comparison.way,
        broker_quantity=comparison.broker_quantity,
        own_quantity=comparison.own_quantity,
        unattributed=comparison.unattributed,
        missing=comparison.missing,
        strategies=comparison.strategies,
        broker_price=comparison.broker_price,
        own_price=None if comparison.own_price is None else round(comparison.own_price, 4),
        busy=comparison.busy,
    )
