"""price-monitor from ticks to sell orders: each once until it is booked, through refreshes, restarts and outages."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta

import httpx
import pytest

from price_monitor.app import create_app
from price_monitor.config import MonitorSettings
from prime_jennie.domain.alerts import AlertLevel
from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.market import DailyPrice, MarketRegime
from prime_jennie.domain.signals import SellReason
from prime_jennie.infra.clock.protocol import CONSUMED_ALL
from prime_jennie.infra.database.repositories.positions import PositionRepository
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.redis.cache import TypedCache
from tests.support.candles import candles
from tests.support.eventually import eventually
from tests.support.scanning import at, context
from tests.support.service_desk import (
    ACCOUNT,
    HYNIX,
    SAMSUNG,
    STRATEGY,
    TOKEN,
    ServiceDesk,
    ready,
    started,
    tick,
)

MONITOR = "price-monitor"
POSITION = f"{STRATEGY}:{MONITOR}"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@asynccontextmanager
async def monitoring(desk: ServiceDesk) -> AsyncIterator[httpx.AsyncClient]:
    """Run the service, following ticks."""
    desk.clock.positions.pop(POSITION, None)
    async with started(create_app(MonitorSettings(**desk.environment))) as client:
        await ready(client)
        await eventually(lambda: POSITION in desk.clock.positions, what="the first look at the ticks")
        yield client


async def play(desk: ServiceDesk, *prices: tuple[str, int]) -> None:
    """Play trades at KST times."""
    await desk.play([tick(clock, price) for clock, price in prices], MONITOR)


async def orders(desk: ServiceDesk) -> list[tuple[SellReason, int]]:
    return [(order.sell_reason, order.quantity) for order in await desk.sell_orders()]


# Bought 100 at 100,000 KRW, BULL with a stop multiplier of 1. Without daily bars the ATR counts as 2 %: the ATR stop
# lies at 96,000, lock L1 is armed at 3 %, trailing at 5 % with 3 % drop, the first scale-out at 7 % with a quarter.
RULES = [
    pytest.param([89_000], SellReason.STOP_LOSS, 100, "hard_stop", id="hard stop"),
    pytest.param([116_000, 109_000], SellReason.PROFIT_FLOOR, 100, "profit_floor", id="profit floor"),
    pytest.param([103_500, 100_100], SellReason.TRAILING_STOP, 100, "lock_l1", id="lock"),
    pytest.param([96_000], SellReason.STOP_LOSS, 100, "atr_stop", id="ATR stop"),
    pytest.param([106_500, 103_100], SellReason.TRAILING_STOP, 100, "trailing_stop", id="trailing"),
    pytest.param([107_000], SellReason.PROFIT_TARGET, 25, "scale_out", id="scale-out"),
]


@pytest.mark.parametrize(("prices", "reason", "quantity", "rule"), RULES)
async def test_each_rule_asks_for_its_sale_from_ticks(
    desk: ServiceDesk, prices: list[int], reason: SellReason, quantity: int, rule: str
) -> None:
    # The best price before the deciding tick comes from the row, for a better one would already scale out.
    await desk.hold(high_watermark=max(prices))
    async with monitoring(desk):
        await play(desk, ("10:00:00", prices[-1]))
    (order,) = await desk.sell_orders()
    assert (order.sell_reason, order.quantity, order.current_price) == (reason, quantity, prices[-1])
    assert (order.position_id, order.timestamp, order.holding_days) == ("life-1", at("10:00:00"), 1)
    assert order.scale_out_level == (1 if rule == "scale_out" else None)
    (row,) = await desk.rows()
    assert (row.signal_type, row.strategy_signal, row.status) == ("SELL", rule, "published")
    assert row.message_id == f"life-1:{rule}:{int(at('10:00:00').timestamp() * 1000)}"


async def test_time_exit_knows_the_purchase_date(desk: ServiceDesk) -> None:
    # rulebook §6 ✗: PJ never knew it, so its time rules were dead.
    await desk.hold(bought_at=at("10:00") - timedelta(days=30))
    async with monitoring(desk):
        await play(desk, ("10:00:00", 100_000))
    assert await orders(desk) == [(SellReason.TIME_EXIT, 100)]


async def test_an_expensive_stock_scales_out_by_value_not_by_shares(desk: ServiceDesk) -> None:
    # rulebook §6 ✗: 20 shares would never pass a test of 50. A quarter is 5 × 1,070,000 = 5,350,000 KRW.
    await desk.hold(quantity=20, average_buy_price=1_000_000)
    async with monitoring(desk):
        await play(desk, ("10:00:00", 1_070_000))
    assert await orders(desk) == [(SellReason.PROFIT_TARGET, 5)]


async def test_the_scale_out_level_advances_with_the_booking_not_with_the_order(desk: ServiceDesk) -> None:
    # rulebook §6 ✗: an order that never filled asks for level 1 again, a booked one leads to level 2 at 15 %.
    await desk.hold()
    async with monitoring(desk):
        await play(desk, ("10:00:00", 107_000), ("10:05:01", 107_000))
        await desk.hold(quantity=75, scale_out_level=1)
        await play(desk, ("10:05:20", 108_000), ("10:11:00", 115_000))
    assert [order.scale_out_level for order in await desk.sell_orders()] == [1, 1, 2]


async def test_one_order_only_until_it_is_booked_or_300_seconds_passed(desk: ServiceDesk) -> None:
    await desk.hold()
    async with monitoring(desk):
        await play(desk, ("10:00:00", 95_000), ("10:00:01", 94_000), ("10:04:59", 93_000))
        assert await orders(desk) == [(SellReason.STOP_LOSS, 100)]
        await play(desk, ("10:05:00", 93_000))
        assert await orders(desk) == [(SellReason.STOP_LOSS, 100)] * 2
        await desk.hold(quantity=40)  # sixty were sold: the rest is free to be judged again
        await play(desk, ("10:05:15", 93_000), ("10:05:16", 93_000))
        assert (await orders(desk))[2:] == [(SellReason.STOP_LOSS, 40)]
        await desk.sold()
        await play(desk, ("10:05:30", 93_000), ("10:20:00", 92_000))
    assert len(await desk.sell_orders()) == 3


async def test_a_new_life_of_a_position_has_neither_the_old_high_nor_the_old_pending_sale(desk: ServiceDesk) -> None:
    await desk.hold(high_watermark=105_500)
    async with monitoring(desk):
        await play(desk, ("10:00:00", 95_000))
        await desk.hold(position_id="life-2", average_buy_price=95_000)
        await play(desk, ("10:00:20", 95_100), ("10:00:21", 91_200))  # 95,000 − 2 × 1,900 = 91,200
    # With the old high of 105,500 a lock would have sold the second life at 95,100 already.
    assert [(one.position_id, one.current_price) for one in await desk.sell_orders()] == [
        ("life-1", 95_000),
        ("life-2", 91_200),
    ]
    assert [row.strategy_signal for row in await desk.rows()] == ["lock_l2", "atr_stop"]


async def test_the_high_survives_a_restart_through_redis_and_sql(desk: ServiceDesk) -> None:
    await desk.hold()
    async with monitoring(desk):
        # 106,000 arms the trailing stop (5 %); a drop of 3 % from it is 102,820, but 3 % profit must remain: 103,000.
        await play(desk, ("10:00:00", 106_400), ("10:00:11", 106_000))
    async with monitoring(desk):
        await play(desk, ("10:00:30", 103_200))  # 106,400 × 0.97 = 103,208
    assert [row.strategy_signal for row in await desk.rows()] == ["trailing_stop"]


async def test_a_remembered_high_of_another_life_counts_for_nothing(desk: ServiceDesk) -> None:
    await desk.redis.set(desk.keys.of(RedisKeys.WATERMARK, code=SAMSUNG), "life-0:120000")
    await desk.hold()
    async with monitoring(desk):
        await play(desk, ("10:00:00", 101_000))  # with a high of 120,000 the profit floor would sell
    assert await desk.sell_orders() == []


async def test_watermarks_reach_the_database_at_each_refresh(desk: ServiceDesk) -> None:
    await desk.hold()
    async with monitoring(desk):
        await play(desk, ("10:00:00", 104_000), ("10:05:01", 103_500))
    row = await PositionRepository(desk.db).position(ACCOUNT, STRATEGY, SAMSUNG)
    assert row is not None
    assert row.high_watermark == 104_000


async def test_forced_liquidation_sells_what_is_listed_shrinks_and_disarms_itself(desk: ServiceDesk) -> None:
    await desk.hold()
    await desk.hold(stock_code=HYNIX, stock_name="SK하이닉스", position_id="life-h")
    armed, listed = desk.keys.of(RedisKeys.LIQUIDATION_ARMED), desk.keys.of(RedisKeys.LIQUIDATION_STOCKS)
    await desk.redis.sadd(listed, SAMSUNG, "035720")  # the second is not held
    await desk.redis.set(armed, "1")
    async with monitoring(desk):
        await eventually(lambda: has_only(desk, listed, {SAMSUNG}))
        ticks = [tick("10:00:00", 100_000), tick("10:00:00", 100_000, code=HYNIX)]
        await desk.play(ticks, MONITOR, size=2)
        assert [(one.stock_code, one.sell_reason) for one in await desk.sell_orders()] == [
            (SAMSUNG, SellReason.FORCED_LIQUIDATION)
        ]
        await desk.sold()
        await eventually(lambda: has_only(desk, listed, set()))
        await eventually(lambda: is_gone(desk, armed))


async def is_gone(desk: ServiceDesk, key: str) -> bool:
    return not await desk.redis.exists(key)


async def has_only(desk: ServiceDesk, key: str, members: set[str]) -> bool:
    return bool(await desk.redis.smembers(key) == members)


@pytest.mark.parametrize(("regime", "price", "sold"), [(None, 95_500, False), (None, 95_200, True)])
async def test_without_a_regime_the_default_exits_hold(desk: ServiceDesk, regime: None, price: int, sold: bool) -> None:
    # SIDEWAYS with × 1.2: the ATR stop lies at 100,000 − 2 × 2,000 × 1.2 = 95,200 and not at 96,000.
    await desk.redis.delete(RedisKeys.REGIME_CURRENT.value)
    await desk.hold()
    async with monitoring(desk):
        await play(desk, ("10:00:00", price))
    assert bool(await desk.sell_orders()) is sold
    assert {row.market_regime for row in await desk.rows()} == ({"unknown"} if sold else set())


async def test_pausing_buys_does_not_mute_protective_exits(desk: ServiceDesk) -> None:
    # rulebook §5.3 ✗
    desk.configure(trading="Paused")
    await desk.redis.set(RedisKeys.TRADING_PAUSE.value, "1")
    await desk.hold()
    async with monitoring(desk):
        await play(desk, ("10:00:00", 95_000))
    assert await orders(desk) == [(SellReason.STOP_LOSS, 100)]


async def test_indicators_are_read_from_our_own_candles_oldest_first(desk: ServiceDesk) -> None:
    # rulebook §6 ✗. 40 rising days of 1,000 KRW range and no gap: ATR 1,000, so the stop lies at 98,000 and not at
    # 96,000. The broker lists them newest first.
    bars = daily_bars(40)
    desk.broker.daily[SAMSUNG] = bars[::-1]
    await desk.hold()
    async with monitoring(desk):
        await play(desk, ("10:00:00", 98_100))
        assert await desk.sell_orders() == []
        await play(desk, ("10:00:01", 98_000))
    assert [row.strategy_signal for row in await desk.rows()] == ["atr_stop"]
    stored = await PriceRepository(desk.db).daily(SAMSUNG, 40, before=date(2026, 2, 19))
    assert [bar.price_date for bar in stored] == sorted(bar.price_date for bar in bars)


def daily_bars(count: int) -> list[DailyPrice]:
    """Return days up to yesterday that stand still within 1,000 KRW."""
    last = date(2026, 2, 18)
    return [
        DailyPrice(
            stock_code=SAMSUNG,
            price_date=last - timedelta(days=ahead),
            open_price=99_500,
            high_price=100_000,
            low_price=99_000,
            close_price=99_500,
            volume=1_000,
        )
        for ahead in range(count - 1, -1, -1)
    ]


@pytest.mark.parametrize(
    ("close", "base"),
    [pytest.param(100_000, 50_000, id="ex-date"), pytest.param(50_000, 50_000, id="its history is rewritten already")],
)
async def test_a_split_is_no_loss_nobody_sells_and_a_person_is_called_once(
    desk: ServiceDesk, close: int, base: int
) -> None:
    # The session before the Lunar New Year's holidays.
    desk.broker.daily[SAMSUNG] = candles([close], first=date(2026, 2, 13))
    await desk.hold(bought_at=at("10:00", date(2026, 2, 13)))
    async with monitoring(desk):
        ticks = [tick(f"10:00:0{second}", 49_000).model_copy(update={"base": base}) for second in range(3)]
        await desk.play(ticks, MONITOR)
        assert await desk.sell_orders() == []
        (told,) = await desk.alerts()
        assert (told.level, told.strategy) == (AlertLevel.CRITICAL, STRATEGY)
        assert "매입가 100,000원, 현재가 49,000원" in told.text
        await desk.redis.sadd(desk.keys.of(RedisKeys.LIQUIDATION_STOCKS), SAMSUNG)
        await desk.redis.set(desk.keys.of(RedisKeys.LIQUIDATION_ARMED), "1")

        async def sold() -> bool:
            await desk.play([tick("10:01:00", 49_000).model_copy(update={"base": base})], MONITOR)
            return await orders(desk) == [(SellReason.FORCED_LIQUIDATION, 100)]

        await eventually(sold)


async def test_a_crash_from_the_same_base_is_sold(desk: ServiceDesk) -> None:
    desk.broker.daily[SAMSUNG] = candles([100_000], first=date(2026, 2, 13))
    await desk.hold(bought_at=at("10:00", date(2026, 2, 13)))
    async with monitoring(desk):
        await desk.play([tick("10:00:00", 71_000).model_copy(update={"base": 100_000})], MONITOR)
    assert await orders(desk) == [(SellReason.STOP_LOSS, 100)]
    assert await desk.alerts() == []


async def test_a_position_bought_during_the_day_is_watched_within_ten_seconds(desk: ServiceDesk) -> None:
    async with monitoring(desk) as client:
        await play(desk, ("10:00:00", 100_000))
        await desk.hold()
        await play(desk, ("10:00:11", 99_000))
        found = (await client.get("/health")).json()
        assert (found["monitoring_count"], desk.gateway.wanted) == (1, [SAMSUNG])
        await play(desk, ("10:00:12", 95_000))
    assert len(await desk.sell_orders()) == 1


async def test_a_sold_position_is_given_up_at_the_gateway(desk: ServiceDesk) -> None:
    await desk.hold()
    async with monitoring(desk):
        assert desk.gateway.wanted == [SAMSUNG]
        await desk.sold()
        await play(desk, ("10:00:00", 100_000))
        assert desk.gateway.wanted == []


async def test_a_broker_without_room_costs_one_stock_its_ticks_and_shows_in_health(desk: ServiceDesk) -> None:
    desk.gateway.full_for.add(HYNIX)
    await desk.hold()
    await desk.hold(stock_code=HYNIX, position_id="life-h")
    async with monitoring(desk) as client:
        found = (await client.get("/health")).json()["dependencies"]["loop:subscribe"]
        assert (found["status"], desk.gateway.wanted) == ("degraded", [SAMSUNG])
        await play(desk, ("10:00:00", 95_000))
        assert len(await desk.sell_orders()) == 1
        desk.gateway.full_for.clear()
        await play(desk, ("10:00:11", 95_000))
        assert desk.gateway.wanted == [SAMSUNG, HYNIX]
        assert "loop:subscribe" not in (await client.get("/health")).json()["dependencies"]


async def test_a_failed_refresh_keeps_the_watch_and_says_so(desk: ServiceDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone(*_: object, **__: object) -> None:
        raise ConnectionError("database is gone")

    await desk.hold()
    async with monitoring(desk) as client:
        monkeypatch.setattr(PositionRepository, "open_positions", gone)
        monkeypatch.setattr(PriceRepository, "daily_of", gone)
        monkeypatch.setattr(TypedCache, "get", gone)
        await play(desk, ("10:00:00", 100_000), ("10:06:00", 95_000))
        found = (await client.get("/health")).json()
        assert {"loop:positions", "loop:indicators", "loop:policy"} <= found["dependencies"].keys()
        assert await orders(desk) == [(SellReason.STOP_LOSS, 100)]


async def test_stops_are_watched_while_the_broker_has_no_daily_bars_to_give(
    desk: ServiceDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise ConnectionError("no chart service")

    monkeypatch.setattr(desk.gateway, "daily_prices", away)
    await desk.hold()
    async with monitoring(desk):
        await play(desk, ("10:00:00", 96_000))
    assert await orders(desk) == [(SellReason.STOP_LOSS, 100)]


async def test_a_changed_configuration_changes_the_exits_without_a_restart(desk: ServiceDesk) -> None:
    await desk.hold()
    async with monitoring(desk) as client:
        await play(desk, ("10:00:00", 97_000))
        assert await desk.sell_orders() == []
        await desk.announce(desk.config(2, exits={"stopLossPct": 2.5}))

        async def adopted() -> bool:
            return bool((await client.get("/health")).json()["generation"] == 2)

        await eventually(adopted)
        await play(desk, ("10:00:01", 97_000))
    assert [row.strategy_signal for row in await desk.rows()] == ["fixed_stop"]


async def test_a_strategy_that_ends_its_day_flat_sells_before_the_close(desk: ServiceDesk) -> None:
    desk.configure(session={"flattenAtClose": True})
    await desk.hold()
    async with monitoring(desk):
        await play(desk, ("15:14:59", 100_000))
        assert await desk.sell_orders() == []
        await play(desk, ("15:15:00", 100_000))
    assert await orders(desk) == [(SellReason.TIME_EXIT, 100)]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}])
async def test_start_and_stop_need_the_strategys_token(desk: ServiceDesk, headers: dict[str, str]) -> None:
    async with monitoring(desk) as client:
        for path in ("/start", "/stop"):
            answer = await client.post(path, headers=headers)
            assert answer.status_code == 401
            assert answer.json().keys() == {"error", "detail", "service", "timestamp"}
        assert (await client.get("/health")).json()["running"] is True


async def test_a_stopped_monitor_asks_for_nothing_and_goes_on_when_started(desk: ServiceDesk) -> None:
    await desk.hold()
    async with monitoring(desk) as client:
        assert (await client.post("/stop", headers=BEARER)).json() == {"status": "stopped"}
        await play(desk, ("10:00:00", 95_000))
        assert await desk.sell_orders() == []
        assert (await client.post("/start", headers=BEARER)).json() == {"status": "started", "codes": [SAMSUNG]}
        await play(desk, ("10:00:01", 95_000))
    assert len(await desk.sell_orders()) == 1


async def test_live_positions_are_told_to_redis_with_their_profit(desk: ServiceDesk) -> None:
    await desk.hold()
    async with monitoring(desk):
        await play(desk, ("10:00:00", 102_000), ("10:00:11", 102_000))
        (told,) = json.loads(await desk.redis.get(desk.keys.of(RedisKeys.LIVE_POSITIONS)) or "[]")
    assert (told["stock_code"], told["current_price"], told["profit_pct"]) == (SAMSUNG, 102_000, pytest.approx(2.0))


async def test_stopping_tells_the_clock_that_no_tick_need_wait_for_the_monitor(desk: ServiceDesk) -> None:
    async with monitoring(desk):
        await play(desk, ("10:00:00", 100_000))
    assert desk.clock.positions[POSITION] == CONSUMED_ALL


async def test_a_bear_market_scales_out_earlier(desk: ServiceDesk) -> None:
    await desk.set_regime(context(market_regime=MarketRegime.BEAR))
    await desk.hold()
    async with monitoring(desk):
        await play(desk, ("10:00:00", 102_000))  # bear: 25 % at 2 %
    assert await orders(desk) == [(SellReason.PROFIT_TARGET, 25)]
