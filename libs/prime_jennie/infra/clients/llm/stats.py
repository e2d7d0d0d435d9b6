"""Count what models are asked, per service and KST day; best effort: a lost count never costs an answer."""

from collections.abc import Iterable
from datetime import date

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from prime_jennie.domain.keys import Keyspace, RedisKeys
from prime_jennie.domain.language import Usage
from prime_jennie.domain.ports import Clock
from prime_jennie.domain.sessions import KST
from prime_jennie.infra.redis.connection import reachable

log = structlog.get_logger(__name__)


class UsageCounter:
    """Adds to `llm:stats:{date}:{service}`."""

    def __init__(self, redis: Redis, clock: Clock) -> None:
        self._redis = redis
        self._clock = clock

    async def add(self, service: str, usage: Usage) -> None:
        """Add calls and tokens to the day's hash and let it live for its 90 days."""
        day = self._clock.now().astimezone(KST).date()
        key = Keyspace().of(RedisKeys.LLM_STATS, date=day.isoformat(), service=service)
        try:
            async with self._redis.pipeline(transaction=True) as pipe:
                for field, amount in usage.model_dump().items():
                    pipe.hincrby(key, field, amount)
                pipe.expire(key, RedisKeys.LLM_STATS.ttl_secs or 0)
                await pipe.execute()
        except (RedisError, OSError) as error:
            log.warning("model usage not counted", service=service, error=type(error).__name__)


class UsageReader:
    """Reads what was counted."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def of_day(self, day: date, services: Iterable[str]) -> dict[str, Usage]:
        """Return a KST day's usage of each service that asked anything. An unreachable Redis raises Unavailable."""
        found = {}
        for service in services:
            key = Keyspace().of(RedisKeys.LLM_STATS, date=day.isoformat(), service=service)
            with reachable():
                counts = await self._redis.hgetall(key)
            if counts:
                found[service] = Usage.model_validate({str(name): count for name, count in counts.items()})
        return found
