"""Pass every exchange frame on as one entry of stream:ticks, and keep track of who wants which stock."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from kis_gateway.metrics import BATCHES, LOST_BATCHES, TICKS
from kis_gateway.prices import Prices
from prime_jennie.domain.market import Tick, TickBatch
from prime_jennie.domain.ports import Broker, Clock
from prime_jennie.domain.topics import TICKS as TICKS_TOPIC
from prime_jennie.infra.clock.protocol import CONSUMED_ALL
from prime_jennie.infra.outages import OUTAGES, Outages
from prime_jennie.infra.redis.streams import TypedStreamPublisher

log = structlog.get_logger(__name__)

CONSUMER: Final = "kis-gateway"
SUBSCRIPTIONS_KEY: Final = "kis-gateway:subscriptions"  # hash: subscriber → codes, for the next run of this service
_IDLE_SECS: Final = 0.05  # real; a quiet exchange is reported as such, or it would brake the virtual day


class Feed:
    """Publish the trades of each frame together, in order."""

    def __init__(self, redis: Redis, broker: Broker, prices: Prices, clock: Clock, outages: Outages) -> None:
        self._broker = broker
        self._prices = prices
        self._clock = clock
        self._outages = outages
        self._stream = TypedStreamPublisher(redis, TICKS_TOPIC.stream.value, TickBatch, max_entries=TICKS_TOPIC.maxlen)

    async def run(self) -> None:
        """Publish for ever; ticks that come while Redis is gone are lost and counted, never late."""
        frames = self._broker.ticks()
        try:
            await self._pump(frames)
        finally:
            with suppress(*OUTAGES):
                await self._clock.progress(CONSUMER, CONSUMED_ALL)

    async def _pump(self, frames: AsyncIterator[tuple[Tick, ...]]) -> None:
        following = asyncio.ensure_future(anext(frames))
        try:
            while True:
                asked_at = self._clock.now()
                done, _ = await asyncio.wait({following}, timeout=_IDLE_SECS)
                if not done:
                    await self._clock.progress(CONSUMER, asked_at)
                    continue
                ticks = following.result()
                following = asyncio.ensure_future(anext(frames))
                await self._publish(ticks)
        finally:
            following.cancel()

    async def _publish(self, ticks: tuple[Tick, ...]) -> None:
        self._prices.note(ticks)
        batch = TickBatch(ticks=ticks, at=max(tick.at for tick in ticks))
        try:
            await self._stream.publish(batch)
        except OUTAGES as error:
            LOST_BATCHES.inc()
            self._outages.begin("ticks", error)
            return
        self._outages.end("ticks")
        BATCHES.inc()
        TICKS.inc(len(ticks))
        await self._clock.progress(CONSUMER, batch.at)


class Registrations:
    """Who wants which stock's ticks; a stock is registered while anybody does."""

    def __init__(self, redis: Redis, broker: Broker) -> None:
        self._redis = redis
        self._broker = broker
        self._wanted: dict[str, dict[str, None]] = {}

    @property
    def by_subscriber(self) -> dict[str, list[str]]:
        return {subscriber: list(codes) for subscriber, codes in self._wanted.items() if codes}

    @property
    def codes(self) -> list[str]:
        """Return every wanted stock once, in the order of the first wish."""
        return list(dict.fromkeys(code for codes in self._wanted.values() for code in codes))

    async def restore(self) -> None:
        """Want again what was wanted before this process started; an unreachable Redis has nothing to restore."""
        try:
            stored = await self._redis.hgetall(SUBSCRIPTIONS_KEY)
        except (RedisError, OSError) as error:
            log.warning("subscriptions not restored", error=f"{type(error).__name__}: {error}")
            return
        for subscriber, text in stored.items():
            with suppress(ValueError, TypeError):
                self._wanted.setdefault(str(subscriber), {}).update(dict.fromkeys(json.loads(text)))
        await self._broker.subscribe(self.codes)

    async def add(self, subscriber: str, codes: Sequence[str]) -> None:
        """Note a wish; Conflict, and nothing noted, when the broker has no room for it."""
        await self._broker.subscribe(codes)
        self._wanted.setdefault(subscriber, {}).update(dict.fromkeys(codes))
        await self._store(subscriber)

    async def remove(self, subscriber: str, codes: Sequence[str]) -> None:
        """Give a wish up; the registration goes when it was the last."""
        mine = self._wanted.get(subscriber, {})
        for code in codes:
            mine.pop(code, None)
        still = set(self.codes)
        await self._broker.unsubscribe([code for code in codes if code not in still])
        await self._store(subscriber)

    async def _store(self, subscriber: str) -> None:
        with suppress(RedisError, OSError):  # the memory of this process serves until the next restart
            await self._redis.hset(SUBSCRIPTIONS_KEY, subscriber, json.dumps(list(self._wanted.get(subscriber, {}))))
