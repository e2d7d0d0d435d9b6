"""Which stocks are scanned: the strategy's own list, or the scout's, joined by what persons have listed."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

import structlog
from redis.asyncio import Redis

from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.sessions import SessionTable
from prime_jennie.domain.symbols import is_stock_code
from prime_jennie.domain.trading_strategy import StrategyConfig, WatchlistSource
from prime_jennie.domain.watchlist import HotWatchlist, WatchlistEntry
from prime_jennie.infra.database.repositories.masters import MasterRepository
from prime_jennie.infra.redis.cache import TypedCache
from prime_jennie.strategy.watchlist import age_sessions, found_entries, is_valid, manual_entry

_MANUAL: Final = RedisKeys.WATCHLIST_MANUAL.value

log = structlog.get_logger(__name__)


class Watchlist:
    """Loads the entries that a configuration asks for, by stock code."""

    def __init__(self, redis: Redis, masters: MasterRepository, sessions: SessionTable) -> None:
        self._redis = redis
        self._cache = TypedCache.of(redis, RedisKeys.WATCHLIST_ACTIVE, HotWatchlist)
        self._masters = masters
        self._sessions = sessions
        self._last: HotWatchlist | None = None
        self._refused: frozenset[str] = frozenset()

    @property
    def version(self) -> str | None:
        """Return the version of the scout's list that was read last."""
        return None if self._last is None else self._last.version

    async def load(self, config: StrategyConfig, at: datetime) -> dict[str, WatchlistEntry] | None:
        """Return the entries, best rank first; None while the scout has published none and nobody has listed any.

        A stock listed by hand joins the scout's list as what a person chose: 50/50, TIER2, NEUTRAL (rulebook §4). The
        strategy's own symbols come before what persons watch, and both before what the scout found.
        """
        watchlist = config.watchlist
        chosen: dict[str, date | None] = {symbol.code: symbol.since for symbol in watchlist.symbols}
        if watchlist.source is WatchlistSource.STATIC:
            return await self._by_hand(chosen, {}, first_rank=1)
        named = await self._named()
        hot = await self._hot(at)
        for code in sorted(named.keys() - chosen.keys())[: watchlist.max_size - len(chosen)]:
            chosen[code] = None
        if hot is None and not chosen:
            return None
        found = (
            []
            if hot is None
            else found_entries(hot, exclude=watchlist.exclude, without=chosen, room=watchlist.max_size - len(chosen))
        )
        by_hand = await self._by_hand(chosen, named, first_rank=len(found) + 1)
        return {entry.stock_code: entry for entry in found} | by_hand

    async def has_news(self) -> bool:
        """Tell whether the scout has published another list than the one read last."""
        hot = await self._cache.get()
        return hot is not None and hot.version != self.version

    def age(self, entry: WatchlistEntry, day: date) -> int:
        """Return how many sessions ago the stock was first listed."""
        return age_sessions(entry.since, day, self._sessions)

    async def _hot(self, at: datetime) -> HotWatchlist | None:
        """Return the newest list, the one known where Redis has lost it; each stands for a day by the clock."""
        found = await self._cache.get()
        if found is not None:
            self._last = found
        if self._last is None or not is_valid(self._last, at):
            return None
        return self._last

    async def _named(self) -> dict[str, str]:
        """Return the stocks that persons watch; what is no stock code is left out and logged once."""
        named = {str(code): str(name) for code, name in (await self._redis.hgetall(_MANUAL)).items()}
        bad = frozenset(code for code in named if not is_stock_code(code))
        if bad - self._refused:
            log.error("no stock codes, left out of the list", key=_MANUAL, codes=sorted(bad))
        self._refused = bad
        return {code: name for code, name in named.items() if code not in bad}

    async def _by_hand(
        self, chosen: Mapping[str, date | None], named: Mapping[str, str], *, first_rank: int
    ) -> dict[str, WatchlistEntry]:
        known = await self._masters.find_all(list(chosen)) if chosen else {}
        entries = {}
        for rank, (code, since) in enumerate(chosen.items(), first_rank):
            stock = known.get(code)
            entries[code] = manual_entry(
                code,
                stock.master.stock_name if stock is not None else named.get(code) or code,
                rank=rank,
                since=since,
                sector_group=None if stock is None else stock.master.sector_group,
            )
        return entries
