"""A room over a real Redis and SQLite; databases of both kinds for what is stored."""

from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from prime_jennie.infra.database.engines import Database
from tests.support.chatting import FAMILY, GROUP, OWNER, STRANGER, Chat, wired
from tests.support.commanding import Commanding, commanding
from tests.support.database import database_url, db, mariadb_db, mariadb_server, mariadb_url, sqlite_db, sqlite_url
from tests.support.redis_server import RedisServer
from tests.support.telegram_api import TelegramApi

__all__ = ["database_url", "db", "mariadb_db", "mariadb_server", "mariadb_url", "sqlite_db", "sqlite_url"]


@pytest.fixture
async def desk(redis: Redis, sqlite_db: Database) -> AsyncIterator[Commanding]:
    """Monday noon in a bull market, one strategy, nothing held."""
    async with commanding(redis, sqlite_db) as made:
        yield made


@pytest.fixture
def bot() -> Iterator[TelegramApi]:
    with TelegramApi(chats={OWNER, FAMILY, STRANGER, GROUP}) as telegram:
        yield telegram


@pytest.fixture
async def chat(
    desk: Commanding, bot: TelegramApi, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Chat]:
    """Return the world before the service starts; at the end none of its loops may have crashed."""
    made = Chat(desk, bot, redis_server.url)
    wired(made, desk, monkeypatch)
    yield made
    assert made.crashes == []
