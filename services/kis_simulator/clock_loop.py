"""Move the day forward: the clock steps, the exchange matches, the prints go out."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from kis_simulator.exchange.exchange import Exchange
from kis_simulator.stats import Stats
from kis_simulator.websocket.server import WebSocketServer
from prime_jennie.infra.clock import ClockLeader, ClockSession, Step, StepResult

log = structlog.get_logger(__name__)

STEP = timedelta(seconds=1)
_ALMOST_STEP = STEP - timedelta(milliseconds=1)
WAIT_SECS = 0.005
RETRY_SECS = 0.2
# Real seconds in which customers come back to a restarted exchange before the day goes on without them.
REUNION_SECS = 5.0


class Leader(Protocol):
    """Whoever decides how fast the day passes: the virtual day's leader, or an own clock."""

    connected: bool

    async def start(self, resume_at: datetime | None = None) -> datetime:
        """Begin at the latest of the day's start and `resume_at`."""
        ...

    async def step(self) -> StepResult:
        """Advance by at most a second of the clock."""
        ...

    async def end(self) -> None:
        """Tell everybody that the day is over."""
        ...

    async def close(self) -> None:
        """Give back what the clock holds open."""
        ...

    def now(self) -> datetime:
        """Return the time of the clock."""
        ...


class VirtualDay(ClockLeader):
    """The clock that every process of the demo follows, with the connection that it closes at the end."""

    def __init__(self, redis: Redis, record: ClockSession) -> None:
        """Bind Redis and the day."""
        super().__init__(redis, record)
        self._connection = redis

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.aclose()


class Pace:
    """Cap the day at `rate` seconds of the clock in a real second; None lifts the cap, also until `sprint_to`."""

    def __init__(self, rate: float | None) -> None:
        """Set the cap."""
        self.rate = rate
        self.sprint_to: datetime | None = None
        self._due_at = time.monotonic()
        self._changed = asyncio.Event()

    def change(self, rate: float | None, sprint_to: datetime | None) -> None:
        """Set a new cap, effective at once even for a day that almost stands still."""
        self.rate = rate
        self.sprint_to = sprint_to
        self._changed.set()

    async def wait(self, now: datetime, advanced: timedelta) -> None:
        """Sleep until the step that was just made is due; a late day is not caught up beyond a second."""
        if self.sprint_to is not None and now >= self.sprint_to:
            self.sprint_to = None
        if self.rate is None or self.sprint_to is not None:
            self._due_at = time.monotonic()
            await asyncio.sleep(0)
            return
        real = time.monotonic()
        self._due_at = max(self._due_at, real - 1.0) + advanced.total_seconds() / self.rate
        self._changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, self._due_at - real)):
                await self._changed.wait()
                self._due_at = time.monotonic()


class OwnClock:
    """A clock that nobody else follows: steps of a second as the pace allows, and real time in between."""

    connected = True

    def __init__(self, start_at: datetime, pace: Pace) -> None:
        """Stand still at the start."""
        self._now = start_at
        self._pace = pace
        self._stepped_at: float | None = None
        self._resumed = False

    async def start(self, resume_at: datetime | None = None) -> datetime:
        """Begin at the latest of the day's start and `resume_at`."""
        # The journal knows steps only: what a killed clock had told since its last one must not be undercut.
        self._resumed = resume_at is not None and resume_at > self._now
        self._now = max(self._now, resume_at or self._now)
        return self._now

    async def step(self) -> StepResult:
        """Advance by one second; pacing is the loop's."""
        self._now += STEP
        self._resumed = False
        self._stepped_at = time.monotonic()
        return StepResult(self._now, Step.STEP)

    async def end(self) -> None:
        """Do nothing: nobody follows."""

    async def close(self) -> None:
        """Do nothing: nothing is open."""

    def now(self) -> datetime:
        """Return the last step's time and what passed since, short of a step: calls a second are judged on this."""
        if self._resumed:
            return self._now + _ALMOST_STEP
        if self._stepped_at is None or self._pace.rate is None:
            return self._now
        since_secs = (time.monotonic() - self._stepped_at) * self._pace.rate
        return self._now + min(_ALMOST_STEP, timedelta(seconds=since_secs))


class ClockLoop:
    """The exchange's heartbeat; stops stepping after the day's end and keeps the day's last time."""

    def __init__(
        self,
        leader: Leader,
        pace: Pace,
        exchange: Exchange,
        sockets: WebSocketServer,
        stats: Stats,
        ends_at: datetime,
    ) -> None:
        """Bind the parts."""
        self.pace = pace
        self.ended = False
        self.started = False
        self._leader = leader
        self._exchange = exchange
        self._sockets = sockets
        self._stats = stats
        self.ends_at = ends_at
        self._idle = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Tell whether the clock reaches whoever follows it."""
        return self._leader.connected

    async def run(self, *, reunion: bool) -> None:
        """Live the day, then wait to be stopped; `reunion` waits for sessions that broke with the last process."""
        await self._leader.start(self._exchange.at)
        self.started = True
        if reunion:
            await self._reunite()
        while self._leader.now() < self.ends_at:
            before = self._exchange.at
            result = await self._leader.step()
            self._stats.waits[result.what.value] += 1
            if result.now > before:
                self._exchange.advance(result.now)
                self._sockets.push_trades(before, result.now)
            if result.now >= self.ends_at:
                break
            if result.what is Step.STEP:
                await self.pace.wait(result.now, result.now - before)
            else:
                await asyncio.sleep(WAIT_SECS)
        await self._end()
        await self._idle.wait()

    async def _reunite(self) -> None:
        """Let sessions that broke with the last process register anew, so that they miss no more than they must."""
        gives_up_at = time.monotonic() + REUNION_SECS
        # Polled: the reunion happens once in a process's life.
        while time.monotonic() < gives_up_at and not any(s.registrations for s in self._sockets.sessions):  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    async def _end(self) -> None:
        """Announce the end; a Redis that is gone is asked again until it answers."""
        while not self.ended:
            try:
                await self._leader.end()
                self.ended = True
            except (RedisError, OSError) as error:
                log.warning("day ended, redis does not answer", error=str(error))
                await asyncio.sleep(RETRY_SECS)
