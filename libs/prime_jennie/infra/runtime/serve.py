"""Run a service until it is told to stop."""

import os
import signal
import socket
import sys
import threading
from types import FrameType
from typing import NoReturn, TypeVar

import structlog
import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError

from prime_jennie.domain.errors import BadInput, field_path
from prime_jennie.infra.clients.slack import add_slack_handler
from prime_jennie.infra.runtime.supervise import crashed_loops, refused_loops
from prime_jennie.infra.settings import ServiceSettings

S = TypeVar("S", bound=ServiceSettings)
log = structlog.get_logger(__name__)

BAD_INPUT_STATUS = 2
CRASH_STATUS = 1
LONGEST_FRAME_BYTES = 64 * 1024  # of a WebSocket: pages have little to say


def load_settings(settings_type: type[S]) -> S:
    """Read the environment; a wrong variable is one line on stderr (never its value) and exit status 2."""
    try:
        return settings_type()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        reason = str(first["msg"]).removeprefix("Value error, ")
        _refuse(str(BadInput("environment", field_path(first["loc"]).upper(), reason)))


def serve(app: FastAPI, settings: ServiceSettings, *, with_web_sockets: bool = False) -> NoReturn:
    """Serve until SIGTERM or SIGINT, then stop within the configured seconds; never returns. Slack hears of it.

    Exit status 0 after a stop that was asked for, 1 after a crash or a stop that took too long, 2 when the port is
    taken or a loop could not start, uvicorn's 3 when the lifespan failed to start.
    """
    listener = _listen(settings)
    add_slack_handler(settings, app.title)
    for asked in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked, signal.SIG_IGN)  # uvicorn raises what it caught once more when it is done
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio" if with_web_sockets else "none",
        ws_max_size=LONGEST_FRAME_BYTES,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=max(1, int(settings.stop_within_secs) - 2),
        lifespan="on",
    )
    server = _Server(config, settings.stop_within_secs)
    server.run(sockets=[listener])
    if crashed_loops():
        sys.exit(CRASH_STATUS)
    sys.exit(BAD_INPUT_STATUS if refused_loops() else 0)


class _Server(uvicorn.Server):
    """Ends hard when a graceful stop takes too long: whoever recovers from SIGKILL recovers from this."""

    def __init__(self, config: uvicorn.Config, stop_within_secs: float) -> None:
        super().__init__(config)
        self._stop_within_secs = stop_within_secs

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if not self.should_exit:
            last_resort = threading.Timer(self._stop_within_secs, os._exit, [CRASH_STATUS])
            last_resort.daemon = True
            last_resort.start()
        super().handle_exit(sig, frame)


def _listen(settings: ServiceSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        _refuse(f"environment: PORT: {settings.host}:{settings.port}: {error.strerror or error}")
    listener.set_inheritable(True)
    return listener


def _refuse(line: str) -> NoReturn:
    print(line, file=sys.stderr)  # noqa: T201 - logging may not be configured yet
    sys.exit(BAD_INPUT_STATUS)
