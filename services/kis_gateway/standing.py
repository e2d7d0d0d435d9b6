"""Where a strategy stands: its halts from all sources, and the capital it may use."""

from redis.asyncio import Redis

from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.keys import Keyspace
from prime_jennie.domain.risk import HaltState
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.database.repositories.halts import HaltRepository
from prime_jennie.infra.halts import HaltReader
from prime_jennie.infra.redis.live_config import read_live_config


class Standings:
    """Ask SQL and Redis anew each time: a halt acts on the very next order (design §7)."""

    def __init__(self, redis: Redis, halts: HaltRepository, account: str) -> None:
        self._redis = redis
        self._halts = halts
        self._account = account
        self._configs: dict[str, LiveConfig] = {}

    async def halt(self, strategy: str) -> HaltState:
        """Return the most severe halt; a store that cannot be read raises, which refuses buys."""
        config = await self.config(strategy)
        reader = HaltReader(self._redis, self._halts, Keyspace(strategy), self._account)
        return await reader.effective(config.spec.trading if config is not None else HaltState.ACTIVE)

    async def halt_in_sql(self, strategy: str) -> HaltState:
        """Return what persons and the risk engine wrote, for an order that must pass without Redis."""
        rows = await self._halts.in_force(self._account, strategy)
        known = self._configs.get(strategy)
        spec_state = known.spec.trading if known is not None else HaltState.ACTIVE
        return HaltState.most_severe(spec_state, *(row.state for row in rows))

    async def config(self, strategy: str) -> LiveConfig | None:
        """Return the newest configuration seen: an emptied Redis does not lift the limits it once announced."""
        known = self._configs.get(strategy)
        try:
            found = await read_live_config(self._redis, strategy)
        except BadInput:
            return known
        if found is not None and (known is None or found.generation >= known.generation):
            self._configs[strategy] = found
        return self._configs.get(strategy)
