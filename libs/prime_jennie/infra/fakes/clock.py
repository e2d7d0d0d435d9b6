"""A clock that moves only when a test moves it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from prime_jennie.infra.clock.protocol import to_ms
from prime_jennie.infra.clock.sleepers import Sleepers


class ManualClock:
    """Twin of VirtualClock; `holding` and `positions` show what was asked of it."""

    def __init__(self, now: datetime, *, virtual: bool = True) -> None:
        if now.tzinfo is None:
            raise ValueError("a clock needs an aware time")
        self._now = now.astimezone(UTC)
        self._virtual = virtual
        self._sleepers = Sleepers()
        self.holding: list[str] = []
        self.held: list[str] = []
        """Every hold ever taken, in order."""
        self.positions: dict[str, datetime] = {}

    @property
    def virtual(self) -> bool:
        return self._virtual

    @property
    def sleeping(self) -> int:
        """How many sleepers wait; a test advances once it sees them."""
        return len(self._sleepers)

    def now(self) -> datetime:
        return self._now

    def advance(self, secs: float) -> None:
        """Move time on and wake whoever is due; they run when the test next awaits."""
        self.set(self._now + timedelta(seconds=secs))

    def set(self, now: datetime) -> None:
        """Move time on to a moment; it never runs backwards."""
        self._now = max(self._now, now.astimezone(UTC))
        self._sleepers.wake(to_ms(self._now))

    async def sleep(self, secs: float) -> None:
        await self.sleep_until(self._now + timedelta(seconds=secs))

    async def sleep_until(self, when: datetime) -> None:
        if when <= self._now:
            await asyncio.sleep(0)
            return
        await self._sleepers.add(to_ms(when))

    @asynccontextmanager
    async def hold(self, name: str, real_secs: float = 5.0) -> AsyncIterator[None]:
        self.holding.append(name)
        self.held.append(name)
        try:
            yield
        finally:
            self.holding.remove(name)

    async def progress(self, consumer: str, upto: datetime) -> None:
        self.positions[consumer] = upto
