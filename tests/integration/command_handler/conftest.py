"""A room over a real Redis and SQLite; databases of both kinds for what is stored."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.migrate import migrate
from tests.support.chatting import FAMILY, GROUP, OWNER, STRANGER, Chat, wired
from tests.support.commanding import Commanding, commanding
from tests.support.database import database_url, db, mariadb_db, mariadb_server, mariadb_url, sqlite_url
from tests.support.redis_server import RedisServer
from tests.support.telegram_api import TelegramApi

__all__ = ["database_url", "db", "mariadb_db", "mariadb_server", "mariadb_url", "sqlite_url"]


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrate one SQLite file for all: that takes longer than most tests here."""
    file = tmp_path_factory.mktemp("migrated") / "prime-jennie.db"
    migrate(f"sqlite:///{file}")
    return file


@pytest.fixture
def sqlite_db(migrated_file: Path, tmp_path: Path) -> Iterator[Database]:
    """Open a copy of the migrated file."""
    file = shutil.copy(migrated_file, tmp_path / "prime-jennie.db")
    database = Database(f"sqlite:///{file}")
    yield database
    database.close_now()


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
