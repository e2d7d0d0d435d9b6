"""Refuse a request body that no caller of ours would send, before it fills the memory."""

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BIGGEST_BODY_BYTES = 1_000_000


class BodyLimit:
    """ASGI middleware: whoever reads a body that is too big gets 413 instead of its rest."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        read_bytes = 0

        async def receive_within_limit() -> Message:
            nonlocal read_bytes
            if declared.isdecimal() and int(declared) > BIGGEST_BODY_BYTES:
                raise _too_big()
            message = await receive()
            read_bytes += len(message.get("body", b""))
            if read_bytes > BIGGEST_BODY_BYTES:
                raise _too_big()
            return message

        await self._app(scope, receive_within_limit, send)


def _too_big() -> HTTPException:
    return HTTPException(413, f"the body is larger than {BIGGEST_BODY_BYTES:,} bytes", {"Connection": "close"})
