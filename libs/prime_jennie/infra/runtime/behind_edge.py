"""Open what a service works with behind its HTTP edge: the process is alive at once, however long opening takes."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import FastAPI

from prime_jennie.infra.runtime.supervise import supervise

OpenAndWork = Callable[[FastAPI, AsyncExitStack], Coroutine[Any, Any, None]]


def behind_edge(
    loop: str, open_and_work: OpenAndWork, forget: Callable[[], None]
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Return a lifespan that runs `open_and_work(app, stack)` beside the requests, as the loop of that name.

    What it puts on the stack is closed at shutdown, after `forget` has been called.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # The stack is closed here and not by the task: end_task cancels a task over and over, its clean-up included.
        async with AsyncExitStack() as stack, supervise({loop: open_and_work(app, stack)}):
            yield
            forget()

    return lifespan
