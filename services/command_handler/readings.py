"""Gather what /status and /diagnose tell; each source may be down, and is then named instead of being guessed."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from command_handler.desk import CommandDesk, outage_phrase
from command_handler.manual_list import ManualList
from command_handler.phrases import Phrase, same
from command_handler.standing import Facts
from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.sessions import kst_midnight
from prime_jennie.domain.topics import TICKS
from prime_jennie.domain.trading_strategy import LiveConfig, WatchlistSource
from prime_jennie.domain.watchlist import HotWatchlist
from prime_jennie.infra.database.repositories.positions import PositionRepository
from prime_jennie.infra.database.repositories.status import StatusQueries, StrategyStatus
from prime_jennie.infra.outages import OUTAGES
from prime_jennie.infra.overrides import Overrides
from prime_jennie.infra.redis.cache import TypedCache
from prime_jennie.infra.redis.entries import UnreadableError, decode
from prime_jennie.infra.redis.replies import range_entries
from prime_jennie.infra.regime import RegimeReader

T = TypeVar("T")


@dataclass
class Silence:
    """What did not answer while something was read, each said once."""

    phrases: list[Phrase] = field(default_factory=list)

    async def unless_silent(self, question: Awaitable[T]) -> T | None:
        """Return the answer, None where there is none."""
        try:
            return await question
        except OUTAGES as error:
            phrase = same("- ") + outage_phrase(error)
            if phrase not in self.phrases:
                self.phrases.append(phrase)
            return None


class Readings:
    """Reads the present of every strategy."""

    def __init__(self, desk: CommandDesk, manual: ManualList) -> None:
        self._desk = desk
        self._manual = manual
        self._regimes = RegimeReader(desk.redis)
        self._positions = PositionRepository(desk.db)
        self._overrides = Overrides(desk.db)
        self._status = StatusQueries(desk.db)
        self._watchlists = TypedCache.of(desk.redis, RedisKeys.WATCHLIST_ACTIVE, HotWatchlist)

    async def facts(self, live: LiveConfig, at: datetime) -> Facts:
        """Read what decides whether a strategy buys."""
        silence = Silence()
        asked = silence.unless_silent
        halts = await asked(self._desk.halts.in_force(live.name, live.spec.trading))
        context = await asked(self._regimes.on_day_of(at))
        day = await asked(self._desk.gateway.market_state())
        rows = await asked(self._positions.open_positions(self._desk.account_no, live.name))
        today = await asked(self.today(live.name, at))
        return Facts(
            at=at,
            live=live,
            session=self._desk.sessions.of(at),
            halts=halts or (),
            context=context,
            last_tick_at=await asked(self.last_tick_at()),
            listed=await asked(self._listed(live)),
            positions=None if rows is None else len(rows),
            buys_today=None if today is None else today.buys,
            max_buys=await asked(self._overrides.max_buys_per_day(live.name)),
            is_dry_run=bool(await asked(self._overrides.dry_run(live.name))),
            blocks=() if day is None else [one for one in day.buy_blocks if one.strategy in ("", live.name)],
            silent=silence.phrases,
        )

    async def today(self, strategy: str, at: datetime) -> StrategyStatus | None:
        """Return a strategy's figures of the day; None before its first order."""
        found = await self._status.strategies(kst_midnight(at))
        return next((row for row in found if (row.account, row.strategy) == (self._desk.account_no, strategy)), None)

    async def last_tick_at(self) -> datetime | None:
        """Return the time of the newest frame."""
        stream = TICKS.stream.value
        for entry_id, fields in range_entries(await self._desk.redis.xrevrange(stream, count=1)):
            try:
                return decode(stream, entry_id, fields, TICKS.model).message.at
            except UnreadableError:
                return None
        return None

    async def _listed(self, live: LiveConfig) -> int | None:
        listed = live.spec.watchlist
        if listed.source is WatchlistSource.STATIC:
            return len(listed.symbols)
        hot = await self._watchlists.get()
        by_hand = len(listed.symbols) + len(await self._manual.stocks())
        if hot is None:
            return by_hand or None
        return len(hot.stocks) + by_hand


async def timed(question: Callable[[], Awaitable[object]]) -> tuple[float, Exception | None]:
    """Return the real milliseconds that an answer took, and the outage where there was none."""
    asked_at = time.monotonic()
    failure: Exception | None = None
    try:
        await question()
    except OUTAGES as error:
        failure = error
    return (time.monotonic() - asked_at) * 1000, failure
