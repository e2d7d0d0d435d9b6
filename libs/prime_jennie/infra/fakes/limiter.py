"""A limiter in one process."""

import asyncio
import heapq
from itertools import count

from prime_jennie.domain.ports import Priority


class InMemoryLimiter:
    """Twin of GcraLimiter for one event loop; `granted` lists who went, in order.

    With `rate_per_sec=None` everybody goes at once.
    """

    def __init__(self, rate_per_sec: float | None = None, *, ledger_per_sec: float = 5.0) -> None:
        self._interval_secs = 0.0 if rate_per_sec is None else 1 / rate_per_sec
        self._ledger_interval_secs = 0.0 if rate_per_sec is None else 1 / ledger_per_sec
        self._queue: list[tuple[int, int]] = []
        self._tickets = count()
        self._free_at = 0.0
        self._ledger_free_at = 0.0
        self.granted: list[tuple[Priority, bool]] = []

    async def acquire(self, priority: Priority, *, ledger: bool = False) -> None:
        loop = asyncio.get_running_loop()
        place = (int(priority), next(self._tickets))
        heapq.heappush(self._queue, place)
        try:
            while True:
                free_at = max(self._free_at, self._ledger_free_at) if ledger else self._free_at
                wait_secs = free_at - loop.time()
                if wait_secs <= 0 and self._queue[0] == place:
                    break
                await asyncio.sleep(max(wait_secs, 0.001))
        finally:
            self._queue.remove(place)
            heapq.heapify(self._queue)
        self._free_at = loop.time() + self._interval_secs
        if ledger:
            self._ledger_free_at = loop.time() + self._ledger_interval_secs
        self.granted.append((priority, ledger))
