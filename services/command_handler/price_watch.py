"""Look every few seconds whether an awaited price has come: at the ticks since the last look, else at a quote."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from command_handler.desk import CommandDesk
from command_handler.outbox import Notice, Outbox
from command_handler.phrases import Phrase, same
from command_handler.replies import Reply
from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.market import Tick, TickBatch
from prime_jennie.domain.topics import TICKS
from prime_jennie.infra.database.repositories.price_alerts import Direction, PriceAlert, PriceAlertRepository
from prime_jennie.infra.outages import OUTAGES
from prime_jennie.infra.redis.entries import UnreadableError, decode
from prime_jennie.infra.redis.replies import range_entries

PAGE: Final = 256
MOST_PAGES: Final = 8  # of frames a look; what lies further back is stale, and a quote decides
IDLE_SECS: Final = 5.0  # real


@dataclass(frozen=True, slots=True)
class Seen:
    """The lowest and the highest price of a stock since the last look, KRW."""

    low_krw: int
    high_krw: int

    def and_also(self, price_krw: int) -> "Seen":
        return Seen(min(self.low_krw, price_krw), max(self.high_krw, price_krw))

    def reached(self, alert: PriceAlert) -> int | None:
        """Return the price at which an alert fires, None while it waits."""
        price = self.high_krw if alert.direction is Direction.ABOVE else self.low_krw
        return price if alert.direction.is_reached(price, alert.target_krw) else None


class PriceWatch:
    """Sleeps while nobody waits for a price, and while the exchange is closed."""

    def __init__(self, desk: CommandDesk, outbox: Outbox) -> None:
        self._desk = desk
        self._outbox = outbox
        self._alerts = PriceAlertRepository(desk.db)
        self._every_secs = desk.settings.price_alert_every_secs
        self._last_id: str | None = None
        self.news = asyncio.Event()
        self.waiting = 0

    async def watch(self) -> None:
        """Look for ever; raises the outage that interrupts it."""
        while True:
            self.news.clear()
            now = self._desk.clock.now()
            waiting = await self._alerts.waiting(now)
            if len(waiting) < self.waiting:
                await self._alerts.expire(now)
            await self._copy(waiting)
            if not waiting:
                self._last_id = None
                await self._until_news()
                continue
            if self._is_open():
                await self.look(waiting)
            await self._desk.clock.sleep(self._every_secs)

    async def look(self, waiting: Iterable[PriceAlert]) -> None:
        """Compare every awaited price with what was traded since the last look."""
        alerts = list(waiting)
        codes = {alert.stock_code for alert in alerts}
        seen = await self._from_ticks(codes)
        if quiet := codes - seen.keys():
            seen |= await self._from_quotes(quiet)
        for alert in alerts:
            price = seen[alert.stock_code].reached(alert) if alert.stock_code in seen else None
            if price is not None:
                await self._fire(alert, price)

    async def _fire(self, alert: PriceAlert, price: int) -> None:
        async def told(_how: str) -> None:
            await self._alerts.fire(alert.id, price, at=self._desk.clock.now())

        reply = fired_reply(alert, price)
        await self._outbox.put(Notice(f"price-alert:{alert.id}", reply, (alert.chat,), done=told))

    async def _from_ticks(self, codes: Iterable[str]) -> dict[str, Seen]:
        """Return what traded since the last look; the first look begins at the newest frame."""
        wanted = set(codes)
        seen: dict[str, Seen] = {}
        stream = TICKS.stream.value
        if self._last_id is None:
            entries = range_entries(await self._desk.redis.xrevrange(stream, count=1))
            self._take(entries, wanted, seen)
            return seen
        for _ in range(MOST_PAGES):
            entries = range_entries(await self._desk.redis.xrange(stream, f"({self._last_id}", "+", count=PAGE))
            self._take(entries, wanted, seen)
            if len(entries) < PAGE:
                return seen
        newest = range_entries(await self._desk.redis.xrevrange(stream, count=1))
        self._take(newest, wanted, seen)
        return seen

    def _take(self, entries: list[tuple[str, dict[str, str]]], wanted: set[str], seen: dict[str, Seen]) -> None:
        for entry_id, fields in entries:
            self._last_id = entry_id
            try:
                batch = decode(TICKS.stream.value, entry_id, fields, TickBatch).message
            except UnreadableError:
                continue  # whoever trades by the ticks counts and logs it
            for tick in batch.ticks:
                if tick.stock_code in wanted:
                    _see(seen, tick)

    async def _from_quotes(self, codes: Iterable[str]) -> Mapping[str, Seen]:
        try:
            found = await self._desk.gateway.snapshots(sorted(codes))
        except OUTAGES:
            return {}  # the next look asks again
        return {quote.stock_code: Seen(quote.price, quote.price) for quote in found.snapshots}

    async def _copy(self, waiting: list[PriceAlert]) -> None:
        """Show in Redis what is awaited, for whoever looks there."""
        self.waiting = len(waiting)
        key = RedisKeys.PRICE_ALERTS
        shown = [
            {
                "stock_code": alert.stock_code,
                "direction": alert.direction.value,
                "target_price": alert.target_krw,
                "expires_at": alert.expires_at.isoformat(),
            }
            for alert in waiting
        ]
        if shown:
            await self._desk.redis.set(key.value, json.dumps(shown), ex=key.ttl_secs)
        else:
            await self._desk.redis.delete(key.value)

    async def _until_news(self) -> None:
        try:
            async with asyncio.timeout(IDLE_SECS):
                await self.news.wait()
        except TimeoutError:
            return

    def _is_open(self) -> bool:
        now = self._desk.clock.now()
        session = self._desk.sessions.of(now)
        return session is not None and session.opens_at <= now < session.closes_at


def _see(seen: dict[str, Seen], tick: Tick) -> None:
    before = seen.get(tick.stock_code)
    seen[tick.stock_code] = Seen(tick.price, tick.price) if before is None else before.and_also(tick.price)


def alert_line(alert: PriceAlert) -> Phrase:
    """Write what is awaited."""
    label = f"{alert.stock_name} {alert.stock_code}"
    if alert.direction is Direction.ABOVE:
        return Phrase(f"{label} {alert.target_krw:,}원 이상", f"{label} at or above {alert.target_krw:,} KRW")
    return Phrase(f"{label} {alert.target_krw:,}원 이하", f"{label} at or below {alert.target_krw:,} KRW")


def fired_reply(alert: PriceAlert, price: int) -> Reply:
    """Write that the price has come."""
    return Reply(
        Phrase("가격 알림: ", "Price alert: ") + alert_line(alert),
        (Phrase(f"{price:,}원에 거래됨", f"traded at {price:,} KRW"), same("/price ") + same(alert.stock_code)),
    )
