"""The cache of a shared key; what every cache promises is in tests/contract."""

from datetime import date

import pytest
from redis.asyncio import Redis

from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.macro import TradingContext
from prime_jennie.infra.redis.cache import TypedCache
from tests.support.notes import Note


async def test_a_shared_key_brings_its_own_time_to_live(redis: Redis) -> None:
    await TypedCache.of(redis, RedisKeys.REGIME_CURRENT, TradingContext).set(
        TradingContext.safe_default(date(2025, 3, 4))
    )
    assert 3_500 < await redis.ttl("regime:current") <= 3_600


async def test_a_key_that_lives_for_ever_is_no_cache(redis: Redis) -> None:
    with pytest.raises(ValueError, match="stream:ticks"):
        TypedCache.of(redis, RedisKeys.TICKS, Note)
