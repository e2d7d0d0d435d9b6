"""Keep enough daily bars in the database: what is missing comes through the gateway, oldest first."""

from collections.abc import Iterable, Sequence
from datetime import date

import structlog

from prime_jennie.domain.errors import BadInput, NotFound
from prime_jennie.domain.market import DailyPrice
from prime_jennie.domain.ports import Gateway
from prime_jennie.domain.sessions import SessionTable, UnknownSession
from prime_jennie.infra.database.repositories.prices import PriceRepository

log = structlog.get_logger(__name__)

HISTORY_DAYS = 150


class PriceHistory:
    """Fetches a stock's bars when the newest stored one is older than the previous session's."""

    def __init__(self, gateway: Gateway, prices: PriceRepository, sessions: SessionTable) -> None:
        self._gateway = gateway
        self._prices = prices
        self._sessions = sessions
        self._asked: dict[str, date] = {}

    async def ensure(self, codes: Iterable[str], days: int = HISTORY_DAYS, *, before: date) -> int:
        """Store the missing bars of calendar `days` before a day and return how many were written.

        An outage raises, so that the caller asks again; a stock that the broker does not know is logged and left out.
        A stock without a bar on the previous session (newly listed, long halted) is asked for once a day only.
        """
        wanted = list(dict.fromkeys(codes))
        stored = await self._prices.last_dates(wanted) if wanted else {}
        newest = self._sessions.previous(before).day
        written = 0
        for code in wanted:
            if stored.get(code, date.min) < newest and self._asked.get(code) != before:
                written += await self._fetch(code, days, before)
                self._asked[code] = before
        return written

    async def _fetch(self, code: str, days: int, before: date) -> int:
        try:
            bars = await self._gateway.daily_prices(code, days)
        except (NotFound, BadInput) as error:
            log.error("no daily bars", stock_code=code, error=str(error))
            return 0
        past = sorted((bar for bar in bars if bar.price_date < before), key=lambda bar: bar.price_date)
        missing = missing_sessions(past, self._sessions, before)
        if missing:
            log.warning("daily bars have gaps", stock_code=code, sessions=len(missing), first=str(missing[0]))
        return await self._prices.upsert_daily(past) if past else 0


def missing_sessions(bars: Sequence[DailyPrice], sessions: SessionTable, before: date) -> list[date]:
    """Return the sessions from the first bar up to, not including, a day on which there is none."""
    if not bars:
        return []
    have = {bar.price_date for bar in bars}
    try:
        expected = sessions.sessions_between(max(bars[0].price_date, sessions.first), before)
    except UnknownSession:
        return []
    return [session.day for session in expected if session.day < before and session.day not in have]
