"""Offer the databases and a collector to every test here."""

import pytest
from redis.asyncio import Redis

from prime_jennie.infra.database.engines import Database
from tests.support.collector import CollectorBench
from tests.support.database import (
    database_url,
    db,
    mariadb_db,
    mariadb_server,
    mariadb_url,
    sqlite_db,
    sqlite_url,
)

__all__ = ["database_url", "db", "mariadb_db", "mariadb_server", "mariadb_url", "sqlite_db", "sqlite_url"]


@pytest.fixture
def bench(sqlite_db: Database, redis: Redis) -> CollectorBench:
    """A collector on SQLite."""
    return CollectorBench(sqlite_db, redis)


@pytest.fixture
def bench_of_either(db: Database, redis: Redis) -> CollectorBench:
    """A collector on either database."""
    return CollectorBench(db, redis)
