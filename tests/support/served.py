"""A service of one file, to be run and stopped as a process: argument 1 says how it behaves."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from prime_jennie.domain.health import DependencyHealth
from prime_jennie.infra.runtime import load_settings, serve, service_app, supervise
from prime_jennie.infra.settings import ServiceSettings


async def forever() -> None:
    """Run until told to stop, as a service's loop does."""
    await asyncio.Event().wait()


async def crash() -> None:
    """Loop for a moment, then meet a bug."""
    await asyncio.sleep(0.1)
    raise KeyError("bug")


async def stubborn() -> None:
    """Ignore being cancelled."""
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            continue


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Run the loop that the argument names."""
    if sys.argv[1] == "broken":
        raise RuntimeError("cannot start")
    loops = {"good": forever, "crash": crash, "stubborn": stubborn}
    async with supervise({"loop": loops[sys.argv[1]]()}):
        yield


async def dependencies() -> dict[str, DependencyHealth]:
    """Depend on nothing."""
    return {}


if __name__ == "__main__":
    settings = load_settings(ServiceSettings)
    serve(
        service_app("served", lifespan=lifespan, dependencies=dependencies, extras=dict, ready=lambda: True), settings
    )
