"""What locks keep, on Redis and in memory."""

import pytest
from redis.asyncio import Redis

from prime_jennie.domain.ports import Locks
from prime_jennie.infra.fakes.locks import InMemoryLocks
from prime_jennie.infra.redis.locks import RedisLocks

KEY = "lock:sell:12345678-01:005930"


@pytest.fixture(params=["memory", "redis"])
def locks(request: pytest.FixtureRequest, redis: Redis) -> Locks:
    return InMemoryLocks() if request.param == "memory" else RedisLocks(redis)


async def test_one_owner_at_a_time(locks: Locks) -> None:
    first, second = locks.lock(KEY, 30), locks.lock(KEY, 30)
    assert await first.acquire()
    assert not await second.acquire()
    assert not await first.acquire()
    assert await first.release()
    assert await second.acquire()


async def test_only_the_owner_releases_and_renews(locks: Locks) -> None:
    owner, stranger = locks.lock(KEY, 30), locks.lock(KEY, 30)
    await owner.acquire()
    assert not await stranger.release()
    assert not await stranger.renew()
    assert await owner.renew()
    assert not await stranger.acquire()


async def test_locks_on_other_keys_are_free(locks: Locks) -> None:
    assert await locks.lock(KEY, 30).acquire()
    assert await locks.lock("lock:sell:12345678-01:000660", 30).acquire()


async def test_a_released_lock_is_nobodys(locks: Locks) -> None:
    lock = locks.lock(KEY, 30)
    assert not await lock.release()
    await lock.acquire()
    await lock.release()
    assert not await lock.renew()
