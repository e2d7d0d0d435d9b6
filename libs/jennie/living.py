"""Stand by while a day is lived, and until nothing of it is open any more."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import httpx

from jennie.day_figures import DayWatcher
from jennie.observed import STALLED_SECS, Observed
from jennie.progress import Progress
from prime_jennie.domain.errors import Unavailable

LOOK_SECS = 0.5
SETTLE_SECS = 30.0  # real time, after the day's end, for restarted services to book what they missed


async def until_ended(
    watcher: DayWatcher, progress: Progress, observed: Observed, memory_bytes: Callable[[], int]
) -> None:
    """Look and tell until the exchange has ended its day. Raises Unavailable when the day stands still."""
    while observed.last is None or not observed.last.ended:
        await asyncio.sleep(LOOK_SECS)
        try:
            figures = await watcher.look()
        except (httpx.HTTPError, Unavailable):  # the exchange or the database restarts; a stall ends this
            if time.monotonic() - observed.moved_at > STALLED_SECS:
                raise
            continue
        observed.take(figures, await asyncio.to_thread(memory_bytes))
        progress.show(figures)


async def until_settled(
    watcher: DayWatcher, observed: Observed, all_healthy: Callable[[], Awaitable[bool]], within_secs: float
) -> None:
    """Wait until nothing is open, every service is healthy, or patience ends; the checker judges what is left."""
    patience_ends_at = time.monotonic() + within_secs
    while time.monotonic() < patience_ends_at:
        with suppress(httpx.HTTPError, Unavailable):  # the exchange or the database was killed at the very end
            observed.last = await watcher.look()
            if await all_healthy() and observed.last.open_work == 0:
                return
        await asyncio.sleep(LOOK_SECS)
