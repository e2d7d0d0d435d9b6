"""Forced liquidation: armed stocks go on their next tick, and the order outlives restarts and an emptied Redis."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from price_monitor.app import create_app
from price_monitor.config import MonitorSettings
from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.signals import SellReason
from prime_jennie.infra.database.repositories.configs import ConfigRepository
from tests.support.eventually import eventually
from tests.support.service_desk import HYNIX, SAMSUNG, ServiceDesk, ready, started, tick

MONITOR = "price-monitor"
NAVER = "035420"


class Arming:
    """What a person does in Redis, by the rulebook's names."""

    def __init__(self, desk: ServiceDesk) -> None:
        self._desk = desk
        self.stocks = desk.keys.of(RedisKeys.LIQUIDATION_STOCKS)
        self.armed = desk.keys.of(RedisKeys.LIQUIDATION_ARMED)
        self.mark = desk.keys.of(RedisKeys.LIQUIDATION_KEPT)

    async def arm(self, *codes: str, who: str = "owner") -> None:
        await self._desk.redis.sadd(self.stocks, *codes)
        await self._desk.redis.set(self.armed, who)

    async def says(self, *codes: str, armed: str | None) -> bool:
        listed = await self._desk.redis.smembers(self.stocks)
        return listed == set(codes) and await self._desk.redis.get(self.armed) == armed

    async def is_remembered(self, *codes: str, armed: str) -> bool:
        row = await ConfigRepository(self._desk.db).get(self.mark)
        stocks = ", ".join(f'"{code}"' for code in sorted(codes))
        return row is not None and row.config_value == f'{{"stocks": [{stocks}], "armed": "{armed}"}}'


@pytest.fixture
async def arming(desk: ServiceDesk) -> Arming:
    """Hold two stocks at yesterday's purchase price."""
    await desk.hold()
    await desk.hold(stock_code=HYNIX, stock_name="SK하이닉스", position_id="life-h")
    return Arming(desk)


@asynccontextmanager
async def monitoring(desk: ServiceDesk) -> AsyncIterator[None]:
    position = f"{desk.keys.strategy}:{MONITOR}"
    desk.clock.positions.pop(position, None)
    async with started(create_app(MonitorSettings(**desk.environment))) as client:
        await ready(client)
        await eventually(lambda: position in desk.clock.positions, what="the first look at the ticks")
        yield


async def forced(desk: ServiceDesk) -> list[str]:
    orders = await desk.sell_orders()
    return [order.stock_code for order in orders if order.sell_reason is SellReason.FORCED_LIQUIDATION]


async def test_a_listed_stock_is_sold_in_full_on_its_next_tick_once_armed(desk: ServiceDesk, arming: Arming) -> None:
    async with monitoring(desk):
        await desk.redis.sadd(arming.stocks, SAMSUNG)
        await eventually(lambda: arming.is_remembered(SAMSUNG, armed=""))
        await desk.play([tick("10:00:00", 100_000)], MONITOR)
        assert await forced(desk) == []
        await arming.arm(SAMSUNG)
        await eventually(lambda: arming.is_remembered(SAMSUNG, armed="owner"))
        await desk.play([tick("10:00:05", 100_000), tick("10:00:06", 100_000)], MONITOR)
        assert await forced(desk) == [SAMSUNG]


async def test_an_emptied_redis_gets_the_armed_list_back_even_while_the_monitor_was_down(
    desk: ServiceDesk, arming: Arming
) -> None:
    async with monitoring(desk):
        await arming.arm(SAMSUNG, HYNIX)
        await eventually(lambda: arming.is_remembered(SAMSUNG, HYNIX, armed="owner"))
        await desk.redis.flushall()
        await eventually(lambda: arming.says(SAMSUNG, HYNIX, armed="owner"))
    await desk.redis.flushall()
    await desk.set_regime()
    async with monitoring(desk):
        await eventually(lambda: arming.says(SAMSUNG, HYNIX, armed="owner"))
        await desk.play([tick("10:00:00", 100_000)], MONITOR)
        assert await forced(desk) == [SAMSUNG]


async def test_what_a_person_takes_back_stays_taken_back(desk: ServiceDesk, arming: Arming) -> None:
    async with monitoring(desk):
        await arming.arm(SAMSUNG, HYNIX)
        await eventually(lambda: arming.is_remembered(SAMSUNG, HYNIX, armed="owner"))
        await desk.redis.delete(arming.stocks, arming.armed)
        await eventually(lambda: arming.is_remembered(armed=""))
        await desk.play([tick("10:00:00", 100_000)], MONITOR)
        assert await forced(desk) == []
    async with monitoring(desk):
        assert await arming.says(armed=None)


async def test_a_stop_that_was_asked_for_does_not_hold_a_forced_sale_back(desk: ServiceDesk, arming: Arming) -> None:
    """The automatic sale may have been refused by a halt; the forced one passes halts."""
    async with monitoring(desk):
        await desk.play([tick("10:00:00", 80_000)], MONITOR)
        await arming.arm(SAMSUNG)
        await eventually(lambda: arming.is_remembered(SAMSUNG, armed="owner"))
        await desk.play([tick("10:00:05", 80_000), tick("10:00:30", 80_000)], MONITOR)
        assert [order.sell_reason for order in await desk.sell_orders()] == [
            SellReason.STOP_LOSS,
            SellReason.FORCED_LIQUIDATION,
        ]
        await desk.play([tick("10:01:06", 80_000)], MONITOR)  # a minute later it is asked for again until it is booked
        assert len(await forced(desk)) == 2


async def test_a_list_of_nothing_that_is_held_disarms_itself_and_says_so(desk: ServiceDesk, arming: Arming) -> None:
    await arming.arm(NAVER)
    async with monitoring(desk):
        await eventually(lambda: arming.says(armed=None))
    assert [alert.text for alert in await desk.alerts()] == [f"목록에서 빠진 종목: {NAVER}"]


async def test_a_forced_sale_does_not_wait_for_a_monitor_that_a_person_stopped(
    desk: ServiceDesk, arming: Arming
) -> None:
    position = f"{desk.keys.strategy}:{MONITOR}"
    async with started(create_app(MonitorSettings(**desk.environment))) as client:
        await ready(client)
        await eventually(lambda: position in desk.clock.positions, what="the first look at the ticks")
        await client.post("/stop", headers={"Authorization": "Bearer krx-core.token"})
        await arming.arm(SAMSUNG)
        await eventually(lambda: arming.is_remembered(SAMSUNG, armed="owner"))
        await desk.play([tick("10:00:00", 80_000), tick("10:00:00", 80_000, code=HYNIX)], MONITOR, size=2)
        assert [order.stock_code for order in await desk.sell_orders()] == [SAMSUNG]
