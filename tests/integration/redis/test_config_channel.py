"""The operator's end of the live configuration's channel, on a real Redis."""

from datetime import UTC, datetime
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from prime_jennie.domain.trading_strategy import LiveConfig, StrategyConfig
from prime_jennie_operator.live_config import Announced, LiveConfigChannel
from tests.support.redis_server import RedisServer

BORN = datetime(2026, 2, 19, tzinfo=UTC)
KEY, ACK = "krx:config", "krx:config:ack"
FREE: tuple[str | None, dict[str, int]] = (None, {})  # nobody else has the name, and nobody follows yet


def announced(
    generation: int, *, namespace: str = "desk", created_at: datetime | None = BORN, **spec: Any
) -> Announced:
    live = LiveConfig(
        name="krx",
        namespace=namespace,
        created_at=created_at,
        generation=generation,
        spec=StrategyConfig.model_validate(spec),
    )
    return Announced("krx", generation, live.model_dump_json(by_alias=True, exclude_none=True))


@pytest.fixture
async def channel(redis: Redis, redis_server: RedisServer) -> Any:
    found = LiveConfigChannel(redis_server.url)
    yield found
    await found.close()


async def test_what_redis_says_already_is_not_said_again(redis: Redis, channel: LiveConfigChannel) -> None:
    async with redis.pubsub(ignore_subscribe_messages=True) as heard:
        await heard.subscribe(KEY)
        for one in (announced(1), announced(1), announced(2), announced(2, trading="Paused")):
            assert await channel.announce(one) == FREE
            assert await redis.get(KEY) == one.text
        messages = [await heard.get_message(timeout=0.3) for _ in range(6)]
    told = [message["data"] for message in messages if message is not None]
    assert told == [announced(1).text, announced(2).text, announced(2, trading="Paused").text]


async def test_a_name_that_another_namespace_uses_is_left_alone(redis: Redis, channel: LiveConfigChannel) -> None:
    await channel.announce(announced(7, namespace="other"))
    assert await channel.announce(announced(1)) == ("other", {})
    assert await redis.get(KEY) == announced(7, namespace="other").text
    assert not await channel.forget("krx", "desk")
    assert await channel.announced_of("desk") == set()
    assert await channel.announced_of("other") == {"krx"}


async def test_acknowledgements_of_a_deleted_strategy_mean_nothing_for_the_next(
    redis: Redis, channel: LiveConfigChannel
) -> None:
    await channel.announce(announced(7))
    await redis.hset(ACK, "buy-scanner", "7")
    assert await channel.announce(announced(8)) == (None, {"buy-scanner": 7})
    assert await channel.announce(announced(8)) == (None, {"buy-scanner": 7})
    assert await channel.acknowledged("krx") == {"buy-scanner": 7}
    again = announced(1, created_at=datetime(2026, 2, 20, tzinfo=UTC))
    assert await channel.announce(again) == FREE
    assert await channel.acknowledged("krx") == {}
    assert await redis.get(KEY) == again.text


@pytest.mark.parametrize("hostile", ["", "no json", "[]", '{"name": "krx"}'])
async def test_what_nobody_can_read_is_replaced(redis: Redis, channel: LiveConfigChannel, hostile: str) -> None:
    await redis.set(KEY, hostile)
    assert await channel.announce(announced(1)) == FREE
    assert await redis.get(KEY) == announced(1).text


async def test_acknowledgements_that_nobody_can_read_hold_up_no_halt(redis: Redis, channel: LiveConfigChannel) -> None:
    await redis.set(ACK, "no hash")
    halt = announced(2, trading="Stopped")
    assert await channel.announce(halt) == FREE
    assert await redis.get(KEY) == halt.text


async def test_a_strategy_that_is_no_more_leaves_halts_and_streams_alone(
    redis: Redis, channel: LiveConfigChannel
) -> None:
    await channel.announce(announced(1))
    await redis.hset(ACK, "buy-scanner", "1")
    await redis.set("krx:emergency:full_stop", "kim")
    await redis.xadd("krx:stream:buy-signals", {"payload": "{}"})
    assert await channel.forget("krx", "desk")
    assert sorted(await redis.keys("krx:*")) == ["krx:emergency:full_stop", "krx:stream:buy-signals"]
    assert await channel.forget("krx", "desk")


async def test_a_redis_that_is_gone_raises_and_the_same_channel_goes_on(mortal_redis: RedisServer) -> None:
    channel = LiveConfigChannel(mortal_redis.url)
    await channel.announce(announced(1))
    mortal_redis.kill()
    with pytest.raises((RedisError, OSError)):
        await channel.announce(announced(2))
    mortal_redis.start()
    assert await channel.announce(announced(2)) == FREE
    await channel.close()
