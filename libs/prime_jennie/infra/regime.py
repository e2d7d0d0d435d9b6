"""Read what the market allows today."""

from datetime import datetime

from redis.asyncio import Redis

from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.macro import TradingContext
from prime_jennie.domain.sessions import KST
from prime_jennie.infra.redis.cache import TypedCache


class RegimeReader:
    """Reads `regime:current`; yesterday's context is none at all, however long its key lives."""

    def __init__(self, redis: Redis) -> None:
        self._contexts = TypedCache.of(redis, RedisKeys.REGIME_CURRENT, TradingContext)

    async def on_day_of(self, at: datetime) -> TradingContext | None:
        """Return the context of a moment's KST day; an unreachable Redis raises."""
        context = await self._contexts.get()
        return context if context is not None and context.date == at.astimezone(KST).date() else None
