"""Choose the clock by configuration."""

from prime_jennie.infra.clock.follower import VirtualClock
from prime_jennie.infra.clock.real import RealClock


async def clock_of(clock_url: str | None) -> RealClock | VirtualClock:
    """Return the real clock, or a started follower of the leader that publishes at `clock_url`."""
    if clock_url is None:
        return RealClock()
    clock = VirtualClock(clock_url)
    try:
        await clock.start()
    except BaseException:  # told to stop before the leader spoke
        await clock.close()
        raise
    return clock
