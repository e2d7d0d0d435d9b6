"""In which language each chat reads; its choice survives a restart."""

from datetime import datetime

from prime_jennie.domain.reader import Language
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.configs import ConfigRepository
from prime_jennie.infra.outages import OUTAGES


class Languages:
    """Remembers what was read: a reply must not wait for a database that is gone."""

    def __init__(self, db: Database, default: Language) -> None:
        self._configs = ConfigRepository(db)
        self._default = default
        self._known: dict[str, Language] = {}

    async def of(self, chat: str) -> Language:
        """Return a chat's language, the configured one until it chooses."""
        if chat not in self._known:
            try:
                row = await self._configs.get(_key(chat))
            except OUTAGES:
                return self._default
            self._known[chat] = self._default if row is None else Language(row.config_value)
        return self._known[chat]

    async def choose(self, chat: str, language: Language, *, who: str, at: datetime) -> None:
        """Set a chat's language."""
        await self._configs.put(_key(chat), language.value, who=who[:100], at=at, description="language of a chat")
        self._known[chat] = language


def _key(chat: str) -> str:
    return f"command-handler:language:{chat}"
