"""What the operator answers over HTTP: whether it lives, whether it is ready, what it has counted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

Complaints = Callable[[], Sequence[str]]
"""What stands against an answer of 200; nothing is good."""


@asynccontextmanager
async def serving(host: str, port: int, *, alive: Complaints, ready: Complaints) -> AsyncIterator[int]:
    """Answer /livez, /readyz and /metrics for the block; give the port. Raise OSError when it is taken."""

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/livez", _answering(alive))
    app.router.add_get("/readyz", _answering(ready))
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


def _answering(complaints: Complaints) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        found = complaints()
        return web.Response(text="\n".join([*found, ""]) if found else "ok\n", status=503 if found else 200)

    return answer
