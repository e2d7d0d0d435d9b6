"""Run a coroutine that Ctrl-C and SIGTERM end in order: it is cancelled once and may take its time to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):  # noqa: N818 — it is no error: somebody asked to stop
    """Carry the signal that ended the run; a shell expects 128 + its number as exit status."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number.name)
        self.exit_code = 128 + number


def run_until_signal(main: Coroutine[Any, Any, Result]) -> Result:
    """Run to the end like asyncio.run; on the first signal cancel, wait for the clean-up, raise Interrupted.

    Later signals change nothing: a second Ctrl-C must not leave processes behind.
    """
    received: list[signal.Signals] = []

    async def guarded() -> Result:
        task = asyncio.current_task()
        loop = asyncio.get_running_loop()

        def on_signal(number: signal.Signals) -> None:
            received.append(number)
            if len(received) == 1 and task is not None:
                task.cancel()

        for number in ENDING:
            loop.add_signal_handler(number, on_signal, number)
        return await main

    try:
        return asyncio.run(guarded())
    except asyncio.CancelledError:
        if received:
            raise Interrupted(received[0]) from None
        raise
