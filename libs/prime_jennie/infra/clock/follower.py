"""Follow the clock that the exchange leads."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from prime_jennie.infra import metrics
from prime_jennie.infra.clock.protocol import (
    CHANNEL,
    HOLD_SCRIPT,
    HOLDS_KEY,
    NOW_KEY,
    POSITIONS_KEY,
    REPORT_SCRIPT,
    from_ms,
    to_ms,
)
from prime_jennie.infra.clock.sleepers import Sleepers
from prime_jennie.infra.redis.connection import connect
from prime_jennie.infra.tasks import end_task

log = structlog.get_logger(__name__)

POLL_SECS = 1.0  # real time without a step after which the key is read: a published step may be lost
RECONNECT_SECS = 0.2
REPORT_EVERY_VIRTUAL_SECS = 3.0  # a tenth of the lag that the leader allows
REPORT_EVERY_REAL_SECS = 1.0  # well within the 20 s after which a report counts for nothing


class VirtualClock:
    """Knows the last time that the leader published; sleepers wake when it arrives.

    `start` waits until a leader has published once. A dead Redis freezes the time; it goes on after reconnecting.
    """

    virtual = True

    def __init__(self, url: str) -> None:
        self._redis: Redis = connect(url)
        self._subscriber: Redis = connect(url)
        self._sleepers = Sleepers()
        self._now_ms: int | None = None
        self._started = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._holding: set[str] = set()
        self._reports: dict[str, tuple[int, float]] = {}
        self._arrived_at = time.monotonic()
        self.connected = False

    async def start(self) -> None:
        """Begin to follow and return once the leader's time is known."""
        if self._task is None:
            self._task = asyncio.create_task(self._follow(), name="virtual-clock")
            metrics.CLOCK_SILENT_SECONDS.set_function(lambda: self.silent_secs)
        await self._started.wait()

    async def close(self) -> None:
        """Stop following; sleepers sleep on until cancelled."""
        if self._task is not None:
            await end_task(self._task)
            self._task = None
        await self._redis.aclose()
        await self._subscriber.aclose()

    def now(self) -> datetime:
        if self._now_ms is None:
            raise RuntimeError("the virtual clock has not started: await start() first")
        return from_ms(self._now_ms)

    @property
    def silent_secs(self) -> float:
        """Real seconds since the leader was last heard."""
        return time.monotonic() - self._arrived_at

    async def sleep(self, secs: float) -> None:
        await self.sleep_until(self.now() + timedelta(seconds=secs))

    async def sleep_until(self, when: datetime) -> None:
        now_ms = to_ms(self.now())
        wake_at_ms = to_ms(when)
        if wake_at_ms <= now_ms:
            await asyncio.sleep(0)
            return
        await self._sleepers.add(wake_at_ms)

    @asynccontextmanager
    async def hold(self, name: str, real_secs: float = 5.0) -> AsyncIterator[None]:
        """Slow the day to real time while the block runs; best effort, for a hold must never fail an order."""
        holder = f"{name}:{os.getpid()}:{uuid4().hex[:12]}"
        await self._write_hold(holder, real_secs)
        self._holding.add(holder)
        refresher = asyncio.create_task(self._refresh_hold(holder, real_secs), name=f"hold-{name}")
        try:
            yield
        finally:
            self._holding.discard(holder)
            refresher.cancel()
            with suppress(RedisError, OSError):  # it expires by itself
                await self._redis.zrem(HOLDS_KEY, holder)

    async def progress(self, consumer: str, upto: datetime) -> None:
        """Tell the leader how far `consumer` has come; most calls stay local, and an outage is not an error."""
        position_ms = to_ms(upto)
        last_ms, last_at = self._reports.get(consumer, (0, 0.0))
        recent = time.monotonic() - last_at < REPORT_EVERY_REAL_SECS
        if recent and position_ms - last_ms < REPORT_EVERY_VIRTUAL_SECS * 1000:
            return
        self._reports[consumer] = (position_ms, time.monotonic())
        with suppress(RedisError, OSError):
            await self._redis.eval(REPORT_SCRIPT, 1, POSITIONS_KEY, consumer, str(position_ms))

    async def _write_hold(self, holder: str, real_secs: float) -> None:
        try:
            await self._redis.eval(HOLD_SCRIPT, 1, HOLDS_KEY, holder, str(int(real_secs * 1000)))
        except (RedisError, OSError) as error:
            log.warning("clock hold not written", holder=holder, error=str(error))

    async def _refresh_hold(self, holder: str, real_secs: float) -> None:
        await asyncio.sleep(real_secs / 3)
        while holder in self._holding:  # not for ever: a cancellation can be swallowed, see end_task
            await self._write_hold(holder, real_secs)
            await asyncio.sleep(real_secs / 3)

    async def _follow(self) -> None:
        complained = False
        while True:
            try:
                await self._listen()
            except (RedisError, OSError) as error:
                if not complained:
                    log.warning("virtual clock lost its leader's redis, reconnecting", error=str(error))
                complained = True
            self.connected = False
            await asyncio.sleep(RECONNECT_SECS)

    async def _listen(self) -> None:
        async with self._subscriber.pubsub(ignore_subscribe_messages=True) as subscription:
            await subscription.subscribe(CHANNEL)
            self._arrive(await self._redis.get(NOW_KEY))
            self.connected = True
            while True:
                message = await subscription.get_message(timeout=POLL_SECS)
                self._arrive(await self._redis.get(NOW_KEY) if message is None else message["data"])

    def _arrive(self, text: Any) -> None:
        if not isinstance(text, str) or not text.isdigit():
            return
        now_ms = int(text)
        if self._now_ms is not None and now_ms <= self._now_ms:
            return  # time never runs backwards, not even after a Redis that lost its last second
        self._now_ms = now_ms
        self._arrived_at = time.monotonic()
        self._started.set()
        self._sleepers.wake(now_ms)
