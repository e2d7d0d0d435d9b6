"""What a limiter keeps, on Redis and in one process."""

import asyncio
import time
from collections.abc import Callable

import pytest
from redis.asyncio import Redis

from prime_jennie.domain.ports import Limiter, Priority
from prime_jennie.infra.fakes.limiter import InMemoryLimiter
from prime_jennie.infra.redis.limiter import GcraLimiter
from tests.support.eventually import eventually

MakeLimiter = Callable[[float, float], Limiter]


@pytest.fixture(params=["memory", "redis"])
def limiter_of(request: pytest.FixtureRequest, redis: Redis) -> MakeLimiter:
    if request.param == "memory":
        return lambda rate, ledger: InMemoryLimiter(rate, ledger_per_sec=ledger)
    return lambda rate, ledger: GcraLimiter(redis, "12345678-01", rate, ledger_per_sec=ledger)


async def test_calls_are_spread_and_never_burst(limiter_of: MakeLimiter) -> None:
    limiter = limiter_of(50, 50)
    granted: list[float] = []

    async def call() -> None:
        await limiter.acquire(Priority.QUOTES)
        granted.append(time.monotonic())

    await asyncio.gather(*(call() for _ in range(11)))
    # eleven grants at 20 ms are ten gaps: 200 ms, less what the first reply travelled
    assert granted[-1] - granted[0] >= 0.19


async def test_the_urgent_overtake_those_who_wait(limiter_of: MakeLimiter) -> None:
    limiter = limiter_of(20, 20)
    order: list[Priority] = []

    async def call(priority: Priority) -> None:
        await limiter.acquire(priority)
        order.append(priority)

    quotes = [asyncio.create_task(call(Priority.QUOTES)) for _ in range(4)]
    await eventually(lambda: order)
    urgent = [asyncio.create_task(call(priority)) for priority in (Priority.ACCOUNT, Priority.ENTRIES, Priority.EXITS)]
    await asyncio.gather(*quotes, *urgent)
    assert order[1:4] == [Priority.EXITS, Priority.ENTRIES, Priority.ACCOUNT]


async def test_ledger_calls_pass_their_narrower_limit_too(limiter_of: MakeLimiter) -> None:
    limiter = limiter_of(100, 10)
    began_at = time.monotonic()
    for _ in range(4):
        await limiter.acquire(Priority.ENTRIES, ledger=True)
    assert time.monotonic() - began_at >= 0.29  # three gaps of 100 ms


async def test_a_waiter_that_gives_up_leaves_its_place(limiter_of: MakeLimiter) -> None:
    limiter = limiter_of(20, 20)
    await limiter.acquire(Priority.QUOTES)
    impatient = asyncio.create_task(limiter.acquire(Priority.EXITS))
    await asyncio.sleep(0.01)
    impatient.cancel()
    await asyncio.wait([impatient])
    await asyncio.wait_for(limiter.acquire(Priority.QUOTES), 0.3)
