"""Which stocks are scanned: the strategy's own list, or the scout's."""

from collections.abc import Mapping, Sequence
from datetime import date

from redis.asyncio import Redis

from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.sessions import SessionTable
from prime_jennie.domain.trading_strategy import StrategyConfig, WatchlistSource, WatchlistSymbol
from prime_jennie.domain.watchlist import HotWatchlist, WatchlistEntry
from prime_jennie.infra.database.repositories.masters import ListedStock, MasterRepository
from prime_jennie.infra.redis.cache import TypedCache
from prime_jennie.strategy.watchlist import age_sessions, manual_entry


class Watchlist:
    """Loads the entries that a configuration asks for, by stock code."""

    def __init__(self, redis: Redis, masters: MasterRepository, sessions: SessionTable) -> None:
        self._cache = TypedCache.of(redis, RedisKeys.WATCHLIST_ACTIVE, HotWatchlist)
        self._masters = masters
        self._sessions = sessions

    async def load(self, config: StrategyConfig) -> dict[str, WatchlistEntry] | None:
        """Return the entries, best rank first; None while the scout has published none and no stock is listed by hand.

        A stock listed by hand joins the scout's list as what its author chose: 50/50, TIER2, NEUTRAL (rulebook §4).
        """
        if config.watchlist.source is WatchlistSource.STATIC:
            return await self._manual(config.watchlist.symbols, first_rank=1)
        symbols = config.watchlist.symbols
        hot = await self._cache.get()
        if hot is None and not symbols:
            return None
        own = {symbol.code for symbol in symbols}
        room = config.watchlist.max_size - len(own)
        found = [entry for entry in hot.stocks if entry.stock_code not in own][:room] if hot is not None else []
        manual = await self._manual(symbols, first_rank=len(found) + 1)
        return {entry.stock_code: entry for entry in found} | manual

    def age(self, entry: WatchlistEntry, day: date) -> int:
        """Return how many sessions ago the stock was first listed."""
        return age_sessions(entry.since, day, self._sessions)

    async def _manual(self, symbols: Sequence[WatchlistSymbol], *, first_rank: int) -> dict[str, WatchlistEntry]:
        known: Mapping[str, ListedStock] = await self._masters.find_all([symbol.code for symbol in symbols])
        return {
            symbol.code: manual_entry(
                symbol.code,
                known[symbol.code].master.stock_name if symbol.code in known else symbol.code,
                rank=rank,
                since=symbol.since,
                sector_group=_sector(known.get(symbol.code)),
            )
            for rank, symbol in enumerate(symbols, first_rank)
        }


def _sector(stock: ListedStock | None) -> SectorGroup | None:
    return None if stock is None else stock.master.sector_group
