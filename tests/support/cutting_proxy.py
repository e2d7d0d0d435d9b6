"""A TCP proxy that loses replies: the request arrives, the answer does not."""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self


class CuttingProxy:
    """Forwards to a port on this machine; after `cut()`, the next reply that contains it closes the connection."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._cut_on_request: bytes | None = None
        self._lose_next_reply = False
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.cuts = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def cut_reply_to(self, command: bytes) -> None:
        """Lose the reply to the next request that contains `command`, and the connection with it."""
        self._cut_on_request = command

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        for task in (
            asyncio.create_task(self._requests(reader, upstream_writer)),
            asyncio.create_task(self._replies(upstream_reader, writer)),
        ):
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _requests(self, reader: asyncio.StreamReader, upstream: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                if self._cut_on_request is not None and self._cut_on_request in data:
                    self._cut_on_request = None
                    self._lose_next_reply = True
                upstream.write(data)
                await upstream.drain()
        upstream.close()

    async def _replies(self, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await upstream.read(65_536):
                if self._lose_next_reply:
                    self._lose_next_reply = False
                    self.cuts += 1
                    break
                writer.write(data)
                await writer.drain()
        writer.close()
