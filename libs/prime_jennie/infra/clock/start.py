"""Choose the clock by configuration."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prime_jennie.infra.clock.follower import VirtualClock
from prime_jennie.infra.clock.real import RealClock


@asynccontextmanager
async def open_clock(clock_url: str | None) -> AsyncIterator[RealClock | VirtualClock]:
    """Give the real clock, or follow the leader that publishes at `clock_url`, waiting until it speaks."""
    if clock_url is None:
        yield RealClock()
        return
    clock = VirtualClock(clock_url)
    try:
        await clock.start()
        yield clock
    finally:
        await clock.close()
