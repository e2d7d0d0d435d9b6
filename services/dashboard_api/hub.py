"""Spread updates to every open page; one that does not read hurts nobody but itself."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from prometheus_client import Counter, Gauge
from pydantic import JsonValue

from dashboard_api.updates import Resume, Update, UpdateKind

CLIENTS: Final = Gauge("jennie_dashboard_clients", "Open WebSockets")
STALLED: Final = Counter("jennie_dashboard_stalled_total", "WebSockets closed because they did not read")


class Stalled(Exception):  # noqa: N818 - a client's state, not our fault
    """More waits for the client than it may leave unread."""


class Client:
    """One page: a bounded queue of updates, and the prices that changed since it was last told."""

    def __init__(self, backlog: int) -> None:
        self._waiting: deque[Update] = deque()
        self._backlog = backlog
        self._changed = asyncio.Event()
        self.is_stalled = False
        self.stale_prices: set[str] = set()

    def tell(self, update: Update) -> None:
        """Queue an update; a full queue marks the client as stalled and takes nothing more."""
        if len(self._waiting) >= self._backlog:
            self.is_stalled = True
        else:
            self._waiting.append(update)
        self._changed.set()

    async def next(self, within_secs: float) -> Update | None:
        """Return the next update, None when none came in time; raise Stalled once the queue has overflowed."""
        if not self._waiting and not self.is_stalled:
            self._changed.clear()
            try:
                async with asyncio.timeout(within_secs):
                    await self._changed.wait()
            except TimeoutError:
                return None
        if self.is_stalled:
            raise Stalled
        return self._waiting.popleft() if self._waiting else None


class Hub:
    """Number updates, keep the newest for those who come back, and hand them to every client."""

    def __init__(self, *, keep: int, backlog: int, max_clients: int) -> None:
        self.epoch = secrets.token_hex(8)
        self.seq = 0
        self._kept: deque[Update] = deque(maxlen=keep)
        self._backlog = backlog
        self._max_clients = max_clients
        self._clients: set[Client] = set()
        self._prices: dict[str, dict[str, JsonValue]] = {}

    @property
    def clients(self) -> int:
        """Return how many pages are open."""
        return len(self._clients)

    @property
    def is_full(self) -> bool:
        """Tell whether another page must be turned away."""
        return len(self._clients) >= self._max_clients

    def publish(self, kind: UpdateKind, at: datetime, data: Mapping[str, JsonValue]) -> Update:
        """Number an update, keep it and hand it to everybody."""
        self.seq += 1
        update = Update(epoch=self.epoch, seq=self.seq, type=kind, at=at, data=dict(data))
        self._kept.append(update)
        for client in self._clients:
            client.tell(update)
        return update

    def note_price(self, code: str, price_krw: int, at: datetime) -> None:
        """Take a stock's newest price; pages are told at their own pace."""
        self._prices[code] = {"price": price_krw, "at": at.isoformat()}
        for client in self._clients:
            client.stale_prices.add(code)

    def prices_for(self, client: Client, at: datetime) -> Update | None:
        """Return the newest prices of what changed for this client since the last time."""
        if not client.stale_prices:
            return None
        data: dict[str, JsonValue] = {code: self._prices[code] for code in sorted(client.stale_prices)}
        client.stale_prices.clear()
        return Update(epoch=self.epoch, seq=self.seq, type=UpdateKind.PRICES, at=at, data=data)

    def join(self) -> Client:
        """Take a page in; it is told all prices, and every update from now on."""
        client = Client(self._backlog)
        client.stale_prices.update(self._prices)
        self._clients.add(client)
        CLIENTS.set(len(self._clients))
        return client

    def leave(self, client: Client) -> None:
        """Forget a page."""
        self._clients.discard(client)
        CLIENTS.set(len(self._clients))
        if client.is_stalled:
            STALLED.inc()

    def missed(self, resume: Resume) -> list[Update] | None:
        """Return what came after a client's last update; None when that cannot be told completely any more."""
        if resume.epoch != self.epoch or resume.seq > self.seq:
            return None
        oldest = self._kept[0].seq if self._kept else self.seq + 1
        if resume.seq + 1 < oldest:
            return None
        return [update for update in self._kept if update.seq > resume.seq]
