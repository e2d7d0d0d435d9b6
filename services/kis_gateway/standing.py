"""Where a strategy stands: its halts from all sources, and the configuration it works by."""

from redis.asyncio import Redis

from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.risk import HaltState, StandingHalt
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.halts import HaltDesk
from prime_jennie.infra.redis.live_config import read_live_config
from prime_jennie.infra.redis.strategies import known_strategies, remembered_strategies


class Standings:
    """Ask SQL and Redis anew each time: a halt acts on the very next order (design §7)."""

    def __init__(self, redis: Redis, db: Database, halts: HaltDesk) -> None:
        self._redis = redis
        self._db = db
        self._halts = halts
        self._configs: dict[str, LiveConfig] = {}

    async def halt(self, strategy: str) -> HaltState:
        """Return the most severe halt; a store that cannot be read raises, which refuses buys."""
        return await self._halts.effective(strategy, _spec_state(await self.config(strategy)))

    async def halts(self, strategy: str) -> list[StandingHalt]:
        """Return every halt that binds a strategy, the most severe first."""
        return await self._halts.in_force(strategy, _spec_state(await self.config(strategy)))

    async def halt_in_sql(self, strategy: str) -> HaltState:
        """Return the same of what SQL and this process know, for an order that must pass without Redis."""
        return await self._halts.on_record(strategy, _spec_state(await self._known(strategy)))

    async def config(self, strategy: str) -> LiveConfig | None:
        """Return the newest configuration seen: an emptied Redis does not lift the limits it once announced."""
        known = self._configs.get(strategy)
        try:
            found = await read_live_config(self._redis, strategy)
        except BadInput:
            found = None
        if found is not None and (known is None or found.age >= known.age):
            self._configs[strategy] = found
        return await self._known(strategy)

    async def all(self) -> dict[str, LiveConfig]:
        """Return every strategy's newest configuration, with Redis or without it."""
        return {**await known_strategies(self._redis, self._db), **self._configs}

    async def _known(self, strategy: str) -> LiveConfig | None:
        known = self._configs.get(strategy)
        return known if known is not None else (await remembered_strategies(self._db)).get(strategy)


def _spec_state(live: LiveConfig | None) -> HaltState:
    return HaltState.ACTIVE if live is None else live.spec.trading
