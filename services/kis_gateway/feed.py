"""Pass every exchange frame on as one entry of stream:ticks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

import structlog
from redis.asyncio import Redis

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
