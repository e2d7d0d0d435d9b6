"""Locks that only their owner can release or renew."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

from redis.asyncio import Redis
from redis.exceptions import RedisError

_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
_RENEW = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"


class OwnerLock:
    """A lock with an owner's token; compare-and-delete, for an expired owner must not free its successor's lock.

    `ttl_secs` is real time: it bounds how long a dead owner blocks others, and a living one renews it.
    """

    def __init__(self, redis: Redis, key: str, ttl_secs: float) -> None:
        self._redis = redis
        self.key = key
        self.ttl_secs = ttl_secs
        self.token = uuid4().hex

    async def acquire(self) -> bool:
        """Take the lock if it is free; False when somebody (this owner included) holds it."""
        return bool(await self._redis.set(self.key, self.token, nx=True, px=self._ttl_ms))

    async def renew(self) -> bool:
        """Extend the lock to its full life; False when it is no longer ours."""
        return bool(await self._redis.eval(_RENEW, 1, self.key, self.token, str(self._ttl_ms)))

    async def release(self) -> bool:
        """Free the lock; False when it was no longer ours, and then nothing is touched."""
        return bool(await self._redis.eval(_RELEASE, 1, self.key, self.token))

    @asynccontextmanager
    async def held(self) -> AsyncIterator[bool]:
        """Hold the lock for the block, renewing it; yields False when somebody else has it."""
        if not await self.acquire():
            yield False
            return
        renewer = asyncio.create_task(self._keep(), name=f"renew-{self.key}")
        try:
            yield True
        finally:
            renewer.cancel()
            with suppress(RedisError, OSError):  # it expires by itself
                await self.release()

    @property
    def _ttl_ms(self) -> int:
        return int(self.ttl_secs * 1000)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self.ttl_secs / 3)
            with suppress(RedisError, OSError):
                if not await self.renew():
                    return
