"""What a person listed and armed for forced liquidation: in Redis, remembered in SQL.

A person's order must not vanish with an emptied Redis, nor come back after it was taken back. A mark that is written
beside the list tells the two apart: without it Redis has lost everything and the remembered list comes back, with it a
missing list was cleared by a person.
"""

import json
from dataclasses import dataclass

import structlog
from redis.asyncio import Redis
from redis.exceptions import WatchError

from prime_jennie.domain.keys import Keyspace, RedisKeys
from prime_jennie.domain.ports import Clock
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.configs import ConfigRepository

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class LiquidationOrders:
    """What a person wants sold; `armed` is who said so, "" while nobody has."""

    stocks: frozenset[str] = frozenset()
    armed: str = ""

    def joined(self, other: "LiquidationOrders") -> "LiquidationOrders":
        """Return both lists together."""
        return LiquidationOrders(self.stocks | other.stocks, self.armed or other.armed)


class LiquidationBook:
    """One strategy's list; persons write to `stocks_key` and `armed_key`, which are Redis' own."""

    def __init__(self, redis: Redis, db: Database, keyspace: Keyspace, clock: Clock) -> None:
        self._redis = redis
        self._configs = ConfigRepository(db)
        self._clock = clock
        self.stocks_key = keyspace.of(RedisKeys.LIQUIDATION_STOCKS)
        self.armed_key = keyspace.of(RedisKeys.LIQUIDATION_ARMED)
        self._mark_key = keyspace.of(RedisKeys.LIQUIDATION_KEPT)
        self._memory_key = keyspace.own(RedisKeys.LIQUIDATION_KEPT)

    async def read(self) -> LiquidationOrders:
        """Return what Redis says, after bringing back what it has lost."""
        said = await self._said()  # before the mark: an emptying in between shows
        return said if await self._redis.exists(self._mark_key) else await self._restored(said)

    async def remembered(self) -> LiquidationOrders:
        """Return what SQL remembers."""
        row = await self._configs.get(self._memory_key)
        if row is None:
            return LiquidationOrders()
        kept = json.loads(row.config_value)
        return LiquidationOrders(frozenset(kept["stocks"]), kept["armed"])

    async def remember(self, orders: LiquidationOrders, *, who: str) -> None:
        """Write the copy that an emptied Redis is restored from."""
        text = json.dumps({"stocks": sorted(orders.stocks), "armed": orders.armed}, ensure_ascii=False)
        await self._configs.put(
            self._memory_key,
            text,
            who=who,
            at=self._clock.now(),
            description="copy of the forced liquidation in redis",
        )

    async def _said(self) -> LiquidationOrders:
        stocks = await self._redis.smembers(self.stocks_key)
        armed = await self._redis.get(self.armed_key)
        return LiquidationOrders(frozenset(str(code) for code in stocks), str(armed or ""))

    async def _restored(self, said: LiquidationOrders) -> LiquidationOrders:
        both = said.joined(await self.remembered())
        async with self._redis.pipeline(transaction=True) as together:
            await together.watch(self._mark_key)
            if await together.exists(self._mark_key):  # another process was quicker; a person may have spoken since
                return await self._said()
            together.multi()  # type: ignore[no-untyped-call]
            if both.stocks:
                together.sadd(self.stocks_key, *sorted(both.stocks))
            if both.armed:
                together.set(self.armed_key, both.armed)
            together.set(self._mark_key, self._clock.now().isoformat())
            try:
                await together.execute()
            except WatchError:
                return await self._said()
        if both != said:
            log.warning("forced liquidation restored", stocks=sorted(both.stocks), armed=both.armed)
        return both
