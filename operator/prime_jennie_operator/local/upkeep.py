"""What keeps a run going beside its block: tasks that end with the run and not before."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from prime_jennie.infra.tasks import end_task
from prime_jennie_operator.local.errors import RunBroken
from prime_jennie_operator.local.process import Report


class Upkeep:
    """Cancels the block of a run that nobody keeps going any more: it would only look like one."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._endless: list[asyncio.Task[None]] = []
        self._block: asyncio.Task[Any] | None = None
        self._broken: RunBroken | None = None
        self._stopping = False

    def of_this_block(self) -> None:
        """Remember whom to cancel."""
        self._block = asyncio.current_task()

    def begin(self, what: str, work: Coroutine[Any, Any, None]) -> None:
        """Start what never ends by itself."""
        task = asyncio.create_task(work, name=what)
        self._endless.append(task)
        self.look_after(task)

    def look_after(self, task: asyncio.Task[None]) -> None:
        """Watch a task that may return, as a process that is stopped does, and must not fail."""
        task.add_done_callback(self._on_end)

    async def stop(self) -> None:
        """End what never ends by itself."""
        self._stopping = True
        await asyncio.gather(*(end_task(task) for task in self._endless))
        self._endless.clear()

    def raise_broken(self) -> None:
        """Say why the block was cancelled, where that was done here."""
        if self._broken is not None:
            if self._block is not None:
                self._block.uncancel()
            raise self._broken

    def _on_end(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if self._stopping or self._broken is not None or (error is None and task not in self._endless):
            return
        self._broken = RunBroken(task.get_name(), error)
        self._broken.__cause__ = error
        self._report("runner", str(self._broken))
        if self._block is not None:
            self._block.cancel()
