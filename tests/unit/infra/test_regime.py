"""What the market allowed yesterday allows nothing today."""

from datetime import UTC, date, datetime

from redis.asyncio import Redis

from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.macro import TradingContext
from prime_jennie.infra.regime import RegimeReader


async def test_only_the_context_of_the_moments_day_in_korea_counts(redis: Redis) -> None:
    reader = RegimeReader(redis)
    assert await reader.on_day_of(datetime(2025, 3, 4, 1, tzinfo=UTC)) is None
    context = TradingContext.safe_default(date(2025, 3, 4))
    await redis.set(RedisKeys.REGIME_CURRENT.value, context.model_dump_json())
    assert await reader.on_day_of(datetime(2025, 3, 4, 1, tzinfo=UTC)) == context
    # 15:30 UTC is 00:30 of the next day in Korea.
    assert await reader.on_day_of(datetime(2025, 3, 4, 15, 30, tzinfo=UTC)) is None
