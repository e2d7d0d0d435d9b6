"""Hold runtime overrides, each with who set it and when."""

from datetime import datetime

from sqlalchemy import select

from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.settings import ConfigRow
from prime_jennie.infra.database.upsert import upsert

IMPORT_KEY_PREFIX = "imported."
"""Each import of prices leaves a row under such a key."""


class ConfigRepository:
    """Overrides by key."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def put(self, key: str, value: str, *, who: str, at: datetime, description: str | None = None) -> None:
        """Set an override."""
        row = {
            "config_key": key,
            "config_value": value,
            "description": description,
            "updated_by": who,
            "updated_at": at,
        }
        await self._db.write(lambda session: upsert(session, ConfigRow, [row], keys=("config_key",)))

    async def get(self, key: str) -> ConfigRow | None:
        """Return an override."""
        return await self._db.read(lambda session: session.get(ConfigRow, key))

    async def all(self) -> list[ConfigRow]:
        """Return every override by key."""
        query = select(ConfigRow).order_by(ConfigRow.config_key)
        return await self._db.read(lambda session: list(session.execute(query).scalars()))
