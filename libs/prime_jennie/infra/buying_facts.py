"""Gather what decides whether a strategy buys; each source may be down, and is then named instead of being guessed."""

from collections.abc import Awaitable
from datetime import datetime
from typing import TypeVar

from redis.asyncio import Redis

from prime_jennie.domain.buying import BuyingFacts
from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.ports import Gateway
from prime_jennie.domain.sessions import SessionTable, kst_midnight
from prime_jennie.domain.topics import TICKS
from prime_jennie.domain.trading_strategy import LiveConfig, WatchlistSource
from prime_jennie.domain.watchlist import HotWatchlist
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.positions import PositionRepository
from prime_jennie.infra.database.repositories.status import StatusQueries, StrategyStatus
from prime_jennie.infra.halts import HaltDesk
from prime_jennie.infra.outages import OUTAGES, who_is_silent
from prime_jennie.infra.overrides import Overrides
from prime_jennie.infra.redis.cache import TypedCache
from prime_jennie.infra.redis.entries import UnreadableError, decode
from prime_jennie.infra.redis.replies import range_entries
from prime_jennie.infra.regime import RegimeReader

T = TypeVar("T")


class BuyingFactsReader:
    """Reads the present of an account's strategies, anew each time."""

    def __init__(
        self, *, redis: Redis, db: Database, gateway: Gateway, halts: HaltDesk, account: str, sessions: SessionTable
    ) -> None:
        self._redis = redis
        self._gateway = gateway
        self._halts = halts
        self._account = account
        self._sessions = sessions
        self._regimes = RegimeReader(redis)
        self._positions = PositionRepository(db)
        self._overrides = Overrides(db)
        self._status = StatusQueries(db)
        self._watchlists = TypedCache.of(redis, RedisKeys.WATCHLIST_ACTIVE, HotWatchlist)

    async def read(self, strategy: str, live: LiveConfig | None, at: datetime) -> BuyingFacts:
        """Read everything about a strategy; `live` is None where it has announced no configuration."""
        silence = _Silence()
        asked = silence.unless_silent
        halts = await asked(self._halts.in_force(strategy, *([] if live is None else [live.spec.trading])))
        if halts is None:  # without Redis the records still bind
            halts = await asked(self._halts.recorded(strategy))
        context = await asked(self._regimes.on_day_of(at))
        day = await asked(self._gateway.market_state(), "kis-gateway")
        rows = await asked(self._positions.open_positions(self._account, strategy))
        return BuyingFacts(
            at=at,
            live=live,
            session=self._sessions.of(at),
            context=context,
            last_tick_at=await asked(self.last_tick_at()),
            listed=None if live is None else await asked(self._listed(live)),
            positions=None if rows is None else len(rows),
            buys_today=await asked(self._buys(strategy, at)),
            max_buys=await asked(self._overrides.max_buys_per_day(strategy)),
            is_dry_run=bool(await asked(self._overrides.dry_run(strategy))),
            halts=halts or (),
            blocks=() if day is None else [one for one in day.buy_blocks if one.strategy in ("", strategy)],
            silent=tuple(silence.names),
        )

    async def today(self, strategy: str, at: datetime) -> StrategyStatus | None:
        """Return a strategy's figures of the day; None before its first order."""
        return await self._status.strategy(self._account, strategy, kst_midnight(at))

    async def last_tick_at(self) -> datetime | None:
        """Return the time of the newest frame."""
        stream = TICKS.stream.value
        for entry_id, fields in range_entries(await self._redis.xrevrange(stream, count=1)):
            try:
                return decode(stream, entry_id, fields, TICKS.model).message.at
            except UnreadableError:
                return None
        return None

    async def _buys(self, strategy: str, at: datetime) -> int:
        today = await self.today(strategy, at)
        return 0 if today is None else today.buys

    async def _listed(self, live: LiveConfig) -> int | None:
        """Count as the scanner does: the strategy's own list, or the scout's with what persons have listed."""
        listed = live.spec.watchlist
        if listed.source is WatchlistSource.STATIC:
            return len(listed.symbols)
        hot = await self._watchlists.get()
        by_hand = len(listed.symbols) + int(await self._redis.hlen(RedisKeys.WATCHLIST_MANUAL.value))
        if hot is None:
            return by_hand or None
        return len(hot.stocks) + by_hand


class _Silence:
    """Who did not answer while something was read, each named once."""

    def __init__(self) -> None:
        self.names: dict[str, None] = {}

    async def unless_silent(self, question: Awaitable[T], who: str | None = None) -> T | None:
        """Return the answer, None where there is none; `who` is asked, where the error need not tell."""
        try:
            return await question
        except OUTAGES as error:
            self.names[who or who_is_silent(error)] = None
            return None
