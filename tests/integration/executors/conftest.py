"""One trading floor a test: real Redis, SQLite, a moved clock."""

import pytest
from redis.asyncio import Redis

from prime_jennie.infra.database.engines import Database
from tests.support.database import sqlite_db, sqlite_url
from tests.support.executors import Floor

__all__ = ["sqlite_db", "sqlite_url"]


@pytest.fixture
async def floor(redis: Redis, sqlite_db: Database) -> Floor:
    """Open a Monday noon with 50,000,000 won."""
    opened = Floor(redis, sqlite_db)
    await opened.open()
    return opened
