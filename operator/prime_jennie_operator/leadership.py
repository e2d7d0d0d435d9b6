"""Whether this process may write, and until when."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from typing import Final

from prime_jennie_operator.kube.errors import NotLeading

_BOOT_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", None)


def steady_secs() -> float:
    """Read a clock that nobody sets and that goes on while the machine sleeps: a lease does not sleep either."""
    return time.clock_gettime(_BOOT_CLOCK) if _BOOT_CLOCK is not None else time.monotonic()


class Leadership:
    """Held until a moment of the steady clock; it ends by itself, whatever hangs.

    Every write of the operator asks `require` first. Nobody needs to be told that it is over.
    """

    def __init__(self, now_secs: Callable[[], float] = steady_secs) -> None:
        self._now_secs = now_secs
        self._until_secs = -math.inf
        self._gained = asyncio.Event()

    @property
    def is_leader(self) -> bool:
        return self._now_secs() < self._until_secs

    @property
    def left_secs(self) -> float:
        """Seconds for which this process may still write; 0 when it may not."""
        return max(0.0, self._until_secs - self._now_secs())

    def extend(self, until_secs: float) -> None:
        """Lead until then, a moment of `steady_secs` taken before the lease was asked for."""
        self._until_secs = until_secs
        if self.is_leader:
            self._gained.set()

    def end(self) -> None:
        """Stop writing now."""
        self._until_secs = -math.inf
        self._gained.clear()

    def require(self) -> None:
        """Raise NotLeading unless this process may write now."""
        if not self.is_leader:
            raise NotLeading("this process does not hold the lease")

    async def gained(self) -> None:
        """Wait until this process leads."""
        while not self.is_leader:
            self._gained.clear()
            await self._gained.wait()

    async def lost(self) -> None:
        """Wait until this process does not lead any more."""
        while left_secs := self.left_secs:  # noqa: ASYNC110 - it ends by the clock alone
            await asyncio.sleep(min(left_secs, 1.0))


def always() -> Leadership:
    """Lead for ever: for a process that is alone by other means, and for tests."""
    leadership = Leadership()
    leadership.extend(math.inf)
    return leadership
