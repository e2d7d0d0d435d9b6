"""Settle orders that nobody follows any more: what was open when a message ended, or when a process died."""

from collections.abc import Collection
from datetime import timedelta
from typing import Final

import structlog

from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.ports import Clock
from prime_jennie.domain.sessions import KST
from prime_jennie.infra.database.repositories.orders import OrderRepository
from prime_jennie.infra.database.tables.trading import OrderRow
from prime_jennie.infra.execution.books import Books
from prime_jennie.infra.execution.following import Follower, Patience

log = structlog.get_logger(__name__)

SWEEP_SECS: Final = 30.0
STRAY_AFTER: Final = timedelta(seconds=60)
AT_ONCE: Final = Patience(0, 1.0)


class Strays:
    """Sweeps in clock time; only orders that this kind of service sent itself are touched."""

    def __init__(
        self,
        orders: OrderRepository,
        books: Books,
        follower: Follower,
        clock: Clock,
        *,
        account: str,
        strategy: str,
        side: TradeType,
        in_flight: Collection[str],
    ) -> None:
        self._orders = orders
        self._books = books
        self._follower = follower
        self._clock = clock
        self._account = account
        self._strategy = strategy
        self._side = side
        self._in_flight = in_flight

    async def sweep_for_ever(self) -> None:
        """Book what nobody booked and settle what nobody follows, every 30 clock seconds."""
        while True:
            await self.sweep()
            await self._clock.sleep(SWEEP_SECS)

    async def sweep(self) -> None:
        """Book and settle once."""
        await self._books.book_all()
        if self._side is TradeType.SELL and self._follower.in_auction:
            return
        for order in await self._orders.open_orders(self._account, self._strategy):
            key = order.idempotency_key
            if key not in self._in_flight and self._is_stray(order):
                log.warning("settling an order that nobody follows", key=key, stock_code=order.stock_code)
                state = await self._follower.settle(key, self._side, AT_ONCE)
                if state.terminal and state.filled_qty:
                    await self._books.notify(await self._books.trades_of(key, state.filled_qty))

    def _is_stray(self, order: OrderRow) -> bool:
        """Tell whether an executor of this side left the order behind today; yesterday's ended with its session."""
        now = self._clock.now()
        is_ours = order.side == self._side.value and order.idempotency_key.startswith(f"{self._side.value.lower()}:")
        is_old = now - self._follower.works_since(order.requested_at) > STRAY_AFTER
        return is_ours and is_old and order.order_date == now.astimezone(KST).date()
