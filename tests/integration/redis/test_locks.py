"""Locks on Redis: compare-and-delete, expiry by the clock of the day, renewal while working."""

import asyncio

from redis.asyncio import Redis

from prime_jennie.infra.clock import RealClock
from prime_jennie.infra.clock.protocol import NOW_KEY
from prime_jennie.infra.redis.locks import OwnerLock, RedisLocks, kept
from tests.support.eventually import eventually

KEY = "lock:sell:12345678-01:005930"


async def test_an_expired_owner_does_not_free_its_successors_lock(redis: Redis) -> None:
    """Rulebook §1.5 ✗: the ancestor deleted blindly."""
    slow, successor = OwnerLock(redis, KEY, 0.05), OwnerLock(redis, KEY, 30)
    await slow.acquire()
    await eventually(successor.acquire)
    assert not await slow.release()
    assert not await slow.renew()
    assert (await redis.get(KEY)).startswith(successor.token)


async def test_a_lock_is_renewed_while_its_owner_works(redis: Redis) -> None:
    """Rulebook §1.5 ✗: 30 s is shorter than forced-liquidation polling."""
    owner, stranger = OwnerLock(redis, KEY, 0.3), OwnerLock(redis, KEY, 0.3)
    await owner.acquire()
    loop = asyncio.get_running_loop()
    async with kept(owner, RealClock(), 0.05):
        until = loop.time() + 0.8
        while loop.time() < until:
            assert not await stranger.acquire()
            await asyncio.sleep(0.01)
    assert await stranger.acquire()


async def test_in_a_virtual_day_a_lock_lives_by_its_clock(redis: Redis) -> None:
    locks = RedisLocks(redis, virtual=True)
    dead, successor = locks.lock(KEY, 30), locks.lock(KEY, 30)
    await redis.set(NOW_KEY, 1_000_000)
    assert await dead.acquire()
    await redis.set(NOW_KEY, 1_029_999)
    assert not await successor.acquire()
    await redis.set(NOW_KEY, 1_030_000)
    assert await successor.acquire()
    assert not await dead.release()


async def test_a_lock_that_somebody_wrote_by_hand_is_respected(redis: Redis) -> None:
    await redis.set(KEY, "1", ex=180)
    assert not await OwnerLock(redis, KEY, 30).acquire()
