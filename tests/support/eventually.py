"""Wait for conditions, never for fixed times."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable


async def eventually(
    condition: Callable[[], object] | Callable[[], Awaitable[object]], *, within_secs: float = 10.0, what: str = ""
) -> None:
    """Return as soon as the condition holds; fail when it does not in time."""
    deadline = time.monotonic() + within_secs
    while True:
        found = condition()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen within {within_secs} s: {what or condition}")
        await asyncio.sleep(0.005)
