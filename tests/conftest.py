"""Fixtures for every test: a real Redis shared by the session, and one that a test may kill."""

from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from prime_jennie.infra.redis.connection import connect
from tests.support.redis_server import RedisServer, running_redis

LONGEST_FIRST = ("integration", "contract", "unit")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what starts servers and waits: the many short files fill what is left of the workers' time."""

    def rank(item: pytest.Item) -> int:
        folder = next((part for part in item.path.parts[::-1] if part in LONGEST_FIRST), "")
        return LONGEST_FIRST.index(folder) if folder else 0

    items.sort(key=rank)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server shared by the session: leave it running."""
    with running_redis(tmp_path_factory.mktemp("redis"), fsync="no") as server:
        yield server


@pytest.fixture
async def redis(redis_server: RedisServer) -> AsyncIterator[Redis]:
    """A client of the shared server, emptied."""
    client = connect(redis_server.url)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
def mortal_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server of this test alone, to be killed and restarted."""
    with running_redis(tmp_path_factory.mktemp("mortal-redis")) as server:
        yield server
