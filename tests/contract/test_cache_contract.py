"""What a cache keeps, on Redis and in memory."""

from typing import Any

import pytest
from redis.asyncio import Redis

from prime_jennie.infra.fakes.cache import InMemoryCache
from prime_jennie.infra.redis.cache import TypedCache
from tests.support.notes import Note


@pytest.fixture(params=["memory", "redis"])
def cache(request: pytest.FixtureRequest, redis: Redis) -> Any:
    if request.param == "memory":
        return InMemoryCache("note:{day}", Note, 60)
    return TypedCache(redis, "note:{day}", Note, 60)


async def test_a_value_is_read_as_it_was_written(cache: Any) -> None:
    await cache.set(Note(text="국면"), day="2025-03-04")
    assert await cache.get(day="2025-03-04") == Note(text="국면")
    assert await cache.get(day="2025-03-05") is None


async def test_a_deleted_value_is_absent(cache: Any) -> None:
    await cache.set(Note(text="a"), day=1)
    await cache.delete(day=1)
    await cache.delete(day=1)
    assert await cache.get(day=1) is None


async def test_a_later_value_replaces_the_earlier(cache: Any) -> None:
    await cache.set(Note(text="a"), day=1)
    await cache.set(Note(text="b"), ttl=5, day=1)
    assert await cache.get(day=1) == Note(text="b")
