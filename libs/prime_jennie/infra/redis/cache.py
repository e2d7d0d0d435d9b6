"""Models under keys, as JSON with a time to live."""

from typing import Generic, Self, TypeVar

import structlog
from pydantic import BaseModel, ValidationError
from redis.asyncio import Redis

from prime_jennie.domain.keys import RedisKeys
from prime_jennie.infra.redis.connection import reachable

T = TypeVar("T", bound=BaseModel)
log = structlog.get_logger(__name__)


class TypedCache(Generic[T]):
    """A cache of one model; `key_pattern` may have `{parameters}`.

    An unreachable Redis raises Unavailable. The time to live is housekeeping in real time: what a value's age means
    is judged by its own timestamps.
    """

    def __init__(self, redis: Redis, key_pattern: str, model_type: type[T], default_ttl: int) -> None:
        self._redis = redis
        self._key_pattern = key_pattern
        self._model_type = model_type
        self._default_ttl_secs = default_ttl

    @classmethod
    def of(cls, redis: Redis, key: RedisKeys, model_type: type[T]) -> Self:
        """Return the cache of a key that all strategies share, with that key's own time to live."""
        if key.ttl_secs is None:
            raise ValueError(f"{key.value} lives for ever: it is no cache")
        return cls(redis, key.value, model_type, key.ttl_secs)

    async def get(self, **key_params: object) -> T | None:
        """Return the value, None when absent; an unreadable one counts as absent and is logged."""
        key = self._key_pattern.format(**key_params)
        with reachable():
            text = await self._redis.get(key)
        if text is None:
            return None
        try:
            return self._model_type.model_validate_json(text)
        except ValidationError as error:
            log.warning("cache entry unreadable", key=key, errors=error.error_count())
            return None

    async def set(self, value: T, ttl: int | None = None, **key_params: object) -> None:
        """Store the value for `ttl` seconds (default: the cache's)."""
        key = self._key_pattern.format(**key_params)
        with reachable():
            await self._redis.set(key, value.model_dump_json(), ex=self._default_ttl_secs if ttl is None else ttl)

    async def delete(self, **key_params: object) -> None:
        """Forget the value."""
        with reachable():
            await self._redis.delete(self._key_pattern.format(**key_params))
