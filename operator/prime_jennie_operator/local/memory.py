"""How much memory a run takes, as the sum of proportional set sizes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class MemoryUse:
    """Bytes of PSS over all processes of a run, the runner among them."""

    last_bytes: int = 0
    peak_bytes: int = 0
    samples: int = 0

    def note(self, size_bytes: int) -> None:
        self.last_bytes = size_bytes
        self.peak_bytes = max(self.peak_bytes, size_bytes)
        self.samples += 1


@asynccontextmanager
async def sampled_memory(measure: Callable[[], int], every_secs: float = 5.0) -> AsyncIterator[MemoryUse]:
    """Measure in the background while the context is open, and once more at its end."""
    use = MemoryUse()

    async def sample() -> None:
        while True:
            use.note(await asyncio.to_thread(measure))
            await asyncio.sleep(every_secs)

    task = asyncio.create_task(sample())
    try:
        yield use
    finally:
        task.cancel()
        use.note(await asyncio.to_thread(measure))
