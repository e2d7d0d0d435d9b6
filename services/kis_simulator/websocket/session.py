"""One customer's WebSocket session."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from typing import Any, NamedTuple

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.protocol import Event

# Far above a healthy customer's backlog: at two seconds a frame this is hours of the day.
MOST_QUEUED = 20_000


class Registration(NamedTuple):
    """A TR and its key: a stock code, or the customer's login for notices."""

    tr_id: str
    tr_key: str


class Cipher(NamedTuple):
    """The secrets of an acknowledgement: 32 and 16 characters."""

    key: str
    iv: str


class LivenessConnection(ServerConnection):
    """A connection that notes every sign of life, unasked pong frames included."""

    heard_at: float = 0.0

    def process_event(self, event: Event) -> None:
        """Note the time before the library handles the frame."""
        self.heard_at = time.monotonic()
        super().process_event(event)


class Session:
    """What a connection registered, and the frames that wait for it."""

    def __init__(self, connection: LivenessConnection) -> None:
        """Bind the connection; the app key is known with the first registration."""
        self.connection = connection
        self.appkey_id = ""
        self.registrations: dict[Registration, Cipher] = {}
        self._queue: asyncio.Queue[str] = asyncio.Queue(MOST_QUEUED)

    def register(self, registration: Registration) -> Cipher:
        """Add a registration with fresh secrets."""
        cipher = Cipher(secrets.token_hex(16), secrets.token_hex(8))
        self.registrations[registration] = cipher
        return cipher

    def codes(self, tr_id: str) -> list[str]:
        """Return the keys registered for a TR."""
        return [registration.tr_key for registration in self.registrations if registration.tr_id == tr_id]

    def push(self, frame: str) -> None:
        """Queue a frame; a customer that stopped reading is cut."""
        try:
            self._queue.put_nowait(frame)
        except asyncio.QueueFull:
            self.cut()

    async def write(self) -> None:
        """Send queued frames until the connection ends."""
        try:
            while True:
                await self.connection.send(await self._queue.get())
        except ConnectionClosed:
            return

    async def reply(self, message: dict[str, Any]) -> None:
        """Send a control message in its turn."""
        self.push(json.dumps(message, ensure_ascii=False))

    def cut(self) -> None:
        """Break the connection without a close frame."""
        self.connection.transport.abort()
