"""The HTTP session of kopf's watches and of our own requests: credentials, counting, and who watches what."""

from __future__ import annotations

from functools import cache
from typing import Final, Protocol

import aiohttp
from prometheus_client import Counter
from yarl import URL

from prime_jennie_operator.kube.connection import Connection
from prime_jennie_operator.work import metrics

CONNECT_SECS: Final = 3.0
KEPT_OPEN: Final = 64  # connections; more than workers and watches together


class WatchListener(Protocol):
    """Hears by path what kopf asks the API server."""

    def listing(self, path: str) -> None:
        """All objects are about to be told anew."""

    def watching(self, path: str) -> None:
        """The server has begun to tell of changes, after the last that it told."""


def open_session(connection: Connection, *, listener: WatchListener | None = None) -> aiohttp.ClientSession:
    """Open a session that knows the credentials."""
    host = URL(connection.server).authority

    @cache
    def counter(code: str, method: str) -> Counter:
        return metrics.REST_REQUESTS.labels(code, method, host)

    async def counted(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        try:
            response = await _answer(connection, request, handler)
        except (aiohttp.ClientError, TimeoutError, OSError):
            counter("<error>", request.method).inc()
            raise
        counter(str(response.status), request.method).inc()
        if listener is not None and response.status == 200 and request.method == "GET":
            query = request.url.query
            if query.get("watch") == "true":
                listener.watching(request.url.path)
            elif "continue" not in query:
                listener.listing(request.url.path)
        return response

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=KEPT_OPEN, ssl=connection.ssl_context),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECS),
        headers={"User-Agent": "prime-jennie-operator", "Accept": "application/json"},
        middlewares=(counted,),
    )


async def _answer(
    connection: Connection, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    request.headers.update(connection.headers())
    response = await handler(request)
    if response.status == 401 and connection.token_file is not None:
        response.release()
        request.headers.update(connection.headers(anew=True))
        response = await handler(request)
    return response
