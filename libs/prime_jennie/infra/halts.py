"""Halt and lift, for one source at a time, and know what is in force: the most severe halt wins (design §7).

SQL rows are the records of persons and the risk engine, the live configuration is the spec's own. Redis holds copies
of the effective state for whoever looks there; each says in its value that it is a copy. A flag that somebody sets by
hand says nothing of the kind, and counts as a person's halt for as long as it is there.
"""

import re
from collections.abc import Mapping
from typing import Final

import structlog
from redis.asyncio import Redis

from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.keys import STRATEGY_NAME_PATTERN, Keyspace, RedisKeys
from prime_jennie.domain.risk import WHOLE_ACCOUNT, Halt, HaltSource, HaltState, StandingHalt
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.halts import HaltRepository
from prime_jennie.infra.outages import OUTAGES
from prime_jennie.infra.redis.live_config import read_live_config

FLAGS: Final[tuple[tuple[RedisKeys, HaltState], ...]] = (
    (RedisKeys.TRADING_PAUSE, HaltState.PAUSED),
    (RedisKeys.FULL_STOP, HaltState.STOPPED),
    (RedisKeys.EMERGENCY_STOP, HaltState.STOPPED),
)
COPY_MARK: Final = "copy of the records: "
SPEC_AUTHOR: Final = "TradingStrategy"
HAND: Final = "redis-cli"

# A flag set by hand meanwhile is nobody's to change: KEYS: flag; ARGV: mark, the copy wanted or "".
_LEVEL: Final = """
local now = redis.call('GET', KEYS[1])
local is_copy = now and string.sub(now, 1, #ARGV[1]) == ARGV[1]
if now == ARGV[2] or (now and not is_copy) then return 0 end
if ARGV[2] ~= '' then redis.call('SET', KEYS[1], ARGV[2]) return 1 end
if is_copy then return redis.call('DEL', KEYS[1]) end
return 0
"""

log = structlog.get_logger(__name__)


