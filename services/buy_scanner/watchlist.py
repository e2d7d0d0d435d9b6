"""Which stocks are scanned: the strategy's own list, or the scout's."""

from collections.abc import Mapping
from datetime import date

from redis.asyncio import Redis

from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.sessions import SessionTable
from prime_jennie.domain.trading_strategy import StrategyConfig
from prime_jennie.domain.watchlist import HotWatchlist, WatchlistEntry
from prime_jennie.infra.database.repositories.masters import ListedStock, MasterRepository
from prime_jennie.infra.redis.cache import TypedCache
from prime_jennie.strategy.watchlist import age_sessions, manual_entry


class Watchlist:
    """Loads the entries that a configuration asks for, by stock code."""

    def __init__(self, redis: Redis, masters: MasterRepository, sessions: SessionTable) -> None:
        ttl_secs = RedisKeys.WATCHLIST_ACTIVE.ttl_secs or 0
        self._cache = TypedCache(redis, RedisKeys.WATCHLIST_ACTIVE.value, HotWatchlist, ttl_secs)
        self._masters = masters
        self._sessions = sessions

    async def load(self, config: StrategyConfig) -> dict[str, WatchlistEntry] | None:
        """Return the entries, best rank first; None while the scout has published none."""
        if config.watchlist.source == "static":
            return await self._static(config)
        hot = await self._cache.get()
        return None if hot is None else {entry.stock_code: entry for entry in hot.stocks}

    def age(self, entry: WatchlistEntry, day: date) -> int:
        """Return how many sessions ago the stock was first listed."""
        return age_sessions(entry.since, day, self._sessions)

    async def _static(self, config: StrategyConfig) -> dict[str, WatchlistEntry]:
        symbols = config.watchlist.symbols[: config.watchlist.max_size]
        known: Mapping[str, ListedStock] = await self._masters.find_all([symbol.code for symbol in symbols])
        return {
            symbol.code: manual_entry(
                symbol.code,
                known[symbol.code].master.stock_name if symbol.code in known else symbol.code,
                rank=rank,
                since=symbol.since,
                sector_group=_sector(known.get(symbol.code)),
            )
            for rank, symbol in enumerate(symbols, 1)
        }


def _sector(stock: ListedStock | None) -> SectorGroup | None:
    return None if stock is None else stock.master.sector_group
