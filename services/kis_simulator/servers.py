"""HTTP servers inside one process: lower-case headers, a transport that faults may cut, ports taken early."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from prime_jennie.domain.errors import BadInput


class CuttableProtocol(HttpToolsProtocol):
    """Show each request its transport as `scope["state"]["transport"]`, so that a reply can be lost on purpose."""

    def connection_made(self, transport: Any) -> None:
        """Keep the transport beside the application's state."""
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)


class HttpServer(uvicorn.Server):
    """A server whose process handles signals elsewhere."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals alone."""
        yield


def listen(flag: str, host: str, port: int) -> socket.socket:
    """Take a port or say which one is in use."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise BadInput("jennie-sim", flag, f"{host}:{port} cannot be taken: {error.strerror or error}") from error
    listener.listen(1024)
    listener.setblocking(False)
    return listener


async def serve_http(app: Any, listener: socket.socket, stop: asyncio.Event) -> None:
    """Serve until told to stop; open connections get a second to finish."""
    config = uvicorn.Config(
        app,
        http=CuttableProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=1,
        # A slow order fault must not be cut by an idle timer.
        timeout_keep_alive=75,
    )
    server = HttpServer(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stopping.cancel()
    await serving
