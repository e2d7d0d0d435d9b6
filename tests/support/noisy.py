"""A service that logs at every level, to be run and ended as a process: how Slack hears of its last words.

Argument 1 is what it does after it has spoken: `serve` until told to stop, `end` by itself, or `crash`.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI

from prime_jennie.domain.health import DependencyHealth
from prime_jennie.infra.clients.slack import add_slack_handler
from prime_jennie.infra.logging import configure_logging
from prime_jennie.infra.runtime import load_settings, serve, service_app
from prime_jennie.infra.settings import ServiceSettings


def speak() -> None:
    """Say something at every level, a secret among it."""
    log = structlog.get_logger("noisy")
    log.info("started")
    log.warning("memory is short", mb=74)
    log.warning("memory is short", mb=74)
    log.error("account 12345678-01 refused", access_token="s3cr3tValue")
    log.critical("cannot go on")


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """Speak once Slack listens."""
    speak()
    yield


async def dependencies() -> dict[str, DependencyHealth]:
    """Depend on nothing."""
    return {}


if __name__ == "__main__":
    settings = load_settings(ServiceSettings)
    configure_logging("noisy")
    if sys.argv[1] == "serve":
        app = service_app("noisy", lifespan=lifespan, dependencies=dependencies, extras=dict, ready=lambda: True)
        serve(app, settings)
    add_slack_handler(settings, "noisy")
    speak()
    if sys.argv[1] == "crash":
        raise RuntimeError("bug")
