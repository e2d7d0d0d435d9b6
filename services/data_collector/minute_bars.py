"""Bring the day's minute bars of the stocks that somebody watches or holds."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import count
from typing import Final

from redis.asyncio import Redis

from data_collector.gap_book import GapBook
from data_collector.side_by_side import side_by_side
from prime_jennie.domain.errors import BadInput, NotFound, RateLimited, Unavailable
from prime_jennie.domain.gaps import GapKind
from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.ports import Gateway
from prime_jennie.domain.sessions import Session
from prime_jennie.domain.watchlist import HotWatchlist
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.collected_prices import CollectedPrices
from prime_jennie.infra.database.repositories.positions import PositionRepository
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.jobs import Job
from prime_jennie.infra.redis.cache import TypedCache
from prime_jennie.infra.redis.strategies import known_strategies

MOST_STOCKS: Final = 80  # each costs the broker some thirteen calls
_MINUTES: Final = 390  # of the longest session that the gateway tells


async def watched_codes(redis: Redis, db: Database) -> list[str]:
    """Return what is held, what the scout watches and what strategies name, in this order."""
    held = await PositionRepository(db).held_codes()
    active = await TypedCache.of(redis, RedisKeys.WATCHLIST_ACTIVE, HotWatchlist).get()
    scouted = [entry.stock_code for entry in active.stocks] if active else []
    strategies = (await known_strategies(redis, db)).values()
    named = [symbol.code for live in strategies for symbol in live.spec.watchlist.symbols]
    return list(dict.fromkeys([*held, *scouted, *named]))[:MOST_STOCKS]


class MinuteBars:
    """A stock whose closing minute is stored is not asked for again."""

    def __init__(self, gateway: Gateway, prices: CollectedPrices, stored: PriceRepository) -> None:
        self._gateway = gateway
        self._prices = prices
        self._stored = stored

    async def bring(self, job: Job, codes: Sequence[str], session: Session, book: GapBook) -> str:
        """Store the session's minutes of each stock and return the clause for the outcome."""
        have = await self._prices.last_minutes(codes, since=session.opens_at) if codes else {}
        due = [code for code in codes if have.get(code, session.opens_at) < session.closes_at]
        asked = count(1)

        async def bring_one(code: str) -> int:
            await job.report("minute bars", 55 + 30 * next(asked) // len(due))
            return await self._bring_one(code, session, book)

        written = await side_by_side(due, bring_one)
        return f"{sum(written):,} minute bars of {sum(map(bool, written))} of {len(codes)} stocks"

    async def _bring_one(self, code: str, session: Session, book: GapBook) -> int:
        try:
            told = await self._gateway.minute_prices(code, _MINUTES)
        except (Unavailable, RateLimited) as error:
            book.say(GapKind.FAILED, code, f"minute bars: {error}")
            return 0
        except (NotFound, BadInput) as error:
            book.say(GapKind.UNQUOTED, code, f"minute bars: {error}")
            return 0
        until = session.closes_at + timedelta(minutes=1)  # the closing cross is the minute of the close
        bars = [bar for bar in told if session.opens_at <= bar.price_datetime < until]
        if not bars:
            book.say(GapKind.HALTED, code, "no minute bar of the session")
            return 0
        return await self._stored.upsert_minute(bars)
