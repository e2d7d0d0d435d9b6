"""Keep the intraday throttle's state: SQL decides, Redis shows a copy."""

import structlog
from pydantic import ValidationError
from redis.asyncio import Redis

from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.keys import Keyspace, RedisKeys
from prime_jennie.domain.macro import ThrottleState
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.configs import ConfigRepository
from prime_jennie.infra.redis.cache import TypedCache
from prime_jennie.infra.redis.connection import reachable

CONFIG_KEY = RedisKeys.RISK_STATE.value

log = structlog.get_logger(__name__)


class ThrottleStore:
    """Reads and writes the state in the `config` table, so that it outlives restarts and an emptied Redis."""

    def __init__(self, redis: Redis, db: Database) -> None:
        self._configs = ConfigRepository(db)
        self._redis = redis
        self._copies = TypedCache.of(redis, RedisKeys.RISK_STATE, ThrottleState)

    async def load(self) -> ThrottleState | None:
        """Return the state, None before the first slot ever; an unreadable one raises Unavailable: it may be tight."""
        row = await self._configs.get(CONFIG_KEY)
        if row is None:
            return None
        try:
            return ThrottleState.model_validate_json(row.config_value)
        except ValidationError:
            raise Unavailable(f"the row {CONFIG_KEY} of config is no throttle state") from None

    async def save(self, state: ThrottleState) -> None:
        """Store the state; then, as far as Redis answers, its copies."""
        await self._configs.put(
            CONFIG_KEY, state.model_dump_json(), who="macro-council", at=state.at, description="intraday throttle"
        )
        try:
            await self._copies.set(state)
            await self._copy_recovery(state)
        except Unavailable as error:
            log.warning("throttle state not copied to redis", error=str(error))

    async def _copy_recovery(self, state: ThrottleState) -> None:
        key = Keyspace().of(RedisKeys.RISK_RECOVERY_START)
        with reachable():
            if state.recovery_start is None:
                await self._redis.delete(key)
            else:
                expires_secs = RedisKeys.RISK_RECOVERY_START.ttl_secs
                await self._redis.set(key, state.recovery_start.isoformat(), ex=expires_secs)
