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
_refused: list[str] = []


class StartError(Exception):
    """A loop raises it for input that a person must mend: one line in the log, and exit status 2."""


def crashed_loops() -> tuple[str, ...]:
    """Return the loops whose end ended this process."""
    return tuple(_crashed)


def refused_loops() -> tuple[str, ...]:
    """Return the loops that could not start, which ended this process."""
    return tuple(_refused)


@asynccontextmanager
async def supervise(loops: Mapping[str, Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Run loops for as long as the block; one that crashes or returns ends the process with 1, a StartError with 2.

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
    if isinstance(error, StartError):
        log.critical("cannot start, stopping the process", loop=task.get_name(), error=str(error))
        _refused.append(task.get_name())
    else:
        log.critical("background loop ended, stopping the process", loop=task.get_name(), exc_info=error)
        _crashed.append(task.get_name())
    os.kill(os.getpid(), signal.SIGTERM)
