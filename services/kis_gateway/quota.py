"""How many buys a strategy may send in a day and in a minute; those under way are counted too."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from kis_gateway.risk import too_many
from kis_gateway.standing import Standings
from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.ports import Clock
from prime_jennie.domain.sessions import kst_midnight
from prime_jennie.infra.database.repositories.orders import OrderRepository

Pause = Callable[[str, str], Awaitable[None]]


class Place:
    """One buy's place among those allowed, until SQL counts it as sent."""

    def __init__(self, waiting: Counter[str], strategy: str) -> None:
        self._waiting = waiting
        self._strategy = strategy
        self._is_taken = True
        waiting[strategy] += 1

    def give_back(self) -> None:
        """Stop counting it here: SQL does from now on, or it will not be sent."""
        if self._is_taken:
            self._is_taken = False
            self._waiting[self._strategy] -= 1


class BuyQuota:
    """Look and take in one step: of fifty buys at once none sees a place that another is taking."""

    def __init__(
        self,
        orders: OrderRepository,
        standings: Standings,
        clock: Clock,
        *,
        account: str,
        most_a_day: int,
        pause: Pause,
    ) -> None:
        self._orders = orders
        self._standings = standings
        self._clock = clock
        self._account = account
        self._most_a_day = most_a_day
        self._pause = pause
        self._waiting: Counter[str] = Counter()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @asynccontextmanager
    async def place(self, strategy: str) -> AsyncIterator[Place | str]:
        """Take a place for the block, or say why there is none."""
        async with self._locks[strategy]:
            why = await self._is_full(strategy)
            place = Place(self._waiting, strategy) if why is None else None
        try:
            yield place or str(why)
        finally:
            if place is not None:
                place.give_back()

    async def _is_full(self, strategy: str) -> str | None:
        now, waiting = self._clock.now(), self._waiting[strategy]
        today = await self._orders.count_sent(self._account, strategy, kst_midnight(now), TradeType.BUY)
        if today + waiting >= self._most_a_day:
            return f"DAILY_LIMIT_EXCEEDED: {self._most_a_day} buys were sent today"
        config = await self._standings.config(strategy)
        if config is None:
            return None
        # Whoever asks for one more while the orders of the last minute, sales included, are at the limit runs wild.
        most = config.spec.risk.max_orders_per_minute
        lately = await self._orders.count_sent(self._account, strategy, now - timedelta(minutes=1))
        if lately + waiting >= most:
            why = too_many(lately + waiting, most)
            await self._pause(strategy, why)
            return f"TOO_MANY_ORDERS: {why}"
        return None
