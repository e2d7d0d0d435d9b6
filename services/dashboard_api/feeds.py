"""Follow the streams, the slots and the halts, and tell the hub what is new."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import structlog
from pydantic import BaseModel, JsonValue
from redis.asyncio import Redis

from dashboard_api.desk import DashboardDesk
from dashboard_api.hub import Hub
from dashboard_api.updates import UpdateKind
from prime_jennie.domain.alerts import Alert
from prime_jennie.domain.keys import Keyspace
from prime_jennie.domain.market import TickBatch
from prime_jennie.domain.positions import TradeNotification
from prime_jennie.domain.signals import BuySignal, SellOrder
from prime_jennie.domain.topics import ALERTS, BUY_SIGNALS, SELL_ORDERS, TICKS, TRADE_NOTIFICATIONS
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.slots import SlotRepository
from prime_jennie.infra.redis.connection import BLOCK_SECS
from prime_jennie.infra.redis.entries import UnreadableError, decode
from prime_jennie.infra.redis.replies import range_entries
from prime_jennie.infra.redis.strategies import known_strategies

STRATEGIES_EVERY_SECS: Final = 10.0  # real; a new strategy's streams are followed so soon
POLL_EVERY_SECS: Final = 2.0  # real; slots and halts are rows, not streams
SLOTS_SHOWN: Final = 50
READ_COUNT: Final = 100

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Followed:
    """One stream: what its entries are, and whose."""

    kind: UpdateKind
    model: type[BaseModel]
    strategy: str = ""


SHARED: Final = {
    TICKS.stream.value: Followed(UpdateKind.PRICES, TickBatch),
    TRADE_NOTIFICATIONS.stream.value: Followed(UpdateKind.TRADE, TradeNotification),
    ALERTS.stream.value: Followed(UpdateKind.ALERT, Alert),
}


class StreamFeed:
    """Follows the shared streams and every strategy's own, from now on, without a group.

    The clock is not told how far it is: a page that looks on must not brake a virtual day.
    """

    def __init__(self, redis: Redis, db: Database, hub: Hub) -> None:
        self._redis = redis
        self._db = db
        self._hub = hub
        self._followed: dict[str, Followed] = {}
        self._last_ids: dict[str, str] = {}
        self.begun = asyncio.Event()
        """The streams were looked for once: what is said from now on is told, unless Redis was away."""

    async def follow(self) -> None:
        """Follow for ever; an outage raises, and the next call goes on behind the last entry seen."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                await self._find_streams()
            finally:
                self.begun.set()
            look_again_at = loop.time() + STRATEGIES_EVERY_SECS
            while loop.time() < look_again_at:
                after: dict[Any, Any] = {**self._last_ids}
                answer: Any = await self._redis.xread(after, count=READ_COUNT, block=int(BLOCK_SECS * 1000))
                for stream, entries in answer or []:
                    for entry_id, fields in entries:
                        self._last_ids[stream] = entry_id
                        self._tell(stream, entry_id, fields or {})
                        await asyncio.sleep(0)  # a burst must not fill the backlog of a page that reads

    async def _find_streams(self) -> None:
        followed = dict(SHARED)
        for name in await known_strategies(self._redis, self._db):
            keys = Keyspace(name)
            followed[BUY_SIGNALS.stream_for(keys)] = Followed(UpdateKind.SIGNAL, BuySignal, name)
            followed[SELL_ORDERS.stream_for(keys)] = Followed(UpdateKind.SELL_ORDER, SellOrder, name)
        for stream in followed.keys() - self._last_ids.keys():
            newest = range_entries(await self._redis.xrevrange(stream, count=1))
            self._last_ids[stream] = newest[0][0] if newest else "0-0"
        self._followed = followed
        self._last_ids = {stream: last for stream, last in self._last_ids.items() if stream in followed}

    def _tell(self, stream: str, entry_id: str, fields: Mapping[str, str]) -> None:
        followed = self._followed[stream]
        try:
            message = decode(stream, entry_id, fields, followed.model).message
        except UnreadableError as error:
            log.error("entry not shown", stream=stream, entry=entry_id, reason=error.reason)
            return
        if isinstance(message, TickBatch):
            for tick in message.ticks:
                self._hub.note_price(tick.stock_code, tick.price, tick.at)
            return
        data: dict[str, JsonValue] = message.model_dump(mode="json")
        if followed.strategy:
            data["strategy"] = followed.strategy
        at = message.at if isinstance(message, Alert) else message.timestamp  # type: ignore[attr-defined]
        self._hub.publish(followed.kind, at, data)


class RowFeed:
    """Looks at slots and halts now and then, and tells what has changed since the look before."""

    def __init__(self, desk: DashboardDesk) -> None:
        self._desk = desk
        self._slots = SlotRepository(desk.jobs.db)
        self._known: dict[str, str] | None = None

    async def follow(self) -> None:
        """Look for ever; an outage raises."""
        while True:
            await self._look()
            await asyncio.sleep(POLL_EVERY_SECS)

    async def _look(self) -> None:
        now = self._desk.jobs.clock.now()
        found: dict[str, tuple[UpdateKind, dict[str, JsonValue]]] = {}
        for slot in await self._slots.page(self._desk.jobs.namespace, limit=SLOTS_SHOWN):
            if now - slot.at < timedelta(days=1):
                found[f"slot {slot.name}"] = (UpdateKind.SLOT, slot.model_dump(mode="json"))
        halts = await self._desk.halts()
        for strategy, live in (await self._desk.strategies()).items():
            standing = await halts.in_force(strategy, live.spec.trading)
            body: dict[str, JsonValue] = {"halts": [halt.model_dump(mode="json") for halt in standing]}
            found[f"halt {strategy}"] = (UpdateKind.HALT, {"strategy": strategy, **body})
        texts = {name: json.dumps(body, sort_keys=True) for name, (_, body) in found.items()}
        if self._known is not None:
            for name, (kind, body) in sorted(found.items()):
                if self._known.get(name) != texts[name]:
                    self._desk.hub.publish(kind, now, body)
        self._known = texts
