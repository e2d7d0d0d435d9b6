"""/ws: what happens, as it happens, and what a page missed while it was away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from dashboard_api.access import Access
from dashboard_api.config import DashboardSettings
from dashboard_api.hub import Client, Hub, Stalled
from dashboard_api.updates import Resume, Update, UpdateKind
from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.ports import Clock
from prime_jennie.infra.tasks import end_task

LONGEST_WORD = 200  # characters of what a page may say
POLICY, UNSUPPORTED, TOO_BIG, TRY_LATER = 1008, 1003, 1009, 1013

log = structlog.get_logger(__name__)


def live_routes(settings: DashboardSettings, access: Access, hub: Hub, clock: Callable[[], Clock]) -> APIRouter:
    """Return the WebSocket's route; `?epoch=…&seq=…` of the last update brings what came after it, before anything new.

    When that cannot be told completely (restart, too long ago), a `reset` comes instead: load everything anew.
    """
    router = APIRouter()

    @router.websocket("/ws")
    async def live(socket: WebSocket) -> None:
        offered = [protocol.strip() for protocol in socket.headers.get("sec-websocket-protocol", "").split(",")]
        allowed, protocol = access.protocol_that_may_read(socket.headers.get("authorization"), offered)
        if not allowed:
            await socket.close(POLICY, "a bearer token is needed")
            return
        await socket.accept(protocol)
        try:
            resume = Resume.model_validate(dict(socket.query_params)) if socket.query_params else None
        except ValidationError:
            await socket.close(UNSUPPORTED, "to resume, say ?epoch=…&seq=…, as the last update had them")
            return
        if hub.is_full:
            await socket.close(TRY_LATER, "too many pages are open")
            return
        try:
            at_work = clock()
        except Unavailable:
            await socket.close(TRY_LATER, "starting")
            return
        await _Page(socket, settings, hub, at_work).live(resume)

    return router


class _Page:
    """One open WebSocket."""

    def __init__(self, socket: WebSocket, settings: DashboardSettings, hub: Hub, clock: Clock) -> None:
        self._socket = socket
        self._settings = settings
        self._hub = hub
        self._clock = clock

    async def live(self, resume: Resume | None) -> None:
        client = self._hub.join()
        missed = [] if resume is None else self._hub.missed(resume)
        first = [self._word(UpdateKind.HELLO), *([self._word(UpdateKind.RESET)] if missed is None else missed)]
        listening = asyncio.create_task(self._listen(), name="listen to a page")
        telling = asyncio.create_task(self._tell(first, client), name="tell a page")
        try:
            await asyncio.wait({listening, telling}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.leave(client)
            await end_task(listening)
            await end_task(telling)

    async def _listen(self) -> None:
        """Read until the page leaves; it has nothing to say, and what it says must be small."""
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            if text is None:
                await self._close(UNSUPPORTED, "text only")
                return
            if len(text) > LONGEST_WORD:
                await self._close(TOO_BIG, f"at most {LONGEST_WORD} characters")
                return

    async def _tell(self, first: Sequence[Update], client: Client) -> None:
        """Send what comes first past the client's backlog, which is for what happens meanwhile, then all that comes."""
        try:
            for word in first:
                await self._send(word)
            while True:
                update = await client.next(self._settings.prices_every_secs)
                if update is None:
                    update = self._hub.prices_for(client, self._clock.now())
                if update is not None:
                    await self._send(update)
        except (Stalled, TimeoutError):
            client.is_stalled = True
            log.info("a page does not read, closing it")
            await self._close(TRY_LATER, "too slow: reconnect and resume")
        except (WebSocketDisconnect, RuntimeError):
            return

    async def _send(self, update: Update) -> None:
        async with asyncio.timeout(self._settings.stalled_secs):
            await self._socket.send_text(update.model_dump_json())

    def _word(self, kind: UpdateKind) -> Update:
        return Update(epoch=self._hub.epoch, seq=self._hub.seq, type=kind, at=self._clock.now())

    async def _close(self, code: int, reason: str) -> None:
        try:
            async with asyncio.timeout(1):
                await self._socket.close(code, reason)
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            return
