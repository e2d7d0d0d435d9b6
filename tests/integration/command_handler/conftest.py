"""A room over a real Redis and SQLite; databases of both kinds for what is stored."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from prime_jennie.infra.database.engines import Database
from tests.support.commanding import Commanding, commanding
from tests.support.database import database_url, db, mariadb_db, mariadb_server, mariadb_url, sqlite_db, sqlite_url

__all__ = ["database_url", "db", "mariadb_db", "mariadb_server", "mariadb_url", "sqlite_db", "sqlite_url"]


@pytest.fixture
async def desk(redis: Redis, sqlite_db: Database) -> AsyncIterator[Commanding]:
    """Monday noon in a bull market, one strategy, nothing held."""
    async with commanding(redis, sqlite_db) as made:
        yield made
