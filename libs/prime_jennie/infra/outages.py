"""Loops that live through outages of Redis, SQL and the gateway, and say so in /health."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import httpx
import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from prime_jennie.domain.errors import JennieError, RateLimited, Unavailable
from prime_jennie.domain.health import DependencyHealth, DependencyStatus
from prime_jennie.infra import metrics
from prime_jennie.infra.tasks import end_task

log = structlog.get_logger(__name__)

OUTAGES: Final[tuple[type[Exception], ...]] = (
    RedisError,
    DBAPIError,
    httpx.TransportError,
    OSError,
    Unavailable,
    RateLimited,
)
UNANSWERED: Final[tuple[type[Exception], ...]] = (JennieError, *OUTAGES)
"""A question without an answer: an outage, or a refusal (a token, a bad request) where one is not expected."""
DEPENDENCIES: Final = (
    ("database", "database"),
    ("sqlalchemy", "database"),
    ("gateway", "kis-gateway"),
    ("redis", "redis"),
)
"""A word of an error, or of its module, and whose silence it tells."""
CALM_SECS: Final = 5.0  # work that lasts so long counts as working


def who_is_silent(error: Exception) -> str:
    """Name the dependency that an outage comes from, the error's own kind where it tells none."""
    told = f"{error} {type(error).__module__}".lower()
    return next((who for word, who in DEPENDENCIES if word in told), type(error).__name__)


class Backoff:
    """Pauses of real time that double from 0.1 s to 3 s."""

    FIRST_SECS: Final = 0.1
    LONGEST_SECS: Final = 3.0

    def __init__(self) -> None:
        self._next_secs = self.FIRST_SECS

    async def pause(self) -> None:
        """Sleep, and longer the next time."""
        pause_secs, self._next_secs = self._next_secs, min(self._next_secs * 2, self.LONGEST_SECS)
        await asyncio.sleep(pause_secs)

    def reset(self) -> None:
        """Begin again with the shortest pause."""
        self._next_secs = self.FIRST_SECS


class Outages:
    """Which loops are interrupted right now, and by what."""

    def __init__(self) -> None:
        self._current: dict[str, str] = {}

    def begin(self, loop: str, error: Exception) -> None:
        """Note an interruption; logged when it is news."""
        metrics.OUTAGES.labels(loop).inc()
        if loop not in self._current:
            log.warning("loop interrupted, retrying", loop=loop, error=f"{type(error).__name__}: {error}")
        self._current[loop] = f"{type(error).__name__}: {error}"

    def end(self, loop: str) -> None:
        """Note that the loop works; logged when it did not before."""
        if self._current.pop(loop, None) is not None:
            log.info("loop works again", loop=loop)

    def as_dependencies(self) -> dict[str, DependencyHealth]:
        """Return the interrupted loops as entries of /health."""
        return {
            f"loop:{loop}": DependencyHealth(status=DependencyStatus.DEGRADED, message=message[:200])
            for loop, message in self._current.items()
        }


async def survive(loop: str, work: Callable[[], Awaitable[None]], outages: Outages) -> None:
    """Await `work()` again whenever an outage interrupts it; return when it returns.

    Any other exception goes through: a bug must end the process, not spin.
    """
    backoff = Backoff()
    while True:
        running = asyncio.ensure_future(work())
        try:
            done, _ = await asyncio.wait({running}, timeout=CALM_SECS)
            if not done:
                backoff.reset()
                outages.end(loop)
            await running
            outages.end(loop)
            return
        except OUTAGES as error:
            outages.begin(loop, error)
        finally:
            await end_task(running)
        await backoff.pause()
