"""An index's daily bars before a day: asked for once a day, kept for the hours when nobody answers."""

from datetime import date
from typing import Final

import structlog

from prime_jennie.domain.market import IndexDailyPrice
from prime_jennie.domain.ports import Clock, Gateway
from prime_jennie.domain.sessions import KST, SessionTable, UnknownSession
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.outages import OUTAGES

CALENDAR_DAYS_PER_BAR: Final = 1.6  # 150 sessions span some 225 calendar days, holidays not counted

log = structlog.get_logger(__name__)


class IndexBars:
    """Reads bars through the gateway, or stored ones while it is away; `count` is how many are wanted."""

    def __init__(
        self, clock: Clock, gateway: Gateway, prices: PriceRepository, sessions: SessionTable, *, count: int = 150
    ) -> None:
        self._clock = clock
        self._gateway = gateway
        self._prices = prices
        self._sessions = sessions
        self._count = count
        self._found: dict[str, tuple[date, list[IndexDailyPrice]]] = {}

    async def before(self, index_code: str, day: date) -> list[IndexDailyPrice]:
        """Return the last bars strictly before a day, oldest first; fewer where fewer are known.

        What the gateway gave is stored. An outage of the gateway raises only where nothing is stored either.
        """
        known_for, known = self._found.get(index_code, (None, []))
        if known_for == day:
            return known
        try:
            bars = await self._fetched(index_code, day)
        except OUTAGES as error:
            bars = await self._prices.index_daily(index_code, self._count, before=day)
            log.warning("index bars from storage", index=index_code, bars=len(bars), error=type(error).__name__)
            if not bars:
                raise
            return bars
        if self.is_current(bars, day):
            self._found[index_code] = (day, bars)
        return bars

    def is_current(self, bars: list[IndexDailyPrice], day: date) -> bool:
        """Tell whether the newest bar is the session's before a day."""
        try:
            return bool(bars) and bars[-1].price_date >= self._sessions.previous(day).day
        except UnknownSession:
            return bool(bars)

    async def _fetched(self, index_code: str, day: date) -> list[IndexDailyPrice]:
        today = self._clock.now().astimezone(KST).date()
        days = max(0, (today - day).days) + round(self._count * CALENDAR_DAYS_PER_BAR)
        bars = [bar for bar in await self._gateway.index_daily_prices(index_code, days) if bar.price_date < day]
        bars.sort(key=lambda bar: bar.price_date)
        await self._prices.upsert_index(bars)
        return bars[-self._count :]
