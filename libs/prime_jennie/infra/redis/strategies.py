"""Know which strategies there are, and the newest configuration of each."""

from typing import Final

import structlog
from pydantic import ValidationError
from redis.asyncio import Redis

from prime_jennie.domain.keys import Keyspace, RedisKeys
from prime_jennie.domain.ports import Clock
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.configs import ConfigRepository
from prime_jennie.infra.outages import OUTAGES

_SUFFIX: Final = f":{RedisKeys.CONFIG.value}"

log = structlog.get_logger(__name__)


async def known_strategies(redis: Redis, db: Database | None = None) -> dict[str, LiveConfig]:
    """Return every strategy's configuration by its name: those that Redis announces, else those that SQL remembers.

    SQL is asked only where Redis is gone or announces none at all: what it lacks beside others was removed by somebody.
    Without a database an unreachable Redis raises. A configuration that nobody can read is left out and logged.
    """
    try:
        announced = await _announced(redis)
    except OUTAGES as error:
        if db is None:
            raise
        log.warning("live configurations not read from redis", error=f"{type(error).__name__}: {error}")
        announced = {}
    if not announced and db is not None:
        announced = await remembered_strategies(db)
    return dict(sorted(announced.items()))


async def remembered_strategies(db: Database) -> dict[str, LiveConfig]:
    """Return what `remember_strategies` last wrote."""
    rows = await ConfigRepository(db).all()
    texts = {row.config_key: row.config_value for row in rows if row.config_key.endswith(_SUFFIX)}
    return _read(texts)


async def remember_strategies(db: Database, found: dict[str, LiveConfig], *, clock: Clock, who: str) -> None:
    """Write configurations down, so that limits and halts hold for whoever starts while Redis is empty."""
    configs = ConfigRepository(db)
    for name, live in found.items():
        await configs.put(
            Keyspace(name).of(RedisKeys.CONFIG),
            live.model_dump_json(by_alias=True),
            who=who,
            at=clock.now(),
            description="the newest live configuration seen; no override",
        )


async def _announced(redis: Redis) -> dict[str, LiveConfig]:
    keys = [str(key) async for key in redis.scan_iter(match=f"*{_SUFFIX}", count=1_000, _type="string")]
    if not keys:
        return {}
    values = await redis.mget(keys)
    return _read({key: str(text) for key, text in zip(keys, values, strict=True) if text is not None})


def _read(texts: dict[str, str]) -> dict[str, LiveConfig]:
    found = {}
    for key, text in texts.items():
        try:
            live = LiveConfig.model_validate_json(text)
        except ValidationError as error:
            log.error("unreadable live configuration left out", key=key, errors=error.error_count())
            continue
        if key == f"{live.name}{_SUFFIX}":
            found[live.name] = live
    return found
