"""Forced liquidation: what a person listed and armed is told to the monitor and shortened by what is sold."""

import asyncio
from typing import Final

import structlog
from redis.asyncio import Redis

from price_monitor.monitor import Monitor
from prime_jennie.domain.alerts import AlertLevel
from prime_jennie.infra.alerts import Alerts
from prime_jennie.infra.database.repositories.positions import PositionRepository
from prime_jennie.infra.desk import Desk
from prime_jennie.infra.liquidation import LiquidationBook, LiquidationOrders

LOOK_SECS: Final = 1.0  # real: an armed stock goes on its next tick, or the one after

log = structlog.get_logger(__name__)


class Liquidation:
    """Tells the monitor which holdings go at any price, and keeps the list true."""

    def __init__(self, desk: Desk, monitor: Monitor) -> None:
        self._desk = desk
        self._monitor = monitor
        self._redis: Redis = desk.redis
        self._book = LiquidationBook(desk.redis, desk.db, desk.keyspace, desk.clock)
        self._positions = PositionRepository(desk.db)
        self._alerts = Alerts(desk.redis, desk.clock, desk.service, strategy=desk.strategy or None)

    async def follow(self) -> None:
        """Look for ever; raises the outage that interrupts it."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECS)

    async def look(self) -> None:
        """Take over what Redis says, or bring back what it has lost; while armed drop what is held no more."""
        remembered = await self._book.remembered()
        said = await self._book.read()
        if said.armed:
            said = await self._shorten(said)
        self._monitor.liquidating = said.stocks if said.armed else frozenset()
        if said != remembered:
            await self._book.remember(said, who=self._desk.service)

    async def _shorten(self, said: LiquidationOrders) -> LiquidationOrders:
        rows = await self._positions.open_positions(self._desk.account.account_no, self._desk.strategy)
        held = said.stocks & {row.stock_code for row in rows}
        if gone := said.stocks - held:
            await self._redis.srem(self._book.stocks_key, *sorted(gone))
        if held:
            return LiquidationOrders(held, said.armed)
        await self._redis.delete(self._book.armed_key)
        log.warning("forced liquidation is done and disarmed", stocks=sorted(gone))
        await self._alerts.send(
            AlertLevel.WARNING,
            f"{self._desk.strategy}: 강제 청산이 끝나 해제되었습니다",
            f"목록에서 빠진 종목: {', '.join(sorted(gone)) or '없음'}",
        )
        return LiquidationOrders()
