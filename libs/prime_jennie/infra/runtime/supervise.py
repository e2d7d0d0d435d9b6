"""Background loops live and die with their process."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

import structlog

from prime_jennie.infra.tasks import end_tasks

log = structlog.get_logger(__name__)

STOP_WITHIN_SECS = 3.0
_crashed: list[str] = []


def crashed_loops() -> tuple[str, ...]:
    """Return the loops whose end ended this process."""
    return tuple(_crashed)


@asynccontextmanager
async def supervise(loops: Mapping[str, Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Run loops for as long as the block; one that crashes or returns stops the process with status 1.

    The runner or the kubelet then starts it anew: start-up and recovery are one path.
    """
    tasks = [asyncio.create_task(loop, name=name) for name, loop in loops.items()]
    for task in tasks:
        task.add_done_callback(_on_done)
    try:
        yield
    finally:
        for task in tasks:
            task.remove_done_callback(_on_done)
        await end_tasks(tasks, within_secs=STOP_WITHIN_SECS)


def _on_done(task: asyncio.Task[None]) -> None:
    if task.cancelled():
        return
    error = task.exception()
    log.critical("background loop ended, stopping the process", loop=task.get_name(), exc_info=error)
    _crashed.append(task.get_name())
    os.kill(os.getpid(), signal.SIGTERM)
