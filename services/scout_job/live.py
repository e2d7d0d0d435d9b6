"""The lists that strategies read: `watchlist:active` and `budget:sector:active`."""

from datetime import date

import structlog
from redis.asyncio import Redis

from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.risk import SectorBudget
from prime_jennie.domain.sessions import KST
from prime_jennie.domain.watchlist import HotWatchlist
from prime_jennie.infra.redis.cache import TypedCache

log = structlog.get_logger(__name__)


class LiveLists:
    """Writes both, and remembers them for the day."""

    def __init__(self, redis: Redis) -> None:
        self._watchlists = TypedCache.of(redis, RedisKeys.WATCHLIST_ACTIVE, HotWatchlist)
        self._budgets = TypedCache.of(redis, RedisKeys.SECTOR_BUDGET, SectorBudget)
        self._published: tuple[HotWatchlist, SectorBudget] | None = None

    async def publish(self, watchlist: HotWatchlist, budget: SectorBudget) -> None:
        """Write the caps, then the list that was chosen under them; a repeat writes the same."""
        await self._budgets.set(budget)
        await self._watchlists.set(watchlist)
        self._published = watchlist, budget

    async def restore(self, day: date) -> None:
        """Write the day's lists again where Redis has lost them."""
        if self._published is None or await self._watchlists.get() is not None:
            return
        watchlist, budget = self._published
        if watchlist.generated_at.astimezone(KST).date() == day:
            log.warning("watchlist was gone: written again", version=watchlist.version)
            await self.publish(watchlist, budget)
