"""Locks that only their owner can release or renew."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final
from uuid import uuid4

from redis.asyncio import Redis

from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.ports import Clock, Lock
from prime_jennie.infra.clock.protocol import NOW_KEY
from prime_jennie.infra.redis.connection import reachable

_HOUSEKEEPING_MS: Final = 86_400_000

# A lock's value is "<token> <expiry in ms of the clock>"; KEYS: lock, the clock's key or 'real'.
_NOW_AND_HOLDER: Final = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local virtual = KEYS[2] ~= 'real' and redis.call('GET', KEYS[2])
if virtual then now = tonumber(virtual) end
local value = redis.call('GET', KEYS[1]) or ''
local token, expiry = string.match(value, '^(%S+) (%d+)$')
local ours = token == ARGV[1] and tonumber(expiry) > now
local free = value == '' or (expiry and tonumber(expiry) <= now)
"""
# ARGV: token, life in ms, Redis's own expiry in ms
_TAKE: Final = "redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. string.format('%.0f', now + ARGV[2]), 'PX', ARGV[3])"
_ACQUIRE: Final = f"{_NOW_AND_HOLDER} if not free then return 0 end {_TAKE} return 1"
_RENEW: Final = f"{_NOW_AND_HOLDER} if not ours then return 0 end {_TAKE} return 1"
_RELEASE: Final = f"{_NOW_AND_HOLDER} if not ours then return 0 end return redis.call('DEL', KEYS[1])"


class OwnerLock:
    """A lock with an owner's token; compare-and-delete, for an expired owner must not free its successor's lock.

    `ttl_secs` is clock time: it bounds how long a dead owner blocks others, and a living one renews it. An unreachable
    Redis raises Unavailable.
    """

    def __init__(
        self, redis: Redis, key: str, ttl_secs: float, *, owner: str | None = None, virtual: bool = False
    ) -> None:
        self._redis = redis
        self.key = key
        self.token = owner or uuid4().hex
        self._clock_key = NOW_KEY if virtual else "real"
        self._ttl_ms = int(ttl_secs * 1000)
        self._redis_ttl_ms = _HOUSEKEEPING_MS if virtual else self._ttl_ms

    async def acquire(self) -> bool:
        """Take the lock if it is free; False when somebody (this owner included) holds it."""
        return await self._run(_ACQUIRE)

    async def renew(self) -> bool:
        """Start the lock's life anew; False when it is no longer ours."""
        return await self._run(_RENEW)

    async def release(self) -> bool:
        """Free the lock; False when it was no longer ours, and then nothing is touched."""
        return await self._run(_RELEASE)

    async def _run(self, script: str) -> bool:
        arguments = [self.token, str(self._ttl_ms), str(self._redis_ttl_ms)]
        with reachable():
            return bool(await self._redis.eval(script, 2, self.key, self._clock_key, *arguments))


class RedisLocks:
    """Makes locks on one Redis; in a virtual day they live by its clock."""

    def __init__(self, redis: Redis, *, virtual: bool = False) -> None:
        self._redis = redis
        self._virtual = virtual

    def lock(self, key: str, ttl_secs: float, owner: str | None = None) -> OwnerLock:
        """Return an unacquired lock; a fresh token unless a stable `owner` is to find its own lock after a restart."""
        return OwnerLock(self._redis, key, ttl_secs, owner=owner, virtual=self._virtual)


async def taken(lock: Lock) -> bool:
    """Take a lock that is free or still ours from before a restart."""
    return await lock.acquire() or await lock.renew()


@asynccontextmanager
async def kept(lock: Lock, clock: Clock, renew_every_secs: float) -> AsyncIterator[None]:
    """Renew an acquired lock while the block works, and release it after; outages cost the lock, not the work."""
    renewer = asyncio.create_task(_renew(lock, clock, renew_every_secs), name="renew-lock")
    try:
        yield
    finally:
        renewer.cancel()
        with suppress(Unavailable):  # it expires by itself
            await lock.release()


async def _renew(lock: Lock, clock: Clock, every_secs: float) -> None:
    while True:
        await clock.sleep(every_secs)
        with suppress(Unavailable):
            if not await lock.renew():
                return
