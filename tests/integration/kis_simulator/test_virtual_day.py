"""Leading the clock: followers are waited for, a killed exchange or Redis does not end the day."""

from datetime import UTC, datetime
from pathlib import Path

from redis.asyncio import Redis

from prime_jennie.infra.clock import VirtualClock, read_session
from prime_jennie.infra.redis.connection import connect
from tests.support.eventually import eventually
from tests.support.exchange import DAY, running_exchange, start_exchange
from tests.support.redis_server import RedisServer


async def now_of(client: Redis) -> int:
    return int(await client.get("clock:now") or 0)


async def test_the_exchange_publishes_the_day_and_ends_it(mortal_redis: RedisServer) -> None:
    client = connect(mortal_redis.url)
    with running_exchange("--clock-url", mortal_redis.url, "--at", "15:20"):
        await eventually(lambda: _ended(client), within_secs=30, what="the day ends")
        session = await read_session(client)
        assert session is not None
        assert session.day.isoformat() == DAY
        # The day ends five minutes after the close.
        assert datetime.fromtimestamp(await now_of(client) / 1000, UTC) == datetime(2025, 3, 4, 6, 35, tzinfo=UTC)
    await client.aclose()


async def _ended(client: Redis) -> bool:
    session = await read_session(client)
    return session is not None and session.ended


async def test_the_exchange_waits_for_a_consumer_that_falls_behind(mortal_redis: RedisServer) -> None:
    client = connect(mortal_redis.url)
    follower = VirtualClock(mortal_redis.url)
    with running_exchange("--clock-url", mortal_redis.url, "--at", "09:30") as exchange:
        await follower.start()
        behind = follower.now()
        await follower.progress("slow-consumer", behind)
        await eventually(lambda: exchange.control("stats")["clock_steps"].get("lag"), what="the exchange waits")
        # How far the day had come when the report arrived depends on the machine; from then on it stands still.
        stood_at, waits = exchange.control("clock")["now"], exchange.control("stats")["clock_steps"]["lag"]
        await eventually(lambda: exchange.control("stats")["clock_steps"]["lag"] > waits + 5, what="it goes on waiting")
        assert exchange.control("clock")["now"] == stood_at
    await follower.close()
    await client.aclose()


async def test_a_killed_exchange_goes_on_at_or_after_the_time_it_published(
    mortal_redis: RedisServer, tmp_path: Path
) -> None:
    client = connect(mortal_redis.url)
    arguments = ("--clock-url", mortal_redis.url, "--journal", str(tmp_path / "j.jsonl"), "--rate", "60")
    first = start_exchange(*arguments)
    started = await now_of(client)
    await eventually(lambda: _passed(client, started + 20_000))
    first.kill()
    published = await now_of(client)
    with running_exchange(*arguments) as second:
        assert "resumed=yes" in second.ready_line
        assert datetime.fromisoformat(second.control("clock")["now"]).timestamp() * 1000 >= published - 1_000
        await eventually(lambda: _passed(client, published + 5_000), what="the day goes on")
    await client.aclose()


async def _passed(client: Redis, ms: int) -> bool:
    return await now_of(client) > ms


async def test_the_day_waits_for_a_redis_that_dies_and_goes_on(mortal_redis: RedisServer) -> None:
    with running_exchange("--clock-url", mortal_redis.url, "--rate", "60") as exchange:
        await eventually(lambda: exchange.control("stats")["clock_steps"].get("step", 0) > 20)
        mortal_redis.restart()
        client = connect(mortal_redis.url)
        again = await now_of(client)
        await eventually(lambda: _passed(client, again + 20_000), what="the day goes on")
        await client.aclose()


async def test_what_another_day_left_in_redis_does_not_move_this_one(mortal_redis: RedisServer) -> None:
    client = connect(mortal_redis.url)
    await client.set("clock:now", str(4_000_000_000_000))
    with running_exchange("--clock-url", mortal_redis.url, "--rate", "1"):
        await eventually(lambda: _before(client, 4_000_000_000_000), what="the day's own time")
    await client.aclose()


async def _before(client: Redis, ms: int) -> bool:
    return await now_of(client) < ms
