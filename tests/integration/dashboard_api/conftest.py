"""A dashboard before real stores of either kind and a gateway's twin."""

from collections.abc import Iterator

import pytest

from prime_jennie.infra.database.engines import Database
from tests.support.dashboard import Dashboard, GatewayTwin, running_dashboard
from tests.support.database import database_url, db, mariadb_server, mariadb_url, sqlite_db, sqlite_url
from tests.support.redis_server import RedisServer

__all__ = ["database_url", "db", "mariadb_server", "mariadb_url", "sqlite_db", "sqlite_url"]


@pytest.fixture
def gateway() -> Iterator[GatewayTwin]:
    with GatewayTwin() as twin:
        yield twin


@pytest.fixture
def dashboard(
    mortal_redis: RedisServer, sqlite_url: str, sqlite_db: Database, gateway: GatewayTwin
) -> Iterator[Dashboard]:
    """On SQLite; `sqlite_db` is the same database."""
    with running_dashboard(mortal_redis.url, sqlite_url, gateway.url) as found:
        yield found
