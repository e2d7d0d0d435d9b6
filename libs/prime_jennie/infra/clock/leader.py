"""Lead a virtual day: step, tell the time, and wait for holders and for consumers that fall behind."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from prime_jennie.infra.clock.protocol import (
    CHANNEL,
    HOLDS_KEY,
    NOW_KEY,
    POSITIONS_KEY,
    SESSION_KEY,
    STEP_SCRIPT,
    ClockSession,
    from_ms,
    read_session,
    to_ms,
)
from prime_jennie.infra.clock.sleepers import Sleepers

log = structlog.get_logger(__name__)

STEP_SECS = 1.0
MAX_LAG_SECS = 30.0  # virtual: how far a consumer may be behind before the day waits
DEAD_AFTER_SECS = 20.0  # real: a consumer silent for so long is not waited for
WAIT_SECS = 0.005  # real pause before asking again while held or waiting
TELL_EVERY_SECS = 0.01  # real: a fast day steps four hundred times a second, and every follower wakes for each word
RECONNECT_SECS = 0.2


class Step(StrEnum):
    """What one step of the leader came to."""

    STEP = "step"
    HELD = "held"
    LAG = "lag"


class StepResult(NamedTuple):
    """The time after the step and what it was; the same time again when the day waited."""

    now: datetime
    what: Step


class ClockLeader:
    """The exchange's side of the virtual clock; itself a Clock for whatever the exchange schedules."""

    virtual = True

    def __init__(
        self,
        redis: Redis,
        session: ClockSession,
        *,
        max_lag_secs: float = MAX_LAG_SECS,
        dead_after_secs: float = DEAD_AFTER_SECS,
    ) -> None:
        self._redis = redis
        self._session = session
        self._max_lag_ms = int(max_lag_secs * 1000)
        self._dead_after_ms = int(dead_after_secs * 1000)
        self._step = redis.register_script(STEP_SCRIPT)
        self._sleepers = Sleepers()
        self._now_ms = to_ms(session.start_at)
        self._stepped_at = time.monotonic()
        self._told_at = 0.0
        self._told_ms = 0
        self.waited_secs = {Step.HELD: 0.0, Step.LAG: 0.0}
        self.connected = False

    async def start(self, resume_at: datetime | None = None) -> datetime:
        """Announce the day and return its first time: the latest of start, journal and what this day published before.

        Waits for Redis.
        """
        if resume_at is not None:
            self._now_ms = max(self._now_ms, to_ms(resume_at))
        while True:
            try:
                await self._announce()
            except (RedisError, OSError) as error:
                await self._complain(error)
                continue
            self.connected = True
            self._stepped_at = time.monotonic()
            return self.now()

    async def run(self, on_step: Callable[[datetime], Awaitable[None]], until: datetime) -> None:
        """Step until `until`, awaiting `on_step(now)` after each advance; survives a Redis that dies and returns."""
        while self.now() < until:
            before = self._now_ms
            result = await self.step()
            if self._now_ms > before:
                await on_step(result.now)
            await self._pace(result.what, self._now_ms - before)

    async def step(self) -> StepResult:
        """Advance by at most one virtual second; waits, without advancing, while Redis is gone.

        The key has every step. The channel is told at most once in `TELL_EVERY_SECS`, and at once when the day begins
        to wait: whoever is waited for must know the time that it is asked to reach.
        """
        while True:
            elapsed_ms = int((time.monotonic() - self._stepped_at) * 1000)
            tells = time.monotonic() - self._told_at >= TELL_EVERY_SECS
            arguments = [self._now_ms, int(STEP_SECS * 1000), elapsed_ms, self._max_lag_ms, self._dead_after_ms]
            try:
                text, what = await self._step(
                    keys=[NOW_KEY, HOLDS_KEY, POSITIONS_KEY],
                    args=[*(str(number) for number in arguments), CHANNEL, str(int(tells))],
                )
                if what == Step.LAG and self._told_ms != int(text):
                    await self._tell(int(text))
                elif tells and what != Step.LAG:
                    self._told_at, self._told_ms = time.monotonic(), int(text)
            except (RedisError, OSError) as error:
                await self._complain(error)
                continue
            self.connected = True
            advanced_ms = int(text) - self._now_ms
            if advanced_ms > 0 or what == Step.LAG:
                self._stepped_at = time.monotonic()
            self._now_ms = int(text)
            self._sleepers.wake(self._now_ms)
            return StepResult(self.now(), Step(what))

    async def end(self) -> None:
        """Mark the day as ended for everybody who reads the session's record."""
        self._session = self._session.model_copy(update={"ended": True})
        await self._tell(self._now_ms)
        await self._redis.set(SESSION_KEY, self._session.model_dump_json())

    def now(self) -> datetime:
        return from_ms(self._now_ms)

    async def sleep(self, secs: float) -> None:
        await self.sleep_until(self.now() + timedelta(seconds=secs))

    async def sleep_until(self, when: datetime) -> None:
        if to_ms(when) <= self._now_ms:
            await asyncio.sleep(0)
            return
        await self._sleepers.add(to_ms(when))

    @asynccontextmanager
    async def hold(self, name: str, real_secs: float = 5.0) -> AsyncIterator[None]:
        """Do nothing: whoever leads simply does not step while it works."""
        yield

    async def progress(self, consumer: str, upto: datetime) -> None:
        return None

    async def _tell(self, now_ms: int) -> None:
        await self._redis.publish(CHANNEL, str(now_ms))
        self._told_at, self._told_ms = time.monotonic(), now_ms

    async def _announce(self) -> None:
        before = await read_session(self._redis)
        if before is not None and before.day == self._session.day and not before.ended:
            self._now_ms = max(self._now_ms, int(await self._redis.get(NOW_KEY) or 0))
        else:
            # Holds stay: whoever starts the day's processes holds it before its leader comes, and old ones expire.
            await self._redis.delete(POSITIONS_KEY)
        await self._redis.set(SESSION_KEY, self._session.model_dump_json())
        await self._redis.set(NOW_KEY, str(self._now_ms))
        await self._redis.publish(CHANNEL, str(self._now_ms))

    async def _pace(self, what: Step, advanced_ms: int) -> None:
        rate = self._session.rate
        if what is not Step.STEP:
            self.waited_secs[what] += WAIT_SECS
            await asyncio.sleep(WAIT_SECS)
        elif rate is not None:
            spent_secs = time.monotonic() - self._stepped_at
            await asyncio.sleep(max(0.0, advanced_ms / 1000 / rate - spent_secs))
        else:
            await asyncio.sleep(0)

    async def _complain(self, error: Exception) -> None:
        if self.connected:
            log.warning("clock leader lost redis, the day waits", error=str(error))
        self.connected = False
        await asyncio.sleep(RECONNECT_SECS)
        self._stepped_at = time.monotonic()  # an outage is no time that a held day may catch up
