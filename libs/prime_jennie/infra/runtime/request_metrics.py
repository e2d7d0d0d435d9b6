"""Count requests by route, not by address, so that hostile paths add no series."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from prime_jennie.infra.metrics import HTTP_REQUESTS, HTTP_SECONDS


class RequestMetrics:
    """ASGI middleware around every request."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500
        began_at = time.monotonic()

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        finally:
            path = getattr(scope.get("route"), "path", "unknown")
            HTTP_REQUESTS.labels(self._service, scope["method"], path, str(status)).inc()
            HTTP_SECONDS.labels(self._service, path).observe(time.monotonic() - began_at)
