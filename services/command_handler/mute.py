"""For how long notices are muted."""

from datetime import datetime
from typing import Final

import structlog
from redis.asyncio import Redis

from prime_jennie.domain.keys import RedisKeys

KEY: Final = RedisKeys.MUTE_UNTIL.value
log = structlog.get_logger(__name__)


class Mute:
    """One mute for all chats, until a moment of the clock."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def until(self, at: datetime) -> datetime | None:
        """Return the end of the mute, None where none is in force; an unreadable one is none."""
        text = await self._redis.get(KEY)
        if text is None:
            return None
        try:
            end = datetime.fromisoformat(str(text))
            return end if end > at else None
        except (ValueError, TypeError):
            log.warning("unreadable mute ignored", value=str(text)[:40])
            return None

    async def mute(self, end: datetime) -> None:
        """Mute until then; the value itself says when it ends, for the clock of a virtual day runs faster."""
        await self._redis.set(KEY, end.isoformat())

    async def unmute(self) -> bool:
        """End the mute; False when there was none."""
        return bool(await self._redis.delete(KEY))
