"""Who hears of services that follow an announcement later, and what that costs, on a real Redis."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from prime_jennie_operator.live_config import LiveConfigChannel
from prime_jennie_operator.strategy import platform
from prime_jennie_operator.strategy.platform import ConfigDesk
from tests.support.redis_server import RedisServer


@pytest.fixture
async def desk(redis: Redis, redis_server: RedisServer) -> AsyncIterator[ConfigDesk]:
    found = ConfigDesk(LiveConfigChannel(redis_server.url))
    yield found
    await found.channel.close()


async def test_whose_services_follow_something_else_by_now_is_named_once(redis: Redis, desk: ConfigDesk) -> None:
    desk.expect("a", {})
    desk.expect("b", {"buy-scanner": 1})
    await redis.hset("b:config:ack", "buy-scanner", "1")
    assert await desk.news() == []
    await redis.hset("a:config:ack", "buy-scanner", "1")
    assert await desk.news() == ["a"]
    assert await desk.news() == []
    await redis.hset("b:config:ack", "buy-scanner", "2")
    assert await desk.news() == ["b"]


async def test_who_is_expected_no_more_is_not_named(redis: Redis, desk: ConfigDesk) -> None:
    desk.expect("a", {})
    desk.expect_no_more("a")
    desk.expect_no_more("never-expected")
    await redis.hset("a:config:ack", "buy-scanner", "1")
    assert await desk.news() == []


async def test_an_answer_that_is_no_generation_says_nothing_and_harms_no_other(redis: Redis, desk: ConfigDesk) -> None:
    desk.expect("a", {})
    desk.expect("b", {})
    await redis.hset("a:config:ack", "buy-scanner", "soon")
    await redis.hset("b:config:ack", "buy-scanner", "1")
    assert await desk.news() == ["b"]


async def test_a_redis_that_is_away_is_left_alone_for_a_while(mortal_redis: RedisServer) -> None:
    desk = ConfigDesk(LiveConfigChannel(mortal_redis.url))
    desk.expect("a", {})
    mortal_redis.kill()
    assert await desk.news() == []
    mortal_redis.start()
    assert await desk.news() == []
    await desk.channel.close()


async def test_of_very_many_some_are_asked_for_at_a_time_and_all_by_turns(
    redis: Redis, desk: ConfigDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "ASKED_AT_ONCE", 2)
    for name in "abcde":
        desk.expect(name, {})
        await redis.hset(f"{name}:config:ack", "buy-scanner", "1")
    found = [await desk.news() for _ in range(4)]
    assert found == [["a", "b"], ["c", "d"], ["e"], []]
    for name in "abcde":
        desk.expect(name, {"buy-scanner": 1})
    await redis.hset("e:config:ack", "buy-scanner", "2")
    assert [await desk.news() for _ in range(3)] == [[], [], ["e"]]
