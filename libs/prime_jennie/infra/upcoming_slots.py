"""Which slots come next, written down by whoever fires them, for those who only tell."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.configs import ConfigRepository

CONFIG_KEY: Final = "schedules:next"


class UpcomingSlots:
    """The next slot of every schedule that has one, by its name."""

    def __init__(self, db: Database) -> None:
        self._configs = ConfigRepository(db)
        self._written: dict[str, str] | None = None

    async def write(self, slots: Mapping[str, datetime], *, who: str, at: datetime) -> None:
        """Note the slots' minutes in place of those noted before; what has not changed is not written again."""
        moments = {name: moment.isoformat() for name, moment in sorted(slots.items())}
        if moments != self._written:
            await self._configs.put(CONFIG_KEY, json.dumps(moments), who=who, at=at, description="each schedule's next")
            self._written = moments

    async def after(self, at: datetime) -> list[tuple[str, datetime]]:
        """Return the slots behind a moment, the soonest first; an unreadable note is none."""
        row = await self._configs.get(CONFIG_KEY)
        if row is None:
            return []
        try:
            noted = {str(name): datetime.fromisoformat(text) for name, text in json.loads(row.config_value).items()}
            ahead = [(name, moment) for name, moment in noted.items() if moment > at]
        except (ValueError, TypeError, AttributeError):
            return []
        return sorted(ahead, key=lambda slot: (slot[1], slot[0]))
