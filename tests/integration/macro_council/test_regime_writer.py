"""regime:current and the throttle's state: whoever writes, the newest facts have the last word."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pytest
from redis.asyncio import Redis

from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.macro import RiskLevel, ThrottleState, TradingContext
from prime_jennie.domain.market import IndexDailyPrice, MarketRegime
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.configs import ConfigRepository
from prime_jennie.infra.database.repositories.insights import InsightRepository
from prime_jennie.infra.redis.connection import connect
from prime_jennie.infra.regime import RegimeReader
from prime_jennie.infra.regime_writer import RegimeWriter
from prime_jennie.infra.throttle_state import ThrottleStore
from prime_jennie.strategy.regime_context import judged
from tests.support.insights import DAY, OPEN, index_bars, insight
from tests.support.redis_server import RedisServer, free_port

RISING = index_bars([2_500 + 15.0 * day for day in range(30)])


async def rising(day: date) -> Sequence[IndexDailyPrice]:
    return [bar for bar in RISING if bar.price_date < day]


async def nothing(day: date) -> Sequence[IndexDailyPrice]:
    return []


def tight(level: RiskLevel, **changes: object) -> ThrottleState:
    state = ThrottleState(day=DAY, at=OPEN, level=level, raised_at=OPEN, recovery_start=OPEN)
    return state.model_copy(update=changes)


async def written(redis: Redis, at: datetime = OPEN) -> TradingContext | None:
    return await RegimeReader(redis).on_day_of(at)


async def test_the_index_speaks_until_the_council_has(redis: Redis, db: Database) -> None:
    writer = RegimeWriter(redis, db, rising, judged)
    first = await writer.publish(DAY)
    assert first is not None
    assert first.market_regime is MarketRegime.BULL
    assert (first.regime_source or "").startswith("index fallback 0001 (approximation)")
    await InsightRepository(db).put(insight(sentiment_score=30.0), run_id="council", raw={})
    await writer.publish(DAY)
    second = await written(redis)
    assert second is not None
    assert (second.market_regime, second.regime_source) == (MarketRegime.BEAR, "exaone: score 30.0")
    assert 3_500 < await redis.ttl("regime:current") <= 3_600


async def test_the_throttle_tempers_and_survives_an_emptied_redis(redis: Redis, db: Database) -> None:
    await ThrottleStore(redis, db).save(tight(RiskLevel.CRITICAL))
    assert await redis.get("intraday:risk:recovery_start") == OPEN.isoformat()
    await redis.flushall()
    assert await ThrottleStore(redis, db).load() == tight(RiskLevel.CRITICAL)
    await RegimeWriter(redis, db, rising, judged).publish(DAY)
    found = await written(redis)
    assert found is not None
    assert (found.buys_blocked, found.market_regime) == (True, MarketRegime.STRONG_BEAR)


async def test_redis_shows_a_copy_of_the_state(redis: Redis, db: Database) -> None:
    store = ThrottleStore(redis, db)
    await store.save(tight(RiskLevel.DANGER))
    assert ThrottleState.model_validate_json(await redis.get("intraday:risk:state")).level is RiskLevel.DANGER
    await store.save(tight(RiskLevel.CAUTION, recovery_start=None))
    assert await redis.get("intraday:risk:recovery_start") is None


async def test_the_state_is_kept_while_redis_is_away(db: Database) -> None:
    nowhere = connect(f"redis://127.0.0.1:{free_port()}/0")
    store = ThrottleStore(nowhere, db)
    await store.save(tight(RiskLevel.WARNING))
    assert await store.load() == tight(RiskLevel.WARNING)
    await nowhere.aclose()


async def test_a_state_that_cannot_be_read_may_be_tight(redis: Redis, db: Database) -> None:
    await ConfigRepository(db).put("intraday:risk:state", '{"level": "loose"}', who="somebody", at=OPEN)
    with pytest.raises(Unavailable, match="throttle state"):
        await RegimeWriter(redis, db, rising, judged).publish(DAY)
    assert await redis.get("regime:current") is None


async def test_a_fact_that_changes_while_writing_is_written_again(redis: Redis, db: Database) -> None:
    store = ThrottleStore(redis, db)

    async def slow_index(day: date) -> Sequence[IndexDailyPrice]:
        if await store.load() is None:  # the market falls just after this writer has looked
            await store.save(tight(RiskLevel.CRITICAL))
        return await rising(day)

    await RegimeWriter(redis, db, slow_index, judged).publish(DAY)
    found = await written(redis)
    assert found is not None
    assert found.buys_blocked


async def test_a_tight_throttle_without_any_reading_leaves_no_context(redis: Redis, db: Database) -> None:
    await RegimeWriter(redis, db, rising, judged).publish(DAY)
    blind = RegimeWriter(redis, db, nothing, judged)
    assert await blind.publish(DAY) is None
    assert await written(redis) is not None
    await ThrottleStore(redis, db).save(tight(RiskLevel.CAUTION))
    assert await blind.publish(DAY) is None
    assert await written(redis) is None


async def test_yesterdays_insight_says_nothing_today(redis: Redis, db: Database) -> None:
    await InsightRepository(db).put(insight(sentiment_score=90.0), run_id="council", raw={})
    found = await RegimeWriter(redis, db, rising, judged).publish(DAY + timedelta(days=1))
    assert found is not None
    assert (found.regime_source or "").startswith("index fallback")


async def test_an_unreachable_redis_is_an_outage(mortal_redis: RedisServer, db: Database) -> None:
    client = connect(mortal_redis.url)
    mortal_redis.kill()
    with pytest.raises(Unavailable):
        await RegimeWriter(client, db, rising, judged).publish(DAY)
    await client.aclose()
