"""End background tasks for certain."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

ASK_AGAIN_SECS: Final = 0.2


async def end_task(task: "asyncio.Future[Any]", *, within_secs: float = 3.0) -> bool:
    """Cancel a task and return once it is over; False when it resists for `within_secs`.

    Python 3.11's `wait_for`, which redis-py sends with, swallows a cancellation that meets a finished send: so a
    single cancel is not always heard.
    """
    asked = 0
    while not task.done() and asked * ASK_AGAIN_SECS < within_secs:
        task.cancel()
        await asyncio.wait({task}, timeout=ASK_AGAIN_SECS)
        asked += 1
    return task.done()


async def end_tasks(tasks: "Iterable[asyncio.Future[Any]]", *, within_secs: float = 3.0) -> None:
    """End tasks side by side, all within `within_secs`."""
    await asyncio.gather(*(end_task(task, within_secs=within_secs) for task in tasks))
