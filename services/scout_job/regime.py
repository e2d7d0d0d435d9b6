"""Find the regime from the index and publish what it allows."""

from datetime import date, datetime

import structlog
from redis.asyncio import Redis

from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.macro import TradingContext
from prime_jennie.domain.market import IndexDailyPrice
from prime_jennie.domain.ports import Gateway
from prime_jennie.domain.sessions import KST
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.redis.cache import TypedCache
from prime_jennie.strategy.regime import IndexReading, read_index

# No council has spoken in this form of the job: neither its size nor its stop adjustment is known, so both are neutral.
NEUTRAL_MULTIPLIER = 1.0

log = structlog.get_logger(__name__)


class RegimeWriter:
    """Reads the index of the days before and writes `regime:current`."""

    def __init__(
        self, redis: Redis, gateway: Gateway, prices: PriceRepository, *, index_code: str, index_days: int
    ) -> None:
        self._cache = TypedCache.of(redis, RedisKeys.REGIME_CURRENT, TradingContext)
        self._gateway = gateway
        self._prices = prices
        self._index_code = index_code
        self._index_days = index_days
        self.current: TradingContext | None = None

    async def refresh(self, now: datetime) -> TradingContext | None:
        """Write today's context; None, and nothing written, when the index has too little history.

        Only days before today count, so the regime does not depend on the hour. What was fetched this morning is not
        fetched again. Raises what the gateway or a store raises: the old key then lives out its hour.
        """
        today = now.astimezone(KST).date()
        if self.current is None or self.current.date != today:
            bars = await self._index_before(today)
            reading = read_index([bar.close_price for bar in bars])
            if reading is None:
                log.error("regime unknown: too little index history", index=self._index_code, bars=len(bars))
                return None
            self.current = context_of(reading, today, describe(reading, bars))
            log.info("regime", regime=self.current.market_regime.value, source=self.current.regime_source)
        await self._cache.set(self.current)
        return self.current

    async def _index_before(self, today: date) -> list[IndexDailyPrice]:
        bars = await self._gateway.index_daily_prices(self._index_code, self._index_days)
        before = [bar for bar in bars if bar.price_date < today]
        await self._prices.upsert_index(before)
        return before


def context_of(reading: IndexReading, day: date, source: str) -> TradingContext:
    """Build the context that a regime alone allows: neutral multipliers, VIX unknown counted as normal."""
    return TradingContext(
        date=day,
        market_regime=reading.regime,
        position_multiplier=NEUTRAL_MULTIPLIER,
        stop_loss_multiplier=NEUTRAL_MULTIPLIER,
        regime_source=source,
    )


def describe(reading: IndexReading, bars: list[IndexDailyPrice]) -> str:
    """Say how the regime was found, with its numbers and the label of approximated figures."""
    last = bars[-1]
    label = f" ({last.source})" if last.source else ""
    return (
        f"index fallback {last.index_code}{label} to {last.price_date}: {reading.distance_pct:+.2f} % from MA20,"
        f" 1d {reading.return_1d_pct:+.2f} %, 5d {reading.return_5d_pct:+.2f} %"
    )[:200]
