"""How many buys a strategy may send: in a day, in a minute, and at once."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from kis_gateway.quota import BuyQuota, Place
from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.fakes.clock import ManualClock

NOW = datetime(2025, 3, 10, 3, 0, tzinfo=UTC)  # noon in Seoul
MIDNIGHT = datetime(2025, 3, 9, 15, 0, tzinfo=UTC)


class World:
    """So many orders sent today and in the last minute, under one configuration."""

    def __init__(self, *, today: int = 0, lately: int = 0, most_a_minute: int | None = None) -> None:
        self._today = today
        self._lately = lately
        self._most_a_minute = most_a_minute
        self.paused: list[tuple[str, str]] = []

    async def count_sent(self, _account: str, _strategy: str, since: datetime, side: TradeType | None = None) -> int:
        await asyncio.sleep(0)
        if side is TradeType.BUY:
            assert since == MIDNIGHT
            return self._today
        assert since == NOW - timedelta(minutes=1)  # sales included
        return self._lately

    async def config(self, _strategy: str) -> LiveConfig | None:
        if self._most_a_minute is None:
            return None
        spec = {"risk": {"maxOrdersPerMinute": self._most_a_minute}}
        return LiveConfig.model_validate({"name": "krx-core", "generation": 1, "spec": spec})

    def quota(self, most_a_day: int = 200) -> BuyQuota:
        world = cast(Any, self)
        return BuyQuota(world, world, ManualClock(NOW), account="12345678-01", most_a_day=most_a_day, pause=self.pause)

    async def pause(self, strategy: str, why: str) -> None:
        self.paused.append((strategy, why))


async def answer(quota: BuyQuota, strategy: str = "krx-core") -> str | None:
    async with quota.place(strategy) as place:
        return place if isinstance(place, str) else None


async def test_a_buy_over_the_minutes_limit_is_refused_and_pauses_the_strategy() -> None:
    full, calm = World(lately=5, most_a_minute=5), World(lately=4, most_a_minute=5)
    why = "5 orders in the last minute, risk.maxOrdersPerMinute is 5"
    assert await answer(full.quota()) == f"TOO_MANY_ORDERS: {why}"
    assert full.paused == [("krx-core", why)]
    assert await answer(calm.quota()) is None
    assert calm.paused == []


@pytest.mark.parametrize(("today", "passes"), [(199, True), (200, False)])
async def test_the_days_two_hundredth_buy_is_the_last(today: int, passes: bool) -> None:
    assert (await answer(World(today=today).quota()) is None) is passes


async def test_fifty_buys_at_once_see_each_other() -> None:
    quota = World(today=197).quota()
    async with AsyncExitStack() as stack:
        places = await asyncio.gather(*(stack.enter_async_context(quota.place("krx-core")) for _ in range(50)))
        assert sum(isinstance(place, Place) for place in places) == 3
        assert await answer(quota, "krx-other") is None


async def test_a_buy_that_sql_counts_is_not_counted_twice() -> None:
    quota = World(today=198).quota()
    async with quota.place("krx-core") as sent:
        assert isinstance(sent, Place)
        sent.give_back()
        sent.give_back()
        async with quota.place("krx-core") as second:
            assert isinstance(second, Place)
            async with quota.place("krx-core") as third:
                assert isinstance(third, Place)
                assert "DAILY_LIMIT_EXCEEDED" in str(await answer(quota))
