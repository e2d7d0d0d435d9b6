"""A heap of tasks that sleep until a virtual time."""

import asyncio
import heapq
from itertools import count


class Sleepers:
    """Wakes in order of wake-up time, ties in order of going to sleep."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, asyncio.Future[None]]] = []
        self._tickets = count()

    def add(self, wake_at_ms: int) -> asyncio.Future[None]:
        """Return a future that `wake(now)` completes once now ≥ `wake_at_ms`."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._heap, (wake_at_ms, next(self._tickets), future))
        return future

    def wake(self, now_ms: int) -> None:
        """Wake everybody whose time has come."""
        while self._heap and self._heap[0][0] <= now_ms:
            _, _, future = heapq.heappop(self._heap)
            if not future.done():
                future.set_result(None)

    def __len__(self) -> int:
        return sum(1 for _, _, future in self._heap if not future.done())
