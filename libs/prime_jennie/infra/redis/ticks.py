"""Read ticks as they come: no group, no history, no acknowledgement."""

import time
from collections.abc import AsyncGenerator
from typing import Final

import structlog
from redis.asyncio import Redis

from prime_jennie.domain.market import TickBatch
from prime_jennie.domain.ports import Clock
from prime_jennie.domain.topics import TICKS
from prime_jennie.infra import metrics
from prime_jennie.infra.clock.protocol import CONSUMED_ALL
from prime_jennie.infra.outages import OUTAGES, Backoff
from prime_jennie.infra.redis.connection import BLOCK_SECS
from prime_jennie.infra.redis.entries import UnreadableError, decode
from prime_jennie.infra.redis.replies import Fields, range_entries, stream_entries

log = structlog.get_logger(__name__)

VIRTUAL_BLOCK_SECS: Final = 0.05  # real; an idle reader must report progress often, or it brakes the virtual day
READ_COUNT: Final = 64


class TickReader:
    """Yields every batch published after the first read, and tells the clock how far it has come."""

    def __init__(self, redis: Redis, clock: Clock, consumer: str, *, stream: str = TICKS.stream.value) -> None:
        self._redis = redis
        self._clock = clock
        self._consumer = consumer
        self._stream = stream
        self._block_ms = int((VIRTUAL_BLOCK_SECS if clock.virtual else BLOCK_SECS) * 1000)
        self._last_id: str | None = None
        self._heard_at = time.monotonic()
        self.outage: str | None = None
        """What interrupts the ticks right now, None while they come or Redis is merely quiet."""

    @property
    def silent_secs(self) -> float:
        """Real seconds since the last batch."""
        return time.monotonic() - self._heard_at

    async def batches(self) -> AsyncGenerator[TickBatch, None]:
        """Yield batches for ever; after an outage it goes on behind the last one it saw.

        Progress is reported when the next batch is asked for: the one before has then been worked through. Close it
        (`aclosing`): only then is the clock told at once that this consumer has left.
        """
        backoff = Backoff()
        try:
            while True:
                try:
                    asked_at = self._clock.now()
                    entries = await self._read()
                    self._works()
                    backoff.reset()
                except OUTAGES as error:
                    self._interrupted(error)
                    await backoff.pause()
                    continue
                for entry_id, fields in entries:
                    self._last_id = entry_id
                    try:
                        batch = decode(self._stream, entry_id, fields, TickBatch).message
                    except UnreadableError as error:
                        self._skip(entry_id, error)
                        continue
                    self._heard_at = time.monotonic()
                    yield batch
                    await self._clock.progress(self._consumer, batch.at)
                if not entries:
                    await self._clock.progress(self._consumer, asked_at)
        finally:
            await self._clock.progress(self._consumer, CONSUMED_ALL)

    async def _read(self) -> list[tuple[str, Fields]]:
        if self._last_id is None:
            newest = range_entries(await self._redis.xrevrange(self._stream, count=1))
            self._last_id = newest[0][0] if newest else "0-0"
        return stream_entries(
            await self._redis.xread({self._stream: self._last_id}, count=READ_COUNT, block=self._block_ms)
        )

    def _skip(self, entry_id: str, error: UnreadableError) -> None:
        metrics.STREAM_DEAD.labels(self._stream, error.reason).inc()
        log.error("tick entry skipped", stream=self._stream, entry=entry_id, reason=error.reason, detail=error.detail)

    def _works(self) -> None:
        if self.outage is not None:
            log.info("ticks come again", stream=self._stream)
        self.outage = None

    def _interrupted(self, error: Exception) -> None:
        if self.outage is None:
            log.warning("ticks interrupted, retrying", stream=self._stream, error=f"{type(error).__name__}: {error}")
        self.outage = f"{type(error).__name__}: {error}"
