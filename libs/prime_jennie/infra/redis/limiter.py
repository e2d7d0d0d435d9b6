"""The broker's rate limit, shared by everybody who asks through this Redis."""

import asyncio
import time
from contextlib import suppress
from typing import Final
from uuid import uuid4

from redis.asyncio import Redis
from redis.exceptions import RedisError

from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.ports import Priority
from prime_jennie.infra.clock.protocol import NOW_KEY
from prime_jennie.infra.redis.connection import reachable

LONGEST_NAP_SECS: Final = 0.2
WAITER_LIVES_MS: Final = 600  # real: three naps; who stops asking loses its place

# GCRA with burst 1: one grant per interval in each bucket, spread within the second. A throttle with a burst lets
# twice its rate through in the worst second.
# KEYS: the clock's key or 'real', then per bucket: its next free time (µs), its queue (score = real expiry in ms).
# ARGV: ticket, life of a waiter in ms, then one interval in µs per bucket.
# Tickets sort by priority, then by arrival: whoever sorts before us in the queue of a bucket goes first.
# `now` is the virtual clock's where there is one (design §9), else Redis TIME. Returns µs to wait, 0 = granted.
_ACQUIRE: Final = """
local t = redis.call('TIME')
local real_us = t[1] * 1000000 + t[2]
local now = real_us
local virtual_ms = KEYS[1] ~= 'real' and redis.call('GET', KEYS[1])
if virtual_ms then now = tonumber(virtual_ms) * 1000 end
local me, expires_ms = ARGV[1], real_us / 1000 + tonumber(ARGV[2])
local longest = 0
for bucket = 1, (#KEYS - 1) / 2 do
  local queue, interval = KEYS[2 * bucket + 1], tonumber(ARGV[bucket + 2])
  redis.call('ZREMRANGEBYSCORE', queue, '-inf', real_us / 1000)
  local ahead = 0
  for _, waiter in ipairs(redis.call('ZRANGE', queue, 0, -1)) do
    if waiter < me then ahead = ahead + 1 end
  end
  local free_in = tonumber(redis.call('GET', KEYS[2 * bucket]) or '0') - now
  if free_in > 2 * interval then free_in = 0 end
  local wait = math.max(0, free_in) + ahead * interval
  if wait > 0 then redis.call('ZADD', queue, expires_ms, me) else redis.call('ZREM', queue, me) end
  longest = math.max(longest, wait)
end
if longest > 0 then return math.ceil(longest) end
for bucket = 1, (#KEYS - 1) / 2 do
  redis.call('SET', KEYS[2 * bucket], string.format('%.0f', now + tonumber(ARGV[bucket + 2])), 'PX', 86400000)
end
return 0
"""


class GcraLimiter:
    """Grants at most `rate_per_sec` calls in any sliding second, `ledger_per_sec` of them to ledger calls.

    Waiters poll in real time, for a frozen virtual clock must not freeze the polling; a caller that waits holds the
    clock, so that virtual time then passes at real speed. A Redis that is gone raises Unavailable: the caller decides.
    """

    def __init__(
        self, redis: Redis, account: str, rate_per_sec: float, *, ledger_per_sec: float = 5.0, virtual: bool = False
    ) -> None:
        self._redis = redis
        self._script = redis.register_script(_ACQUIRE)
        self._clock_key = NOW_KEY if virtual else "real"
        self._calls = (_bucket_key(account, "calls", virtual), _interval_us(rate_per_sec))
        self._ledger = (_bucket_key(account, "ledger", virtual), _interval_us(ledger_per_sec))

    async def acquire(self, priority: Priority, *, ledger: bool = False) -> None:
        """Wait for the right to make one call; a ledger call (order, account query) needs both buckets at once."""
        buckets = [self._calls, self._ledger] if ledger else [self._calls]
        ticket = f"{int(priority)}:{time.monotonic_ns():020d}:{uuid4().hex[:8]}"
        keys = [self._clock_key, *(key for name, _ in buckets for key in (f"{name}:free_at", f"{name}:queue"))]
        arguments = [ticket, str(WAITER_LIVES_MS), *(str(interval_us) for _, interval_us in buckets)]
        try:
            with reachable():
                while (wait_us := int(await self._script(keys=keys, args=arguments))) > 0:  # noqa: ASYNC110
                    await asyncio.sleep(min(wait_us / 1_000_000, LONGEST_NAP_SECS))
        except BaseException:
            with suppress(RedisError, OSError, asyncio.CancelledError):  # the place is lost soon anyway
                for queue in keys[2::2]:
                    await self._redis.zrem(queue, ticket)
            raise


def _bucket_key(account: str, bucket: str, virtual: bool) -> str:
    """Virtual and real time have keys of their own, for one's `free_at` means nothing to the other."""
    return RedisKeys.RATE_LIMIT.value.format(account=account, bucket=f"{bucket}:virtual" if virtual else bucket)


def _interval_us(rate_per_sec: float) -> int:
    """Round up, so that the rate is never exceeded by a fraction."""
    return -int(-1_000_000 // rate_per_sec)
