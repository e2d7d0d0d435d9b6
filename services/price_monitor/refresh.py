"""Keep the watches true to the database, and tell Redis what is watched."""

import json
from collections.abc import Callable
from datetime import datetime

from redis.asyncio import Redis

from price_monitor.monitor import Monitor
from price_monitor.watch import new_watch, read_daily
from prime_jennie.domain.keys import Keyspace, RedisKeys
from prime_jennie.domain.sessions import KST
from prime_jennie.infra.database.repositories.positions import PositionRepository
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.desk import Desk
from prime_jennie.infra.price_history import PriceHistory
from prime_jennie.infra.regime import RegimeReader
from prime_jennie.infra.subscriptions import Subscriptions
from prime_jennie.strategy.basis import basis_of

DAILY_BARS = 120
LIVE_POSITIONS_TTL_SECS = 90
STATUS_TTL_SECS = 60


class Refresh:
    """Reads positions often and indicators seldom; watermarks go to Redis and SQL."""

    def __init__(self, desk: Desk, monitor: Monitor, history: PriceHistory) -> None:
        self._desk = desk
        self._monitor = monitor
        self._history = history
        self._redis: Redis = desk.redis
        self._keys: Keyspace = desk.keyspace
        self._positions = PositionRepository(desk.db)
        self._prices = PriceRepository(desk.db)
        self._subscriptions = Subscriptions(desk.gateway, desk.outages)
        self._unread: set[str] = set()
        """Newly held stocks whose daily bars are still to be read."""
        self._regimes = RegimeReader(desk.redis)

    async def positions(self, at: datetime) -> None:
        """Take over what the database holds; new positions get their ticks at once."""
        rows = await self._positions.open_positions(self._desk.account.account_no, self._desk.strategy)
        known = self._monitor.watches
        fresh = [row for row in rows if row.stock_code not in known]
        watches = {row.stock_code: known[row.stock_code].with_row(row) for row in rows if row.stock_code in known}
        for row in fresh:
            watches[row.stock_code] = new_watch(row, await self._remembered_high(row.stock_code, row.position_id))
        self._monitor.watches = watches
        self._unread = (self._unread | {row.stock_code for row in fresh}) & watches.keys()
        await self._publish_positions(at)
        await self._subscriptions.want(list(watches))

    async def readings(self, at: datetime) -> None:
        """Read the indicators of new positions."""
        await self._indicators(sorted(self._unread), at)

    async def everything(self, at: datetime) -> None:
        """Refresh indicators and stored watermarks; ask for all ticks again, should the gateway have forgotten."""
        await self._indicators(list(self._monitor.watches), at)
        await self._positions.raise_watermarks(
            self._desk.account.account_no, self._desk.strategy, self._monitor.highs(), at=at
        )
        await self._subscriptions.want(list(self._monitor.watches), again=True)

    async def ask_in_silence(self, silent_secs: Callable[[], float], longest_secs: float) -> None:
        """Ask for all ticks again whenever none has come for so long within the session."""
        await self._subscriptions.ask_in_silence(self._in_session, silent_secs, longest_secs)

    def _in_session(self) -> list[str]:
        now = self._desk.clock.now()
        session = self._desk.sessions.of(now)
        is_open = session is not None and session.opens_at <= now < session.closes_at
        return list(self._monitor.watches) if is_open else []

    async def policy(self, at: datetime) -> None:
        """Read the regime again and judge by it and the configuration in force."""
        self._monitor.set_policy(
            self._desk.config.current.spec, await self._regimes.on_day_of(at), self._desk.sessions.of(at), at
        )

    async def _indicators(self, codes: list[str], at: datetime) -> None:
        if not codes:
            return
        today = at.astimezone(KST).date()
        await self._history.ensure(codes, before=today)
        daily = await self._prices.daily_of(codes, DAILY_BARS, before=today)
        for code, bars in daily.items():
            watch = self._monitor.watches.get(code)
            if watch is not None:
                bought_on = watch.row.bought_at.astimezone(KST).date()
                basis = basis_of(bars, bought_on, today, self._desk.sessions.day_before(today))
                self._monitor.watches[code] = watch.with_daily(read_daily(bars), basis)
        self._unread.difference_update(codes)

    async def _remembered_high(self, code: str, position_id: str) -> int | None:
        """Return the watermark in Redis if it belongs to this life of the position."""
        text = await self._redis.get(self._keys.of(RedisKeys.WATERMARK, code=code))
        owner, _, high = str(text or "").rpartition(":")
        return int(high) if owner == position_id and high.isdecimal() else None

    async def _publish_positions(self, at: datetime) -> None:
        watches = self._monitor.watches
        body = [watch.position().model_dump(mode="json") for watch in watches.values()]
        status = {"monitoring_count": len(watches), "running": self._monitor.running, "at": at.isoformat()}
        async with self._redis.pipeline(transaction=False) as pipe:
            for code, (position_id, high_krw) in self._monitor.highs().items():
                key = self._keys.of(RedisKeys.WATERMARK, code=code)
                pipe.set(key, f"{position_id}:{high_krw}", ex=RedisKeys.WATERMARK.ttl_secs)
            pipe.set(
                self._keys.of(RedisKeys.LIVE_POSITIONS),
                json.dumps(body, ensure_ascii=False),
                ex=LIVE_POSITIONS_TTL_SECS,
            )
            pipe.set(self._keys.of(RedisKeys.PRICE_MONITOR), json.dumps(status), ex=STATUS_TTL_SECS)
            await pipe.execute()
