"""Read whether a strategy may act: the most severe halt of any source wins (design §7)."""

from redis.asyncio import Redis

from prime_jennie.domain.keys import Keyspace, RedisKeys
from prime_jennie.domain.risk import HaltState
from prime_jennie.infra.database.repositories.halts import HaltRepository

FLAGS: tuple[tuple[RedisKeys, HaltState], ...] = (
    (RedisKeys.TRADING_PAUSE, HaltState.PAUSED),
    (RedisKeys.FULL_STOP, HaltState.STOPPED),
    (RedisKeys.EMERGENCY_STOP, HaltState.STOPPED),
)


class HaltReader:
    """Joins the spec's own state, the rows of persons and the risk engine, and Redis' emergency flags.

    Bare flags halt the whole account, flags under the strategy's name that strategy. A store that does not answer
    raises (one of `OUTAGES`): whoever wants to buy then treats the state as unknown, which refuses.
    """

    def __init__(self, redis: Redis, halts: HaltRepository, keyspace: Keyspace, account: str) -> None:
        self._redis = redis
        self._halts = halts
        self._account = account
        self._strategy = keyspace.strategy or ""
        bare = [(flag.value, state) for flag, state in FLAGS]
        own = [(keyspace.own(flag), state) for flag, state in FLAGS]
        self._flags = dict(bare + own)

    async def effective(self, spec_state: HaltState = HaltState.ACTIVE) -> HaltState:
        """Return the most severe state of all sources."""
        rows = await self._halts.in_force(self._account, self._strategy)
        values = await self._redis.mget(list(self._flags))
        raised = [state for state, value in zip(self._flags.values(), values, strict=True) if value is not None]
        return HaltState.most_severe(spec_state, *(row.state for row in rows), *raised)
