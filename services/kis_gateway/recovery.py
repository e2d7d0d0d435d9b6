"""Start-up and recovery are one path: level orders and fills with the broker, then compare positions.

Nothing here sends or repeats an order. Levelling must succeed before orders are accepted at all; a comparison that
fails, or finds drift, holds back buys alone.
"""

from datetime import datetime

import structlog

from kis_gateway.fills import FillKeeper
from kis_gateway.market_day import MarketDay
from kis_gateway.ownership import Ownership
from kis_gateway.position_sync import Look, PositionSync
from kis_gateway.resolver import Resolver
from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.lifecycle import RecoveryCause, RecoveryReport, RecoveryStatus
from prime_jennie.domain.ports import Broker, Clock
from prime_jennie.infra.database.repositories.market_states import MarketStateRepository
from prime_jennie.infra.database.repositories.orders import OrderRepository
from prime_jennie.infra.outages import UNANSWERED
from prime_jennie.strategy.position_sync import Way

log = structlog.get_logger(__name__)


class NotLevelled(Unavailable):
    """The broker or the database did not answer while orders and fills were levelled."""


class Recovery:
    """Compares once per call; every run is a row of recovery_logs, a failure that goes on is one row."""

    def __init__(
        self,
        *,
        account: str,
        broker: Broker,
        orders: OrderRepository,
        fills: FillKeeper,
        resolver: Resolver,
        positions: PositionSync,
        states: MarketStateRepository,
        ownership: Ownership,
        market: MarketDay,
        clock: Clock,
    ) -> None:
        self._account = account
        self._broker = broker
        self._orders = orders
        self._fills = fills
        self._resolver = resolver
        self._positions = positions
        self._states = states
        self._ownership = ownership
        self._market = market
        self._clock = clock
        self._unfinished: tuple[int, datetime, int] | None = None
        self.look: Look | None = None
        """The newest comparison."""
        self.has_levelled = False
        """Whether orders and fills were once level with the broker in the life of this process."""

    async def run(self, cause: RecoveryCause) -> RecoveryReport:
        """Level and compare; raises NotLevelled when orders and fills could not be levelled."""
        number, started_at, attempt = await self._begin(cause)
        try:
            synced, unresolved = await self._level()
        except UNANSWERED as error:
            failed = self._failed(cause, started_at, f"not levelled: {type(error).__name__}: {error}", attempt)
            self._unfinished = (number, started_at, attempt + 1)
            await self._end(number, failed)
            raise NotLevelled(str(failed.details["error"])) from error
        self.has_levelled = True
        try:
            self.look = await self._positions.look()
        except UNANSWERED as error:
            report = self._failed(cause, started_at, f"not compared: {type(error).__name__}: {error}", attempt)
            self._unfinished = (number, started_at, attempt + 1)
        else:
            report = self._found(cause, started_at, self.look, synced, unresolved)
            self._unfinished = None
        await self._end(number, report)
        log.info("recovery", cause=cause.value, status=report.status.value, **report.details)
        return report

    async def _begin(self, cause: RecoveryCause) -> tuple[int, datetime, int]:
        if self._unfinished is not None:
            return self._unfinished
        now = self._clock.now()
        return await self._states.begin_recovery(cause.value, lease=self._ownership.held(), at=now), now, 1

    async def _end(self, number: int, report: RecoveryReport) -> None:
        lease = self._ownership.held()
        await self._states.end_recovery(number, report, trade_date=self._market.today, lease=lease)

    async def _level(self) -> tuple[int, int]:
        """Bring SENT and PARTIAL orders up to the broker's list; return how many changed, and how many stay unknown."""
        await self._broker.ensure_token()
        before = {order.id: (order.status, order.filled_qty) for order in await self._orders.open_orders(self._account)}
        uncertain = len(await self._orders.unresolved(self._account))
        unresolved = await self._resolver.resolve()
        await self._fills.level()
        changed = 0
        for order_id, known in before.items():
            order = await self._orders.order(order_id)
            changed += order is not None and (order.status, order.filled_qty) != known
        return changed + max(0, uncertain - unresolved), unresolved

    def _failed(self, cause: RecoveryCause, started_at: datetime, why: str, attempt: int) -> RecoveryReport:
        return RecoveryReport(
            cause=cause,
            started_at=started_at,
            finished_at=self._clock.now(),
            status=RecoveryStatus.FAILED,
            orders_synced=0,
            positions_recalculated=0,
            mismatches_found=0,
            details={"error": why[:500], "attempts": attempt},
        )

    def _found(
        self, cause: RecoveryCause, started_at: datetime, look: Look, synced: int, unresolved: int
    ) -> RecoveryReport:
        missing = {one.stock_code: one.missing for one in look.comparisons if one.missing}
        mismatches = len(missing) + len(look.differ)
        return RecoveryReport(
            cause=cause,
            started_at=started_at,
            finished_at=self._clock.now(),
            status=RecoveryStatus.PARTIAL if mismatches or unresolved else RecoveryStatus.SUCCESS,
            orders_synced=synced,
            positions_recalculated=len(look.books.booked),
            mismatches_found=mismatches,
            details={
                "missing_at_broker": dict(missing),
                "not_their_trades": [f"{strategy}: {code}" for strategy, code in look.differ],
                "unattributed": dict(look.unattributed),
                "price_differs": [one.stock_code for one in look.comparisons if one.way is Way.PRICE_DIFFERS],
                "busy": sorted(one.stock_code for one in look.comparisons if one.busy),
                "unresolved_orders": unresolved,
            },
        )
