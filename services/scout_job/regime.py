"""Know the regime of a day: the council's, else the index's; and publish what it allows."""

from collections.abc import Sequence
from datetime import date

from prime_jennie.domain.macro import TradingContext
from prime_jennie.domain.market import IndexDailyPrice
from prime_jennie.infra.database.repositories.insights import InsightRepository
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.jobs import JobDesk
from prime_jennie.infra.regime_writer import RegimeWriter
from prime_jennie.infra.throttle_state import ThrottleStore
from prime_jennie.strategy.regime import MA_CLOSES
from prime_jennie.strategy.regime_context import judged


class RegimeDesk:
    """Reads the insight of a day or the index's bars before it; `current` is what was published last."""

    def __init__(self, desk: JobDesk, *, index_code: str, index_days: int) -> None:
        self._gateway = desk.gateway
        self._sessions = desk.sessions
        self._insights = InsightRepository(desk.db)
        self._throttle = ThrottleStore(desk.redis, desk.db)
        self._prices = PriceRepository(desk.db)
        self._writer = RegimeWriter(desk.redis, desk.db, self.index_before, judged)
        self._index_code = index_code
        self._index_days = index_days
        self.current: TradingContext | None = None

    async def publish(self, day: date) -> TradingContext | None:
        """Write `regime:current`; None where nobody knows the regime, and the old key then lives out its hour."""
        self.current = await self._writer.publish(day)
        return self.current

    async def known(self, day: date, *, throttled: bool) -> TradingContext | None:
        """Return a day's context and publish nothing; the throttle's state is of now, so no past day asks for it."""
        insight = await self._insights.of(day)
        throttle = await self._throttle.load() if throttled else None
        return judged(insight, throttle, [] if insight is not None else await self.index_before(day), day)

    async def index_before(self, day: date) -> Sequence[IndexDailyPrice]:
        """Return the index's bars of the days before, so that the regime does not depend on the hour.

        The stored ones where they reach up to the last session; else the gateway's, which are then stored. Raises what
        the gateway raises.
        """
        stored = await self._prices.index_daily(self._index_code, self._index_days, before=day)
        last = self._sessions.previous(day).day
        if len(stored) >= MA_CLOSES and stored[-1].price_date >= last:
            return stored
        bars = await self._gateway.index_daily_prices(self._index_code, self._index_days)
        before = [bar for bar in bars if bar.price_date < day]
        await self._prices.upsert_index(before)
        return before
