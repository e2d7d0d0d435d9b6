"""What the gates must know at the moment of a decision, read from the stores."""

from datetime import datetime

from redis.asyncio import Redis

from prime_jennie.domain.keys import Keyspace, RedisKeys
from prime_jennie.domain.macro import TradingContext
from prime_jennie.domain.risk import HaltState
from prime_jennie.domain.sessions import SessionTable
from prime_jennie.domain.trading_strategy import StrategyConfig
from prime_jennie.infra.halts import HaltDesk
from prime_jennie.infra.outages import OUTAGES
from prime_jennie.strategy.gates import GateFacts
from prime_jennie.strategy.unknown import UNKNOWN, Unknown


class FactReader:
    """Reads cooldowns and halts; a store that does not answer makes its fact unknown, and the gate refuses."""

    def __init__(self, redis: Redis, keyspace: Keyspace, halts: HaltDesk, sessions: SessionTable) -> None:
        self._redis = redis
        self._keyspace = keyspace
        self._halts = halts
        self._sessions = sessions

    async def read(
        self,
        code: str,
        at: datetime,
        config: StrategyConfig,
        context: TradingContext | None,
        last_signal_at: datetime | None,
        *,
        blocks_bear_regimes: bool,
    ) -> GateFacts:
        """Return the facts for one stock at a tick's time."""
        stop_loss, sale = await self._cooldowns(code)
        return GateFacts(
            session=self._sessions.of(at),
            window=config.session,
            context=context,
            halt=await self._halt(config),
            stop_loss_cooldown=stop_loss,
            sell_cooldown=sale,
            last_signal_at=last_signal_at,
            blocks_bear_regimes=blocks_bear_regimes,
        )

    async def _cooldowns(self, code: str) -> tuple[bool | Unknown, bool | Unknown]:
        keys = [
            self._keyspace.of(RedisKeys.STOPLOSS_COOLDOWN, code=code),
            self._keyspace.of(RedisKeys.SELL_COOLDOWN, code=code),
        ]
        try:
            stop_loss, sale = await self._redis.mget(keys)
        except OUTAGES:
            return UNKNOWN, UNKNOWN
        return stop_loss is not None, sale is not None

    async def _halt(self, config: StrategyConfig) -> HaltState | Unknown:
        try:
            return await self._halts.effective(self._keyspace.strategy or "", config.trading)
        except OUTAGES:
            return UNKNOWN
