"""The scan loop: loads what is needed, follows the ticks, reloads by tick time."""

import asyncio
from contextlib import aclosing
from datetime import datetime, timedelta

import structlog

from buy_scanner.scanner import Scanner, reload_is_due
from buy_scanner.watchlist import Watchlist
from prime_jennie.domain.errors import BadInput, Conflict, NotFound
from prime_jennie.domain.sessions import KST, kst_midnight
from prime_jennie.domain.trading_strategy import LiveConfig, WatchlistSource
from prime_jennie.infra.database.repositories.signals import SignalLog
from prime_jennie.infra.desk import Desk
from prime_jennie.infra.outages import OUTAGES
from prime_jennie.infra.redis.ticks import TickReader
from prime_jennie.infra.regime import RegimeReader
from prime_jennie.infra.subscriptions import Subscriptions
from prime_jennie.strategy.bars import bar_of

SUBSCRIBE_AGAIN_AFTER = timedelta(seconds=300)  # of tick time
RETRY_SECS = 10.0  # of tick time, after a reload that met an outage

log = structlog.get_logger(__name__)


class ScanLoop:
    """Start-up and recovery are one path: load, back-fill the session so far, follow the ticks."""

    def __init__(
        self,
        desk: Desk,
        scanner: Scanner,
        watchlist: Watchlist,
        regimes: RegimeReader,
        ticks: TickReader,
        *,
        reload_secs: float,
        news_secs: float,
        history_minutes: int,
    ) -> None:
        self.scanner = scanner
        self.watchlist_loaded = False
        self._told_of_none = False
        self.ready = False
        self._desk = desk
        self._watchlist = watchlist
        self._regimes = regimes
        self._ticks = ticks
        self._reload_secs = reload_secs
        self._news_secs = news_secs
        self._reloading = asyncio.Lock()
        self._subscribed_at: datetime | None = None
        self._history_minutes = history_minutes
        self._reloaded_at: datetime | None = None
        self._retry_at: datetime | None = None
        self._configured = asyncio.Event()
        self._recalled = False
        self._subscriptions = Subscriptions(desk.gateway, desk.outages)
        self._unfilled: set[str] = set()
        """Newly watched stocks whose minutes before now are still to be fetched."""
        scanner.configure(desk.config.current.spec)
        desk.config.listeners.append(self._on_config)

    @property
    def watchlist_version(self) -> str | None:
        """Return the version of the scout's list in use."""
        return self._watchlist.version

    async def run(self) -> None:
        """Scan until an outage interrupts; then from the start again, keeping the bars."""
        async with self._reloading:
            await self._reload(self._desk.clock.now())
        if not self._recalled:
            await self._recall()
            self._recalled = True
        self.ready = True
        async with aclosing(self._ticks.batches()) as batches:
            async for batch in batches:
                if self._reload_is_due(batch.at):
                    await self._reload_or_keep(batch.at)
                await self.scanner.take(batch)

    async def mind_list(self) -> None:
        """Take over a newer list of the scout's soon, for ever, ticks or not: without a list there are no ticks."""
        while True:
            await self._desk.clock.sleep(self._news_secs)
            if not self.ready:
                continue
            now = self._desk.clock.now()
            if await self._has_news() or (self._is_silent(now) and self._reload_is_due(now)):
                await self._reload_or_keep(now)

    async def _has_news(self) -> bool:
        source = self._desk.config.current.spec.watchlist.source
        return source is WatchlistSource.SCOUT and await self._watchlist.has_news()

    def _is_silent(self, now: datetime) -> bool:
        """Tell whether no tick says how late it is; while they come, reloads follow them alone."""
        last = self.scanner.last_tick_at
        return last is None or (now - last).total_seconds() > self._reload_secs

    async def mind_silence(self, longest_secs: float) -> None:
        """Ask for the ticks of all listed stocks again while the session is silent, for reloads wait for ticks."""
        await self._subscriptions.ask_in_silence(self._in_open_session, lambda: self._ticks.silent_secs, longest_secs)

    def _in_open_session(self) -> list[str]:
        return list(self.scanner.entries) if self._in_session(self._desk.clock.now()) else []

    def _on_config(self, live: LiveConfig) -> None:
        self.scanner.configure(live.spec)
        self._configured.set()

    def _reload_is_due(self, at: datetime) -> bool:
        if self._configured.is_set() or (self._retry_at is not None and at >= self._retry_at):
            return True
        return reload_is_due(self._reloaded_at, at, self._reload_secs, self._desk.sessions.of(at))

    async def _reload_or_keep(self, at: datetime) -> None:
        """Reload; when a dependency does not answer keep what is known and ask again soon, for ticks do not wait."""
        try:
            async with self._reloading:
                await self._reload(at)
        except OUTAGES as error:
            self._desk.outages.begin("reload", error)
            self._reloaded_at = at
            self._retry_at = at + timedelta(seconds=RETRY_SECS)
        else:
            self._desk.outages.end("reload")
            self._retry_at = None

    async def _reload(self, at: datetime) -> None:
        """Read watchlist and regime again; an absent regime blocks buys, and so does one of another day."""
        self._configured.clear()  # before reading: a change that comes meanwhile asks for another reload
        config = self._desk.config.current.spec
        entries = await self._watchlist.load(config, at)
        self.scanner.context = await self._regimes.on_day_of(at)
        self._reloaded_at = at
        self._tell_of_list(has_one=entries is not None)
        entries = entries or {}
        self._unfilled = (self._unfilled | entries.keys() - self.scanner.entries.keys()) & entries.keys()
        day = at.astimezone(KST).date()
        self.scanner.watch(entries, {code: self._watchlist.age(entry, day) for code, entry in entries.items()})
        await self._subscribe(list(entries), at)
        await self._backfill(at)

    def _tell_of_list(self, *, has_one: bool) -> None:
        """Say once that there is no list, not at every look; and that there is one again."""
        if has_one and not self.watchlist_loaded:
            log.info("watchlist loaded")
        if not has_one and (self.watchlist_loaded or not self._told_of_none):
            log.warning("no watchlist: nothing is scanned")
        self._told_of_none = not has_one
        self.watchlist_loaded = has_one

    async def _subscribe(self, codes: list[str], at: datetime) -> None:
        """Ask for the ticks of what is new, and now and then for all, should the gateway have forgotten."""
        again = self._subscribed_at is None or at - self._subscribed_at >= SUBSCRIBE_AGAIN_AFTER
        await self._subscriptions.want(codes, again=again)
        if again:
            self._subscribed_at = at

    async def _backfill(self, at: datetime) -> None:
        """Fetch the session's last minute bars of newly watched stocks, so that a restart does not cost 20 minutes."""
        if not self._history_minutes or not self._in_session(at):
            self._unfilled.clear()
            return
        for code in sorted(self._unfilled):
            try:
                minutes = await self._desk.gateway.minute_prices(code, self._history_minutes)
            except OUTAGES as error:  # asked again at the next reload
                log.warning("no minute history", stock_code=code, error=f"{type(error).__name__}: {error}")
                continue
            except (BadInput, Conflict, NotFound) as error:
                log.error("no minute history", stock_code=code, error=str(error))
                minutes = []
            self.scanner.backfill(code, [bar_of(minute) for minute in minutes])
            self._unfilled.discard(code)

    async def _recall(self) -> None:
        """Restore today's cooldowns from the decisions on record."""
        midnight = kst_midnight(self._desk.clock.now())
        for row in await SignalLog(self._desk.db).entries(self._desk.strategy, midnight):
            if row.signal_type == "BUY" and row.status == "published":
                self.scanner.recall_signal(row.stock_code, row.signal_at)

    def _in_session(self, at: datetime) -> bool:
        session = self._desk.sessions.of(at)
        return session is not None and session.opens_at < at < session.closes_at
