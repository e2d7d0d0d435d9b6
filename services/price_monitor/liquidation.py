"""Forced liquidation: what a person listed and armed in Redis, remembered in SQL, shortened by what is sold.

A person's order must not vanish with an emptied Redis. A mark that is written beside the list tells the two apart:
without it Redis has lost everything and the remembered list comes back, with it a missing list was cleared by a person.
"""

import asyncio
import json
from dataclasses import dataclass
from typing import Final

import structlog
from redis.asyncio import Redis

from price_monitor.monitor import Monitor
from prime_jennie.domain.alerts import AlertLevel
from prime_jennie.domain.keys import RedisKeys
from prime_jennie.infra.alerts import Alerts
from prime_jennie.infra.database.repositories.configs import ConfigRepository
from prime_jennie.infra.database.repositories.positions import PositionRepository
from prime_jennie.infra.desk import Desk

LOOK_SECS: Final = 1.0  # real: an armed stock goes on its next tick, or the one after

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Orders:
    """What a person wants sold; `armed` is who said so, "" while nobody has."""

    stocks: frozenset[str] = frozenset()
    armed: str = ""

    def joined(self, other: "Orders") -> "Orders":
        """Return both lists together."""
        return Orders(self.stocks | other.stocks, self.armed or other.armed)


class Liquidation:
    """Tells the monitor which holdings go at any price, and keeps the list true."""

    def __init__(self, desk: Desk, monitor: Monitor) -> None:
        self._desk = desk
        self._monitor = monitor
        self._redis: Redis = desk.redis
        self._configs = ConfigRepository(desk.db)
        self._positions = PositionRepository(desk.db)
        self._alerts = Alerts(desk.redis, desk.clock, desk.service, strategy=desk.strategy or None)
        self._stocks_key = desk.keyspace.of(RedisKeys.LIQUIDATION_STOCKS)
        self._armed_key = desk.keyspace.of(RedisKeys.LIQUIDATION_ARMED)
        self._mark_key = desk.keyspace.of(RedisKeys.LIQUIDATION_KEPT)
        self._memory_key = desk.keyspace.own(RedisKeys.LIQUIDATION_KEPT)

    async def follow(self) -> None:
        """Look for ever; raises the outage that interrupts it."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECS)

    async def look(self) -> None:
        """Take over what Redis says, or bring back what it has lost; while armed drop what is held no more."""
        said, remembered = await self._said(), await self._remembered()
        if not await self._redis.exists(self._mark_key):
            said = await self._restore(said, remembered)
        if said.armed:
            said = await self._shorten(said)
        self._monitor.liquidating = said.stocks if said.armed else frozenset()
        if said != remembered:
            await self._remember(said)

    async def _said(self) -> Orders:
        stocks = await self._redis.smembers(self._stocks_key)
        armed = await self._redis.get(self._armed_key)
        return Orders(frozenset(str(code) for code in stocks), str(armed or ""))

    async def _remembered(self) -> Orders:
        row = await self._configs.get(self._memory_key)
        if row is None:
            return Orders()
        kept = json.loads(row.config_value)
        return Orders(frozenset(kept["stocks"]), kept["armed"])

    async def _remember(self, orders: Orders) -> None:
        text = json.dumps({"stocks": sorted(orders.stocks), "armed": orders.armed}, ensure_ascii=False)
        await self._configs.put(
            self._memory_key,
            text,
            who=self._desk.service,
            at=self._desk.clock.now(),
            description="copy of the forced liquidation in redis",
        )

    async def _restore(self, said: Orders, remembered: Orders) -> Orders:
        both = said.joined(remembered)
        async with self._redis.pipeline(transaction=True) as together:
            if both.stocks:
                together.sadd(self._stocks_key, *sorted(both.stocks))
            if both.armed:
                together.set(self._armed_key, both.armed)
            together.set(self._mark_key, self._desk.clock.now().isoformat())
            await together.execute()
        if both != said:
            log.warning("forced liquidation restored", stocks=sorted(both.stocks), armed=both.armed)
        return both

    async def _shorten(self, said: Orders) -> Orders:
        rows = await self._positions.open_positions(self._desk.account.account_no, self._desk.strategy)
        held = said.stocks & {row.stock_code for row in rows}
        if gone := said.stocks - held:
            await self._redis.srem(self._stocks_key, *sorted(gone))
        if held:
            return Orders(held, said.armed)
        await self._redis.delete(self._armed_key)
        log.warning("forced liquidation is done and disarmed", stocks=sorted(gone))
        await self._alerts.send(
            AlertLevel.WARNING,
            f"{self._desk.strategy}: 강제 청산이 끝나 해제되었습니다",
            f"목록에서 빠진 종목: {', '.join(sorted(gone)) or '없음'}",
        )
        return Orders()
