"""Write what the market allows: several services may, and the last word is always the newest facts'."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import Final

import structlog
from redis.asyncio import Redis

from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.macro import MacroInsight, RiskLevel, ThrottleState, TradingContext
from prime_jennie.domain.market import IndexDailyPrice
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.insights import InsightRepository
from prime_jennie.infra.redis.cache import TypedCache
from prime_jennie.infra.throttle_state import ThrottleStore

IndexBarsBefore = Callable[[date], Awaitable[Sequence[IndexDailyPrice]]]
Judged = Callable[
    [MacroInsight | None, ThrottleState | None, Sequence[IndexDailyPrice], date],
    TradingContext | None,
]
ATTEMPTS: Final = 5  # facts change every few minutes: who meets a change five times in a row looks again next time

log = structlog.get_logger(__name__)


class RegimeWriter:
    """Writes `regime:current` as `judged` (strategy/regime_context) has it.

    `index_bars` gives an index's bars before a day; they are asked for only where no council has spoken.
    """

    def __init__(self, redis: Redis, db: Database, index_bars: IndexBarsBefore, judged: Judged) -> None:
        self._cache = TypedCache.of(redis, RedisKeys.REGIME_CURRENT, TradingContext)
        self._insights = InsightRepository(db)
        self._throttle = ThrottleStore(redis, db)
        self._index_bars = index_bars
        self._judged = judged

    async def publish(self, day: date) -> TradingContext | None:
        """Write a day's context from its insight or the index, tempered by the throttle.

        None where neither speaks: then an untempered context is taken away while the throttle is tight, for an absent
        one allows no buys. Facts are read again after writing and the context written again if they have changed:
        the throttle stores its state before it writes, so nobody's older reading stays.
        """
        facts = await self._facts(day)
        for _ in range(ATTEMPTS):
            context = await self._write(day, *facts)
            known, facts = facts, await self._facts(day)
            if facts == known:
                break
        return context

    async def _facts(self, day: date) -> tuple[MacroInsight | None, ThrottleState | None]:
        return await self._insights.of(day), await self._throttle.load()

    async def _write(
        self, day: date, insight: MacroInsight | None, throttle: ThrottleState | None
    ) -> TradingContext | None:
        bars = [] if insight is not None else await self._index_bars(day)
        context = self._judged(insight, throttle, bars, day)
        if context is not None:
            await self._cache.set(context)
            return context
        log.error("regime unknown: no council and too little index history", day=str(day), bars=len(bars))
        if throttle is not None and throttle.level is not RiskLevel.NORMAL:
            await self._cache.delete()
        return None