class HaltDesk:
    """The halts of one account; `strategy` is a strategy's name, or "" for the whole account.

    A store that does not answer raises (one of `OUTAGES`): whoever wants to buy then treats the state as unknown,
    which refuses.
    """

    def __init__(self, redis: Redis, db: Database, account: str) -> None:
        self._redis = redis
        self._records = HaltRepository(db)
        self._account = account

    async def set(self, strategy: str, halt: Halt) -> Halt:
        """Record a halt, then copy it to Redis; return what the source has in force, for a milder one replaces nothing.

        An unreachable Redis costs the copy only, which the gateway's keeper writes as soon as it can.
        """
        in_force = await self._records.set(self._account, strategy, halt)
        log.warning("halt set", strategy=strategy or "the whole account", state=halt.state.value, why=halt.why)
        await self._copy_at_once(strategy)
        return in_force

    async def lift(self, strategy: str, source: HaltSource) -> bool:
        """Lift what this source has set here; False when that is nothing. What others have set stays."""
        lifted = await self._records.lift(self._account, strategy, source)
        if lifted:
            log.warning("halt lifted", strategy=strategy or "the whole account", source=source.value)
            await self._copy_at_once(strategy)
        return lifted

    async def in_force(self, strategy: str, spec: HaltState = HaltState.ACTIVE) -> list[StandingHalt]:
        """Return every halt that binds a strategy, the most severe first; `spec` is its configuration's own state."""
        recorded = await self._records.in_force(self._account, strategy)
        return _by_severity([*_of_spec(strategy, spec), *recorded, *await self._by_hand(strategy)])

    async def effective(self, strategy: str, spec: HaltState = HaltState.ACTIVE) -> HaltState:
        """Return the most severe state of all sources."""
        return HaltState.most_severe(*(halt.state for halt in await self.in_force(strategy, spec)))

    async def recorded(self, strategy: str) -> list[StandingHalt]:
        """Return the halts of persons and the risk engine that bind a strategy, for what must do without Redis."""
        return await self._records.in_force(self._account, strategy)

    async def on_record(self, strategy: str, spec: HaltState = HaltState.ACTIVE) -> HaltState:
        """Return the most severe of the records and the spec's state, without Redis."""
        return HaltState.most_severe(spec, *(halt.state for halt in await self.recorded(strategy)))

    async def level_copies(self, specs: Mapping[str, HaltState]) -> int:
        """Make Redis say what the records say, and return how many keys that changed.

        `specs` are the known strategies with their configurations' own states. Copies whose record is gone are
        removed wherever they are found.
        """
        recorded = await self._records.all(self._account)
        strategies = {WHOLE_ACCOUNT, *specs, *(halt.strategy for halt in recorded), *await self._copied()}
        changed = 0
        for strategy in sorted(strategies):
            own = [halt for halt in recorded if halt.strategy == strategy]
            changed += await self._level(strategy, [*_of_spec(strategy, specs.get(strategy, HaltState.ACTIVE)), *own])
        return changed

    async def _copy_at_once(self, strategy: str) -> None:
        try:
            recorded = await self._records.in_force(self._account, strategy)
            own = [halt for halt in recorded if halt.strategy == strategy]
            await self._level(strategy, [*_of_spec(strategy, await self._spec_state(strategy)), *own])
        except OUTAGES as error:
            log.warning("halt not copied to redis, the keeper will", error=f"{type(error).__name__}: {error}")

    async def _spec_state(self, strategy: str) -> HaltState:
        try:
            live = await read_live_config(self._redis, strategy) if strategy else None
        except BadInput:
            live = None
        return HaltState.ACTIVE if live is None else live.spec.trading

    async def _level(self, strategy: str, halts: list[StandingHalt]) -> int:
        keys = Keyspace(strategy)
        state = HaltState.most_severe(*(halt.state for halt in halts))
        first_of = {named: flag for flag, named in reversed(FLAGS)}
        changed = 0
        for flag, _ in FLAGS:
            copy = copy_of(halts) if first_of.get(state) is flag else ""
            changed += int(await self._redis.eval(_LEVEL, 1, keys.own(flag), COPY_MARK, copy))
        return changed

    async def _by_hand(self, strategy: str) -> list[StandingHalt]:
        flags = [
            (scope, Keyspace(scope).own(flag), state)
            for scope in dict.fromkeys((WHOLE_ACCOUNT, strategy))
            for flag, state in FLAGS
        ]
        values = await self._redis.mget([key for _, key, _ in flags])
        return [
            StandingHalt(
                strategy=scope, state=state, source=HaltSource.PERSON, who=HAND, why=f"{key} is set to {str(value)!r}"
            )
            for (scope, key, state), value in zip(flags, values, strict=True)
            if value is not None and not str(value).startswith(COPY_MARK)
        ]

    async def _copied(self) -> frozenset[str]:
        """Return the strategies under whose names there are flags at all."""
        names = [flag.value for flag, _ in FLAGS]
        found = [str(key) async for key in self._redis.scan_iter(match="*emergency:*", count=1_000)]
        owners = {key.removesuffix(f":{name}") for key in found for name in names if key.endswith(f":{name}")}
        return frozenset(owner for owner in owners if re.fullmatch(STRATEGY_NAME_PATTERN, owner))


def copy_of(halts: list[StandingHalt]) -> str:
    """Write the most severe halt as its copy in Redis says it."""
    worst = _by_severity(halts)[0]
    return f"{COPY_MARK}{worst.state.value} by {worst.source.value} ({worst.who}): {worst.why}"


def _of_spec(strategy: str, state: HaltState) -> list[StandingHalt]:
    if state is HaltState.ACTIVE:
        return []
    why = f"spec.trading is {state.value}"
    return [StandingHalt(strategy=strategy, state=state, source=HaltSource.SPEC, who=SPEC_AUTHOR, why=why)]


def _by_severity(halts: list[StandingHalt]) -> list[StandingHalt]:
    return sorted(halts, key=lambda halt: -halt.state.severity)
