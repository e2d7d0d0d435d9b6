"""The broker's limit holds in every sliding second, whoever asks from wherever."""

import asyncio
import time
from itertools import pairwise

import pytest
from redis.asyncio import Redis

from prime_jennie.domain.ports import Priority
from prime_jennie.infra.clock.protocol import NOW_KEY
from prime_jennie.infra.redis.connection import connect
from prime_jennie.infra.redis.limiter import GcraLimiter
from tests.support.eventually import eventually
from tests.support.redis_server import RedisServer

ACCOUNT = "12345678-01"


def most_in_any_second(times_us: list[int]) -> int:
    """Return the largest number of times in any half-open second."""
    return max(sum(1 for other in times_us if start <= other < start + 1_000_000) for start in times_us)


async def free_at_us(redis: Redis) -> int:
    """Return when the bucket is free again: the last grant's time on Redis's clock plus one interval."""
    return int(await redis.get(f"limit:{ACCOUNT}:calls:free_at") or 0)


async def test_no_sliding_second_has_more_grants_than_the_rate_with_two_processes_callers(
    redis: Redis, redis_server: RedisServer
) -> None:
    # Two clients stand for two processes: they share nothing but Redis. Judged on the grants' own times in Redis.
    clients = [connect(redis_server.url) for _ in range(2)]
    limiters = [GcraLimiter(client, ACCOUNT, 19) for client in clients]
    grants: set[int] = set()

    async def watch() -> None:
        while True:
            grants.add(await free_at_us(redis))
            await asyncio.sleep(0.002)

    watcher = asyncio.create_task(watch())
    began_at = time.monotonic()
    await asyncio.gather(*(limiter.acquire(Priority.QUOTES) for limiter in limiters for _ in range(24)))
    took_secs = time.monotonic() - began_at
    grants.add(await free_at_us(redis))
    watcher.cancel()
    times = sorted(grants - {0})
    assert most_in_any_second(times) <= 19
    assert min(later - earlier for earlier, later in pairwise(times)) >= 1_000_000 / 19
    assert took_secs >= 47 / 19  # 48 grants are 47 gaps
    assert took_secs <= 47 / 19 * 1.5  # and hardly any turn is wasted
    for client in clients:
        await client.aclose()


async def test_a_waiter_for_an_exit_overtakes_the_quotes_of_another_process(
    redis: Redis, redis_server: RedisServer
) -> None:
    other = connect(redis_server.url)
    ours, theirs = GcraLimiter(redis, ACCOUNT, 10), GcraLimiter(other, ACCOUNT, 10)
    order: list[str] = []

    async def call(limiter: GcraLimiter, priority: Priority, name: str) -> None:
        await limiter.acquire(priority)
        order.append(name)

    quotes = [asyncio.create_task(call(theirs, Priority.QUOTES, f"quote-{number}")) for number in range(5)]
    await eventually(lambda: order)
    await asyncio.gather(call(ours, Priority.EXITS, "exit"), *quotes)
    assert order.index("exit") == 1


async def test_waiters_of_one_priority_go_in_the_order_they_came(redis: Redis) -> None:
    limiter = GcraLimiter(redis, ACCOUNT, 20)
    order: list[int] = []

    async def call(number: int) -> None:
        await limiter.acquire(Priority.QUOTES)
        order.append(number)

    tasks = []
    for number in range(6):
        tasks.append(asyncio.create_task(call(number)))
        await asyncio.sleep(0.002)
    await asyncio.gather(*tasks)
    assert order == list(range(6))


async def test_a_ledger_call_that_waits_does_not_spend_a_turn_of_the_others(redis: Redis) -> None:
    limiter = GcraLimiter(redis, ACCOUNT, 100, ledger_per_sec=2)
    await limiter.acquire(Priority.ENTRIES, ledger=True)
    waiting = asyncio.create_task(limiter.acquire(Priority.ENTRIES, ledger=True))
    began_at = time.monotonic()
    for _ in range(10):
        await limiter.acquire(Priority.QUOTES)
    assert time.monotonic() - began_at < 0.4
    assert not waiting.done()
    await waiting
    assert time.monotonic() - began_at >= 0.4


async def test_in_a_virtual_day_the_limit_runs_on_the_days_clock(redis: Redis) -> None:
    limiter = GcraLimiter(redis, ACCOUNT, 19, virtual=True)
    now_ms = 1_741_046_400_000
    await redis.set(NOW_KEY, now_ms)
    await limiter.acquire(Priority.QUOTES)
    second = asyncio.create_task(limiter.acquire(Priority.QUOTES))
    await asyncio.sleep(0.15)  # real time passes and gives nothing away
    assert not second.done()
    await redis.set(NOW_KEY, now_ms + 52)
    await asyncio.sleep(0.15)
    assert not second.done()  # 1/19 s is 52.6 ms
    await redis.set(NOW_KEY, now_ms + 53)
    await asyncio.wait_for(second, 2)


async def test_a_day_that_begins_earlier_than_the_last_one_ended_is_not_locked_out(redis: Redis) -> None:
    limiter = GcraLimiter(redis, ACCOUNT, 19, virtual=True)
    await redis.set(NOW_KEY, 2_000_000_000)
    await limiter.acquire(Priority.QUOTES)
    await redis.set(NOW_KEY, 1_000_000_000)
    await asyncio.wait_for(limiter.acquire(Priority.QUOTES), 2)


async def test_a_killed_waiter_blocks_the_others_for_less_than_a_second(redis: Redis) -> None:
    queue = f"limit:{ACCOUNT}:calls:queue"
    secs, micros = await redis.time()
    await redis.zadd(queue, {"0:00000000000000000001:killed": secs * 1000 + micros / 1000 + 600})
    began_at = time.monotonic()
    await asyncio.wait_for(GcraLimiter(redis, ACCOUNT, 19).acquire(Priority.QUOTES), 5)
    assert time.monotonic() - began_at < 1.0


@pytest.mark.parametrize("rate", [19, 17, 0.9, 5])
async def test_the_interval_is_never_rounded_in_our_favour(redis: Redis, rate: float) -> None:
    await redis.set(NOW_KEY, 1_000_000)
    await GcraLimiter(redis, ACCOUNT, rate, virtual=True).acquire(Priority.QUOTES)
    interval_us = int(await redis.get(f"limit:{ACCOUNT}:calls:virtual:free_at")) - 1_000_000_000
    assert interval_us * rate >= 1_000_000
