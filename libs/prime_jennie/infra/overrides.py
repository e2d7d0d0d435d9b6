"""What a person sets above a strategy's configuration while it runs: rows of `config`, with who and when.

The stricter of configuration and override wins. A value that nobody can read counts as the strictest.
"""

import structlog

from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.configs import ConfigRepository

ON, OFF = "on", "off"

log = structlog.get_logger(__name__)


def max_buys_key(strategy: str) -> str:
    """Return the key of the row that caps a strategy's buys a day: a whole number."""
    return f"{strategy}:max_buys_per_day"


def dry_run_key(strategy: str) -> str:
    """Return the key of the row that keeps a strategy's orders from being sent: on or off."""
    return f"{strategy}:dry_run"


class Overrides:
    """Reads the overrides anew each time; an unreachable database raises."""

    def __init__(self, db: Database) -> None:
        self._configs = ConfigRepository(db)

    async def max_buys_per_day(self, strategy: str) -> int | None:
        """Return how many buys a day a person allows; None where nobody said so."""
        text = await self._text(max_buys_key(strategy))
        if text is None:
            return None
        if text.isascii() and text.isdecimal():
            return int(text)
        log.error("unreadable override, no buys are allowed", key=max_buys_key(strategy))
        return 0

    async def dry_run(self, strategy: str) -> bool:
        """Tell whether orders are only recorded."""
        return (await self._text(dry_run_key(strategy)) or OFF) != OFF

    async def _text(self, key: str) -> str | None:
        row = await self._configs.get(key)
        return None if row is None else row.config_value.strip().lower()
