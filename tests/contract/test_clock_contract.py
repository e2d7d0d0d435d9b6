"""What every clock keeps: the manual one, the follower of a leader, the leader itself and the real one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from redis.asyncio import Redis

from prime_jennie.domain.ports import Clock
from prime_jennie.infra.clock import ClockLeader, ClockSession, RealClock, VirtualClock
from prime_jennie.infra.fakes.clock import ManualClock
from tests.support.eventually import eventually
from tests.support.redis_server import RedisServer

OPEN = datetime(2025, 3, 4, 0, 0, tzinfo=UTC)
SESSION = ClockSession(day=date(2025, 3, 4), opens_at=OPEN, closes_at=OPEN + timedelta(hours=6.5), start_at=OPEN)


@dataclass
class Driven:
    """A clock and the way to let its time pass; `unit_secs` is a stretch that costs a test little."""

    clock: Clock
    pass_time: Callable[[float], Awaitable[None]]
    unit_secs: float


@pytest.fixture(params=["manual", "follower", "leader", "real"])
async def driven(request: pytest.FixtureRequest, redis: Redis, redis_server: RedisServer) -> AsyncIterator[Driven]:
    if request.param == "real":
        yield Driven(RealClock(), asyncio.sleep, 0.02)
        return
    if request.param == "manual":
        manual = ManualClock(OPEN)

        async def advance(secs: float) -> None:
            manual.advance(secs)

        yield Driven(manual, advance, 60)
        return
    leader = ClockLeader(redis, SESSION)
    await leader.start()
    follower = VirtualClock(redis_server.url)
    await follower.start()

    async def lead(secs: float) -> None:
        until = leader.now() + timedelta(seconds=secs)
        while leader.now() < until:
            await leader.step()
        await eventually(lambda: follower.now() >= until)

    yield Driven(leader if request.param == "leader" else follower, lead, 60)
    await follower.close()


async def test_now_is_aware_and_in_utc(driven: Driven) -> None:
    assert driven.clock.now().utcoffset() == timedelta(0)


async def test_a_sleeper_wakes_when_its_time_has_come_and_not_before(driven: Driven) -> None:
    wake_at = driven.clock.now() + timedelta(seconds=3 * driven.unit_secs)
    sleeper = asyncio.create_task(driven.clock.sleep(3 * driven.unit_secs))
    await asyncio.sleep(0)
    await driven.pass_time(driven.unit_secs)
    await asyncio.sleep(0)
    assert not sleeper.done()
    await driven.pass_time(2 * driven.unit_secs)
    await asyncio.wait_for(sleeper, 5)
    assert driven.clock.now() >= wake_at


async def test_sleepers_wake_in_the_order_of_their_times(driven: Driven) -> None:
    woken: list[int] = []

    async def sleep(units: int) -> None:
        await driven.clock.sleep_until(begin + timedelta(seconds=units * driven.unit_secs))
        woken.append(units)

    begin = driven.clock.now()
    tasks = [asyncio.create_task(sleep(units)) for units in (3, 1, 2)]
    await asyncio.sleep(0)
    await driven.pass_time(4 * driven.unit_secs)
    await asyncio.wait(tasks, timeout=5)
    assert woken == [1, 2, 3]


async def test_sleeping_until_a_time_that_has_passed_returns_at_once(driven: Driven) -> None:
    await asyncio.wait_for(driven.clock.sleep_until(driven.clock.now() - timedelta(hours=1)), 1)
    await asyncio.wait_for(driven.clock.sleep(0), 1)


async def test_a_cancelled_sleeper_disturbs_nobody(driven: Driven) -> None:
    cancelled = asyncio.create_task(driven.clock.sleep(driven.unit_secs))
    other = asyncio.create_task(driven.clock.sleep(driven.unit_secs))
    await asyncio.sleep(0)
    cancelled.cancel()
    await driven.pass_time(2 * driven.unit_secs)
    await asyncio.wait_for(other, 5)
    assert cancelled.cancelled()


async def test_a_hold_lets_its_block_run_and_its_errors_through(driven: Driven) -> None:
    async with driven.clock.hold("order"):
        pass
    with pytest.raises(ValueError, match="inside"):
        async with driven.clock.hold("order"):
            raise ValueError("inside")


async def test_progress_may_be_reported_at_any_time(driven: Driven) -> None:
    await driven.clock.progress("scanner", driven.clock.now())
