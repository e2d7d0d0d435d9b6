"""Where entries go that nobody can read: kept with their reason, never in the way of the next one."""

from collections.abc import Mapping
from typing import Any, Final

import structlog
from redis.asyncio import Redis

from prime_jennie.domain.topics import DEAD_LETTER_SUFFIX
from prime_jennie.infra import metrics

log = structlog.get_logger(__name__)

MAX_DEAD: Final = 10_000
MAX_FIELD_CHARS: Final = 4_096


class DeadLetters:
    """The dead-letter stream beside a stream."""

    def __init__(self, redis: Redis, stream: str) -> None:
        self._redis = redis
        self._stream = stream

    async def bury(self, group: str, entry_id: str, fields: Mapping[str, str], reason: str, detail: str) -> None:
        """Keep the entry and acknowledge it, both or neither; long fields are cut, their size is kept."""
        kept = {f"field:{name[:64]}": value[:MAX_FIELD_CHARS] for name, value in list(fields.items())[:16]}
        size = sum(len(name) + len(value) for name, value in fields.items())
        record: dict[Any, Any] = {
            "id": entry_id,
            "group": group,
            "reason": reason,
            "detail": detail[:500],
            "size": str(size),
            **kept,
        }
        async with self._redis.pipeline(transaction=True) as both:
            both.xadd(self._stream + DEAD_LETTER_SUFFIX, record, maxlen=MAX_DEAD, approximate=True)
            both.xack(self._stream, group, entry_id)
            await both.execute()
        metrics.STREAM_DEAD.labels(self._stream, reason).inc()
        log.error("entry kept as dead letter", stream=self._stream, entry=entry_id, reason=reason, detail=detail[:200])
