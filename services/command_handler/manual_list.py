"""The stocks that persons watch: kept in SQL, copied to `watchlist:manual`, which buy-scanner reads."""

import asyncio
import json
from datetime import datetime
from typing import Final

from redis.asyncio import Redis

from command_handler.stocks import Stock
from prime_jennie.domain.keys import RedisKeys
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.configs import ConfigRepository

CONFIG_KEY: Final = RedisKeys.WATCHLIST_MANUAL.value
RESTORE_EVERY_SECS: Final = 5.0  # real; an emptied Redis must not forget a person's list for long


class ManualList:
    """One list for all strategies; what somebody else put into the hash is listed, too, and left there."""

    def __init__(self, redis: Redis, db: Database) -> None:
        self._redis = redis
        self._configs = ConfigRepository(db)
        self._changing = asyncio.Lock()

    async def stocks(self) -> list[Stock]:
        """Return what is listed, by code."""
        listed = await self._copied() | await self._stored()
        return [Stock(code, name) for code, name in sorted(listed.items())]

    async def add(self, stock: Stock, *, who: str, at: datetime, most: int) -> bool:
        """List a stock; False when the list is full."""
        async with self._changing:
            listed = await self._stored()
            if stock.code not in listed and len(listed) >= most:
                return False
            await self._store(listed | {stock.code: stock.name}, who, at)
            await self._redis.hset(CONFIG_KEY, stock.code, stock.name)
        return True

    async def remove(self, stock: Stock, *, who: str, at: datetime) -> bool:
        """Take a stock off the list; False when it is not there."""
        async with self._changing:
            listed = await self._stored()
            was_stored = listed.pop(stock.code, None) is not None
            if was_stored:
                await self._store(listed, who, at)
            was_copied = bool(await self._redis.hdel(CONFIG_KEY, stock.code))
        return was_stored or was_copied

    async def keep(self) -> None:
        """Write back what Redis has lost, for ever; raises the outage that interrupts it."""
        while True:
            async with self._changing:
                copied = await self._copied()
                lost = {code: name for code, name in (await self._stored()).items() if code not in copied}
                for code, name in lost.items():
                    await self._redis.hset(CONFIG_KEY, code, name)
            await asyncio.sleep(RESTORE_EVERY_SECS)

    async def _stored(self) -> dict[str, str]:
        row = await self._configs.get(CONFIG_KEY)
        listed: dict[str, str] = {} if row is None else json.loads(row.config_value)
        return listed

    async def _copied(self) -> dict[str, str]:
        return {str(code): str(name) for code, name in (await self._redis.hgetall(CONFIG_KEY)).items()}

    async def _store(self, listed: dict[str, str], who: str, at: datetime) -> None:
        text = json.dumps(listed, ensure_ascii=False, sort_keys=True)
        await self._configs.put(CONFIG_KEY, text, who=who[:100], at=at, description="stocks watched by hand")
