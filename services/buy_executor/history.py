"""Keep daily bars of what may be bought and what is held, so that ATR and correlation are ready."""

import asyncio
from contextlib import suppress
from datetime import date

from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.sessions import KST
from prime_jennie.domain.trading_strategy import LiveConfig, WatchlistSource
from prime_jennie.domain.watchlist import HotWatchlist
from prime_jennie.infra.database.repositories.positions import PositionRepository
from prime_jennie.infra.desk import Desk
from prime_jennie.infra.price_history import PriceHistory
from prime_jennie.infra.redis.cache import TypedCache

LOOK_SECS = 60.0  # real; between looks at the scout's list and at the date


class WatchedHistory:
    """Fetches what is missing at the start, after each configuration, on a new day, and for newly listed stocks."""

    def __init__(self, desk: Desk, history: PriceHistory) -> None:
        self._desk = desk
        self._history = history
        self._positions = PositionRepository(desk.db)
        self._watchlists = TypedCache.of(desk.redis, RedisKeys.WATCHLIST_ACTIVE, HotWatchlist)
        self._configured = asyncio.Event()
        desk.config.listeners.append(self._on_config)

    async def ensure(self) -> None:
        """Fetch what is missing now."""
        await self._history.ensure(await self._codes(), before=self._today())

    async def follow(self) -> None:
        """Fetch whenever something may be missing, for ever."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECS):
                    await self._configured.wait()
            self._configured.clear()
            await self.ensure()

    async def _codes(self) -> list[str]:
        watchlist = self._desk.config.current.spec.watchlist
        codes = [symbol.code for symbol in watchlist.symbols]
        if watchlist.source is WatchlistSource.SCOUT:
            hot = await self._watchlists.get()
            codes += [entry.stock_code for entry in hot.stocks] if hot is not None else []
        held = await self._positions.open_positions(self._desk.account.account_no, self._desk.strategy)
        return codes + [row.stock_code for row in held]

    def _today(self) -> date:
        return self._desk.clock.now().astimezone(KST).date()

    def _on_config(self, _live: LiveConfig) -> None:
        self._configured.set()
