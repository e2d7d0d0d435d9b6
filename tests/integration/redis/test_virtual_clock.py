"""One leader, many followers: the day waits for the slow, never for the dead."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from prime_jennie.infra.clock import (
    CONSUMED_ALL,
    ClockLeader,
    ClockSession,
    RealClock,
    Step,
    VirtualClock,
    open_clock,
    read_session,
)
from prime_jennie.infra.clock import follower as follower_module
from prime_jennie.infra.clock.protocol import HOLDS_KEY, NOW_KEY, to_ms
from prime_jennie.infra.redis.connection import connect
from prime_jennie.infra.tasks import end_task
from tests.support.eventually import eventually
from tests.support.redis_server import RedisServer

OPEN = datetime(2025, 3, 4, 0, 0, tzinfo=UTC)
SESSION = ClockSession(day=date(2025, 3, 4), opens_at=OPEN, closes_at=OPEN + timedelta(hours=6.5), start_at=OPEN)
SECOND = timedelta(seconds=1)


async def nothing(now: datetime) -> None:
    """Do nothing at a step."""


async def leader_on(redis: Redis, session: ClockSession = SESSION, **options: Any) -> ClockLeader:
    leader = ClockLeader(redis, session, **options)
    await leader.start()
    return leader


@asynccontextmanager
async def following(url: str) -> AsyncIterator[VirtualClock]:
    clock = VirtualClock(url)
    await clock.start()
    try:
        yield clock
    finally:
        await clock.close()


async def steps_until_lag(leader: ClockLeader, most: int = 200) -> int:
    """Step until the leader waits; return how many virtual seconds it went."""
    begin = leader.now()
    for _ in range(most):
        if (await leader.step()).what is Step.LAG:
            break
    return round((leader.now() - begin).total_seconds())


async def test_a_follower_that_starts_first_waits_for_the_leader(redis: Redis, redis_server: RedisServer) -> None:
    clock = VirtualClock(redis_server.url)
    starting = asyncio.create_task(clock.start())
    await eventually(lambda: clock.connected)
    assert not starting.done()
    with pytest.raises(RuntimeError, match="not started"):
        clock.now()
    await leader_on(redis)
    await asyncio.wait_for(starting, 5)
    assert clock.now() == OPEN
    await clock.close()


async def test_a_follower_starts_before_redis_does(mortal_redis: RedisServer) -> None:
    mortal_redis.kill()
    clock = VirtualClock(mortal_redis.url)
    starting = asyncio.create_task(clock.start())
    await asyncio.sleep(0.1)
    assert not starting.done()
    await asyncio.to_thread(mortal_redis.start)
    client = connect(mortal_redis.url)
    await leader_on(client)
    await asyncio.wait_for(starting, 5)
    await clock.close()
    await client.aclose()


async def test_a_free_day_moves_a_second_a_step_and_followers_hear_each(
    redis: Redis, redis_server: RedisServer
) -> None:
    leader = await leader_on(redis)
    async with following(redis_server.url) as clock:
        for seconds in (1, 2, 3):
            assert (await leader.step()).what is Step.STEP
            await eventually(lambda seconds=seconds: clock.now() == OPEN + seconds * SECOND)


async def test_a_hold_slows_the_day_to_real_time_and_does_not_stop_it(redis: Redis, redis_server: RedisServer) -> None:
    leader = await leader_on(redis)
    async with following(redis_server.url) as clock, clock.hold("order"):
        begin, began_at = leader.now(), time.monotonic()
        running = asyncio.create_task(leader.run(nothing, OPEN + timedelta(hours=1)))
        await eventually(lambda: leader.now() - begin >= timedelta(seconds=0.5))
        real_secs = time.monotonic() - began_at
        assert (leader.now() - begin).total_seconds() <= real_secs + 0.05
        await end_task(running)


async def test_the_day_is_free_again_after_the_hold(redis: Redis, redis_server: RedisServer) -> None:
    leader = await leader_on(redis)
    async with following(redis_server.url) as clock:
        async with clock.hold("order"), clock.hold("order"):
            assert (await leader.step()).what is Step.HELD
            assert await redis.zcard(HOLDS_KEY) == 2
        assert (await leader.step()).what is Step.STEP


async def test_a_hold_taken_before_the_leader_starts_counts(redis: Redis, redis_server: RedisServer) -> None:
    starter = VirtualClock(redis_server.url)  # as the runner does, which starts the leader and cannot wait for it
    async with starter.hold("startup"):
        leader = await leader_on(redis)
        assert (await leader.step()).what is Step.HELD
    assert (await leader.step()).what is Step.STEP
    await starter.close()


async def test_the_hold_of_a_killed_process_expires_in_real_time(redis: Redis, redis_server: RedisServer) -> None:
    leader = await leader_on(redis)
    async with following(redis_server.url) as clock:
        secs, _ = await redis.time()
        await redis.zadd(HOLDS_KEY, {"order:killed": secs * 1000 + 1300})
        assert (await leader.step()).what is Step.HELD
        begin = clock.now()
        await asyncio.wait_for(leader.run(nothing, OPEN + timedelta(minutes=10)), 5)
        assert leader.now() - begin > timedelta(minutes=9)


async def test_a_hold_outlives_its_expiry_while_its_block_runs(redis: Redis, redis_server: RedisServer) -> None:
    leader = await leader_on(redis)
    async with following(redis_server.url) as clock, clock.hold("slow-order", real_secs=0.2):
        until = time.monotonic() + 0.7
        while time.monotonic() < until:
            assert (await leader.step()).what is Step.HELD
            await asyncio.sleep(0.01)


async def test_the_leader_waits_for_a_consumer_that_is_thirty_seconds_behind(
    redis: Redis, redis_server: RedisServer
) -> None:
    leader = await leader_on(redis)
    async with following(redis_server.url) as clock:
        await clock.progress("scanner", OPEN)
        assert await steps_until_lag(leader) == 31  # more than 30 s behind: 31 steps go, the 32nd waits
        await clock.progress("scanner", OPEN + 20 * SECOND)
        assert await steps_until_lag(leader) == 20


async def test_the_slowest_consumer_sets_the_pace(redis: Redis, redis_server: RedisServer) -> None:
    leader = await leader_on(redis)
    async with following(redis_server.url) as clock:
        await clock.progress("fast", OPEN + 60 * SECOND)
        await clock.progress("slow", OPEN)
        assert await steps_until_lag(leader) == 31


async def test_the_leader_gives_a_dead_consumer_up(redis: Redis, redis_server: RedisServer) -> None:
    leader = await leader_on(redis, dead_after_secs=2.0)
    async with following(redis_server.url) as clock:
        await clock.progress("killed", OPEN)
        assert await steps_until_lag(leader) == 31
        await asyncio.wait_for(leader.run(nothing, OPEN + timedelta(minutes=10)), 5)
    assert leader.waited_secs[Step.LAG] > 0.2


async def test_a_consumer_that_leaves_is_not_waited_for(redis: Redis, redis_server: RedisServer) -> None:
    leader = await leader_on(redis)
    async with following(redis_server.url) as clock:
        await clock.progress("leaver", OPEN)
        await clock.progress("leaver", CONSUMED_ALL)
        assert await steps_until_lag(leader, most=100) == 100


async def test_a_holder_that_a_lagging_consumer_waits_for_gets_real_time(
    redis: Redis, redis_server: RedisServer
) -> None:
    # The consumer awaits a call whose callee sleeps on the clock: stopping here would be a deadlock.
    leader = await leader_on(redis)
    async with following(redis_server.url) as clock:
        await clock.progress("caller", OPEN)
        await steps_until_lag(leader)
        async with clock.hold("callee"):
            running = asyncio.create_task(leader.run(nothing, OPEN + timedelta(hours=1)))
            await asyncio.wait_for(clock.sleep(0.1), 3)
            await end_task(running)


async def test_a_killed_sleeper_never_stops_the_day(redis: Redis, redis_server: RedisServer) -> None:
    leader = await leader_on(redis)
    async with following(redis_server.url) as clock:
        sleeper = asyncio.create_task(clock.sleep(60))
        await asyncio.sleep(0)
        sleeper.cancel()
    await asyncio.wait_for(leader.run(nothing, OPEN + timedelta(minutes=10)), 5)


async def test_most_progress_reports_stay_local(redis: Redis, redis_server: RedisServer) -> None:
    await leader_on(redis)
    async with following(redis_server.url) as clock:
        await redis.config_resetstat()
        for second in range(300):
            await clock.progress("scanner", OPEN + second * SECOND)
        reports = (await redis.info("commandstats"))["cmdstat_eval"]["calls"]
    assert reports == 100  # one in three virtual seconds: a tenth of the lag that the leader allows
    assert (await redis.hget("clock:positions", "scanner")).startswith(str(to_ms(OPEN + 297 * SECOND)))


async def test_the_rate_caps_the_day(redis: Redis) -> None:
    leader = await leader_on(redis, SESSION.model_copy(update={"rate": 50.0}))
    began_at = time.monotonic()
    await leader.run(nothing, OPEN + 20 * SECOND)
    assert 0.35 <= time.monotonic() - began_at <= 2.0  # 20 s at 50 times real time are 0.4 s


async def test_a_restarted_leader_resumes_where_it_had_published(redis: Redis) -> None:
    first = await leader_on(redis)
    await first.run(nothing, OPEN + 90 * SECOND)
    second = ClockLeader(redis, SESSION)
    assert await second.start(resume_at=OPEN + 60 * SECOND) == OPEN + 90 * SECOND


async def test_a_leader_whose_redis_forgot_resumes_from_its_journal(redis: Redis) -> None:
    assert await ClockLeader(redis, SESSION).start(resume_at=OPEN + 60 * SECOND) == OPEN + 60 * SECOND


async def test_a_new_day_does_not_resume_from_another_or_an_ended_one(redis: Redis) -> None:
    later = SESSION.model_copy(update={"day": date(2025, 3, 5), "start_at": OPEN + timedelta(days=1)})
    await leader_on(redis, later)
    leader = await leader_on(redis)
    assert leader.now() == OPEN
    await leader.run(nothing, OPEN + 5 * SECOND)
    await leader.end()
    assert (await leader_on(redis)).now() == OPEN


async def test_the_record_of_the_day_is_there_to_read(redis: Redis) -> None:
    assert await read_session(redis) is None
    leader = await leader_on(redis)
    assert await read_session(redis) == SESSION
    await leader.end()
    ended = await read_session(redis)
    assert ended is not None
    assert ended.ended


async def test_leader_and_follower_recover_from_a_redis_that_is_killed_and_restarted(
    mortal_redis: RedisServer,
) -> None:
    client = connect(mortal_redis.url)
    leader = await leader_on(client)
    heard: list[datetime] = []

    async def note(now: datetime) -> None:
        heard.append(now)
        await asyncio.sleep(0.001)

    async with following(mortal_redis.url) as clock:
        running = asyncio.create_task(leader.run(note, OPEN + timedelta(hours=6)))
        await eventually(lambda: clock.now() >= OPEN + 20 * SECOND)
        mortal_redis.kill()
        await eventually(lambda: not leader.connected)
        stopped_at = leader.now()
        await asyncio.sleep(0.1)
        assert leader.now() == stopped_at  # a leader without Redis waits
        await clock.progress("scanner", clock.now())  # and nobody fails for it
        async with clock.hold("order"):
            pass
        await asyncio.to_thread(mortal_redis.start)
        await eventually(lambda: clock.now() > stopped_at + 20 * SECOND)
        await end_task(running)
    assert heard == sorted(set(heard))
    await client.aclose()


async def test_time_never_runs_backwards_for_a_follower(
    redis: Redis, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower_module, "POLL_SECS", 0.05)
    leader = await leader_on(redis)
    await leader.run(nothing, OPEN + 10 * SECOND)
    async with following(redis_server.url) as clock:

        async def reads() -> int:
            return int((await redis.info("commandstats"))["cmdstat_get"]["calls"])

        async def has_read_twice() -> bool:
            return await reads() >= before + 2  # the second read comes after the first one's answer was taken in

        await redis.publish("clock", to_ms(OPEN + 5 * SECOND))
        await redis.publish("clock", "not a time")
        await redis.set(NOW_KEY, to_ms(OPEN))  # a Redis that lost its last seconds
        before = await reads()
        await eventually(has_read_twice)
        assert clock.now() == OPEN + 10 * SECOND
        await leader.step()
        await eventually(lambda: clock.now() == OPEN + 11 * SECOND)


async def test_a_lost_announcement_is_made_up_for_from_the_key(redis: Redis, redis_server: RedisServer) -> None:
    await leader_on(redis)
    async with following(redis_server.url) as clock:
        await redis.set(NOW_KEY, to_ms(OPEN + 7 * SECOND))
        await eventually(lambda: clock.now() == OPEN + 7 * SECOND, within_secs=5)


async def test_the_clock_is_chosen_by_its_url(redis: Redis, redis_server: RedisServer) -> None:
    await leader_on(redis)
    async with open_clock(None) as real, open_clock(redis_server.url) as follower:
        assert isinstance(real, RealClock)
        assert isinstance(follower, VirtualClock)
