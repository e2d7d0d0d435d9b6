"""Offer a desk, both databases and a small market to every test here."""

import pytest
from redis.asyncio import Redis

from prime_jennie.infra.database.engines import Database
from tests.support.database import (
    database_url,
    db,
    mariadb_db,
    mariadb_server,
    mariadb_url,
    sqlite_db,
    sqlite_url,
)
from tests.support.scouting import ScoutWorld
from tests.support.service_desk import desk

__all__ = ["database_url", "db", "desk", "mariadb_db", "mariadb_server", "mariadb_url", "sqlite_db", "sqlite_url"]


@pytest.fixture
async def world(sqlite_db: Database, redis: Redis) -> ScoutWorld:
    """Return a filled market on SQLite at 08:30."""
    made = ScoutWorld(sqlite_db, redis)
    await made.fill()
    return made


@pytest.fixture
async def either_world(db: Database, redis: Redis) -> ScoutWorld:
    """Return a filled market on SQLite and on MariaDB."""
    made = ScoutWorld(db, redis)
    await made.fill()
    return made
