"""The wall clock."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime


class RealClock:
    """Time as the machine tells it; holding and reporting progress mean nothing here."""

    virtual = False

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, secs: float) -> None:
        await asyncio.sleep(secs)

    async def sleep_until(self, when: datetime) -> None:
        """Sleep in slices, so that a corrected system clock moves the wake-up with it."""
        while (left_secs := (when - self.now()).total_seconds()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(min(left_secs, 30.0))

    @asynccontextmanager
    async def hold(self, name: str, real_secs: float = 5.0) -> AsyncIterator[None]:
        yield

    async def progress(self, consumer: str, upto: datetime) -> None:
        return None
