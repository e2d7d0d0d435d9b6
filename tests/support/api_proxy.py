"""An HTTP proxy before an API server: it counts what is asked, and answers worse than the real one when told to."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web

from tests.support.cluster_access import ClusterAccess

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_HOP_BY_HOP = frozenset({"connection", "transfer-encoding", "content-encoding", "content-length", "host"})


@dataclass(frozen=True)
class Asked:
    """One request that arrived."""

    method: str
    path: str
    query: str
    agent: str

    @property
    def is_watch(self) -> bool:
        return "watch=true" in self.query

    @property
    def is_write(self) -> bool:
        """Whether it changes more than a lease or an event."""
        return self.method in WRITES and "/leases" not in self.path and "/events" not in self.path


Matches = Callable[[Asked], bool]


class ApiProxy:
    """Speaks plain HTTP to its clients, and as an administrator, or as whoever asks with a token, to the API server."""

    def __init__(self, access: ClusterAccess) -> None:
        self._access = access
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self._open: dict[asyncio.Task[object], Asked] = {}
        self._refusals: list[tuple[Matches, int, str, list[int]]] = []
        self._expired: set[str] = set()
        self._frozen: Matches = lambda _: False
        self._thawed = asyncio.Event()
        self.asked: list[Asked] = []
        self.url = ""

    async def __aenter__(self) -> Self:
        tls = ssl.create_default_context(cafile=str(self._access.ca))
        tls.load_cert_chain(self._access.admin.certificate, self._access.admin.key)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls, limit=0), auto_decompress=False, timeout=aiohttp.ClientTimeout()
        )
        app = web.Application(client_max_size=16 * 1024**2)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner is not None
        assert self._session is not None
        self.thaw()
        for task in list(self._open):
            task.cancel()
        await self._runner.cleanup()
        await self._session.close()

    def writes(self) -> list[Asked]:
        """What was written, leases and events not counted."""
        return [asked for asked in self.asked if asked.is_write]

    def count(self) -> Counter[str]:
        return Counter(asked.method for asked in self.asked)

    def refuse(self, matches: Matches, status: int, reason: str = "Conflict", times: int = 1_000_000) -> None:
        """Answer matching requests with a refusal, so many times."""
        self._refusals.append((matches, status, reason, [times]))

    def relent(self) -> None:
        """Refuse nothing any more."""
        self._refusals.clear()

    def cut(self, matches: Matches = lambda _: True) -> int:
        """Break the connections of requests that are under way; return how many there were."""
        found = [task for task, asked in self._open.items() if matches(asked)]
        for task in found:
            task.cancel()
        return len(found)

    def freeze(self, matches: Matches = lambda _: True) -> None:
        """Let connections stand and say nothing on them any more, whatever is asked: what a lost network looks like."""
        self._thawed.clear()
        self._frozen = matches

    def expire(self, matches: Matches = lambda asked: asked.is_watch) -> None:
        """Cut matching watches, and tell the next one of each path that what it asks for is too old to be told."""
        self._expired |= {asked.path for asked in self._open.values() if matches(asked)}
        self.cut(matches)

    def thaw(self) -> None:
        self._frozen = lambda _: False
        self._thawed.set()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        asked = Asked(request.method, request.path, request.query_string, request.headers.get("User-Agent", ""))
        self.asked.append(asked)
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = asked
        try:
            return await self._forward(request, asked)
        except asyncio.CancelledError:
            if request.transport is not None:
                request.transport.abort()
            raise
        finally:
            del self._open[task]

    async def _forward(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        for matches, status, reason, left in self._refusals:
            if left[0] > 0 and matches(asked):
                left[0] -= 1
                told = {"kind": "Status", "status": "Failure", "code": status, "reason": reason, "message": "told so"}
                return web.Response(status=status, text=json.dumps(told), content_type="application/json")
        await self._while_frozen(asked)
        if asked.is_watch and asked.path in self._expired:
            self._expired.discard(asked.path)
            gone = {"kind": "Status", "status": "Failure", "code": 410, "reason": "Expired", "message": "too old"}
            return web.json_response({"type": "ERROR", "object": gone})
        assert self._session is not None
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        url = self._access.url + request.path_qs
        body = await request.read()
        try:
            async with self._session.request(request.method, url, data=body or None, headers=headers) as answer:
                kept = {n: v for n, v in answer.headers.items() if n.lower() not in _HOP_BY_HOP - {"content-encoding"}}
                response = web.StreamResponse(status=answer.status, headers=kept)
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    await self._while_frozen(asked)
                    await response.write(chunk)
                with suppress(ConnectionError):
                    await response.write_eof()
                return response
        except aiohttp.ClientConnectionError as error:
            if request.transport is not None:
                request.transport.abort()
            raise web.HTTPBadGateway from error

    async def _while_frozen(self, asked: Asked) -> None:
        while self._frozen(asked):
            await self._thawed.wait()
