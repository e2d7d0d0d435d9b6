"""Sell orders through Redis, inbox, pipeline, gateway and books."""

from datetime import datetime, timedelta

import pytest

from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.orders import OrderRequest, TradeType
from prime_jennie.domain.sessions import KST
from prime_jennie.domain.signals import SellReason, SignalType
from prime_jennie.infra.redis.locks import OwnerLock
from tests.support.eventually import eventually
from tests.support.executors import HYNIX, SAMSUNG, Floor
from tests.support.sql_gateway import ACCOUNT

CLOSING_AUCTION = datetime(2025, 3, 10, 15, 20, tzinfo=KST)


@pytest.fixture
async def holding(floor: Floor) -> str:
    """Hold 58 shares of Samsung, and return the position's id."""
    async with floor.running(await floor.buyer()):
        await floor.finished(await floor.signal())
    floor.gateway.prices[SAMSUNG] = 73_500
    return (await floor.positions())[SAMSUNG].position_id


async def test_a_sell_order_becomes_one_market_sale_with_profit_cooldown_and_notification(
    floor: Floor, holding: str
) -> None:
    await floor.redis.set(floor.keys.of(RedisKeys.WATERMARK, code=SAMSUNG), "10")
    async with floor.running(loop := await floor.seller()):
        message = await floor.sell(position_id=holding)
        outcome, reason = await floor.finished(message)

    assert outcome == "sold"
    assert floor.gateway.sent[1:] == [(f"sell:{message}", TradeType.SELL, SAMSUNG, 58, None)]
    assert await floor.positions() == {}
    told = (await floor.notifications()).popitem()[1]
    # Cost 58 × 72,100 = 4,181,800 + commission 587; proceeds 4,263,000 − 599 − tax 0.15 % 6,394 = 4,256,007;
    # profit 73,620 ÷ 4,182,387 = 1.7602 %.
    assert (told.sell_reason, told.signal_type, told.holding_days) == (
        SellReason.PROFIT_TARGET,
        SignalType.GOLDEN_CROSS,
        0,
    )
    assert told.profit_pct == pytest.approx(1.7602, abs=1e-4)
    assert reason.startswith("58 shares at 73,500, +1.76 % after fees and tax; PROFIT_TARGET at 73,500")
    assert 86_000 < await floor.redis.ttl(floor.keys.of(RedisKeys.SELL_COOLDOWN, code=SAMSUNG)) <= 86_400
    assert not await floor.redis.exists(floor.keys.of(RedisKeys.STOPLOSS_COOLDOWN, code=SAMSUNG))
    assert not await floor.redis.exists(floor.keys.of(RedisKeys.WATERMARK, code=SAMSUNG))
    assert not loop.executor.in_flight


@pytest.mark.parametrize("reason", [SellReason.STOP_LOSS, SellReason.DEATH_CROSS, SellReason.BREAKEVEN_STOP])
async def test_stops_cool_down_for_three_days_as_well(floor: Floor, holding: str, reason: SellReason) -> None:
    async with floor.running(await floor.seller()):
        assert (await floor.finished(await floor.sell(sell_reason=reason)))[0] == "sold"
    assert 258_000 < await floor.redis.ttl(floor.keys.of(RedisKeys.STOPLOSS_COOLDOWN, code=SAMSUNG)) <= 259_200
    assert await floor.redis.exists(floor.keys.of(RedisKeys.SELL_COOLDOWN, code=SAMSUNG))


async def test_a_part_sold_keeps_the_positions_state_and_notes_the_level(floor: Floor, holding: str) -> None:
    await floor.redis.set(floor.keys.of(RedisKeys.WATERMARK, code=SAMSUNG), "10")
    async with floor.running(await floor.seller()):
        await floor.finished(await floor.sell(quantity=14, position_id=holding, scale_out_level=1))
        again = await floor.finished(await floor.sell(quantity=14, position_id=holding, scale_out_level=1))
    position = (await floor.positions())[SAMSUNG]
    assert (position.quantity, position.scale_out_level) == (44, 1)
    assert await floor.redis.exists(floor.keys.of(RedisKeys.WATERMARK, code=SAMSUNG))
    assert again == ("refused", "stale: scale-out level 1 is sold, level 1 reached")


async def test_more_than_is_held_is_never_sold(floor: Floor, holding: str) -> None:
    floor.gateway.foreign[SAMSUNG] = 1_000
    async with floor.running(await floor.seller()):
        await floor.finished(await floor.sell(quantity=500))
    assert floor.gateway.sent[-1][3] == 58


async def test_shares_that_the_broker_no_longer_has_are_not_sold(floor: Floor, holding: str) -> None:
    floor.gateway.foreign[SAMSUNG] = -50  # somebody sold fifty by hand
    async with floor.running(await floor.seller()):
        await floor.finished(await floor.sell())
    assert floor.gateway.sent[-1][3] == 8


async def test_a_stop_does_not_wait_for_a_balance_that_nobody_can_read(
    floor: Floor, holding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreadable() -> None:
        raise Unavailable("the broker refused the query: EGW00306")

    monkeypatch.setattr(floor.gateway, "balance", unreadable)
    async with floor.running(await floor.seller()):
        message = await floor.sell(sell_reason=SellReason.STOP_LOSS, quantity=500)
        assert (await floor.finished(message))[0] == "sold"
    assert floor.gateway.sent[1:] == [(f"sell:{message}", TradeType.SELL, SAMSUNG, 58, None)]


async def test_an_order_for_an_older_life_of_the_position_touches_nothing(floor: Floor, holding: str) -> None:
    async with floor.running(await floor.seller()):
        outcome, reason = await floor.finished(await floor.sell(position_id="an-older-life"))
    assert (outcome, reason) == ("refused", f"stale: meant for position an-older-life, held is {holding}")
    assert len(floor.gateway.sent) == 1


async def test_two_orders_for_one_stock_sell_it_once(floor: Floor, holding: str) -> None:
    async with floor.running(await floor.seller()):
        messages = [await floor.sell(position_id=holding) for _ in range(3)]
        ends = [await floor.finished(message) for message in messages]
    assert [end[0] for end in ends] == ["sold", "refused", "refused"]
    assert ends[1][1] == f"not_held: {SAMSUNG} is not held"
    await floor.booked_matches_filled()


async def test_shares_promised_to_a_working_order_are_not_sold_again(floor: Floor, holding: str) -> None:
    floor.gateway.fill_steps = {}
    await floor.gateway.sell(OrderRequest(stock_code=SAMSUNG, quantity=40), key="by-hand:1")
    floor.gateway.fill_steps = None
    async with floor.running(await floor.seller()):
        await floor.finished(await floor.sell())
    assert floor.gateway.sent[-1][3] == 18


@pytest.mark.parametrize(
    ("flag", "reason", "sold"),
    [
        ("emergency:trading_pause", SellReason.STOP_LOSS, True),
        ("emergency:full_stop", SellReason.STOP_LOSS, False),
        ("emergency:full_stop", SellReason.MANUAL, True),
        ("emergency:full_stop", SellReason.FORCED_LIQUIDATION, True),
    ],
)
async def test_pausing_buys_does_not_mute_the_stops(
    floor: Floor, holding: str, flag: str, reason: SellReason, sold: bool
) -> None:
    """In an ancestor "pause auto-buying" also muted stop-losses (rulebook §5.3 ✗)."""
    await floor.redis.set(flag, "1")
    async with floor.running(await floor.seller()):
        outcome, _ = await floor.finished(await floor.sell(sell_reason=reason))
    assert (outcome == "sold") is sold


async def test_an_unfilled_sale_is_cancelled_and_leaves_no_cooldown(floor: Floor, holding: str) -> None:
    floor.gateway.fill_steps = {}
    async with floor.running(await floor.seller()):
        message = await floor.sell()
        assert (await floor.finished(message))[0] == "unfilled"
    assert floor.gateway.looks[f"sell:{message}"] == 7
    assert not await floor.redis.exists(floor.keys.of(RedisKeys.SELL_COOLDOWN, code=SAMSUNG))


async def test_a_forced_liquidation_waits_ten_times_five_seconds(floor: Floor, holding: str) -> None:
    """Thirty seconds of lock are shorter than that: it is renewed while the sale is followed (rulebook §1.5 ✗)."""
    floor.gateway.fill_steps = {10: 58}
    kept: list[bool] = []
    key = f"lock:sell:{ACCOUNT}:{SAMSUNG}"

    async def note(_key: str, _look: int) -> None:
        kept.append(bool(await floor.redis.exists(key)))

    floor.gateway.on_look = note
    began = floor.clock.now()
    async with floor.running(await floor.seller()):
        outcome, _ = await floor.finished(await floor.sell(sell_reason=SellReason.FORCED_LIQUIDATION))
    assert outcome == "sold"
    assert floor.gateway.cancelled_at == []
    assert floor.clock.now() - began >= timedelta(seconds=50)
    assert kept == [True] * 11


async def test_a_sale_in_the_closing_auction_is_not_cancelled_for_being_slow(floor: Floor, holding: str) -> None:
    floor.clock.set(CLOSING_AUCTION)
    floor.gateway.fill_steps = {40: 58}
    async with floor.running(await floor.seller()):
        outcome, _ = await floor.finished(await floor.sell())
    assert outcome == "sold"
    assert floor.gateway.cancelled_at == []


async def test_a_slow_sale_does_not_keep_another_stock_waiting(floor: Floor, holding: str) -> None:
    floor.list_stock(HYNIX, 200_000, pattern=1)
    async with floor.running(await floor.buyer()):
        bought = await floor.finished(await floor.signal(stock_code=HYNIX, stock_name="SK하이닉스"))
        assert bought[0] == "bought"
    floor.clock.set(CLOSING_AUCTION)
    floor.gateway.fill_steps = {}
    async with floor.running(await floor.seller()):
        slow = await floor.sell()
        await eventually(lambda: floor.gateway.looks[f"sell:{slow}"] > 2)
        floor.gateway.fill_steps = None
        other = await floor.sell(stock_code=HYNIX, stock_name="SK하이닉스", quantity=1, current_price=200_000)
        assert (await floor.finished(other))[0] == "sold"
        assert await floor.outcome(slow) is None


async def test_somebody_elses_sale_is_waited_for_and_then_given_up(floor: Floor, holding: str) -> None:
    other = OwnerLock(floor.redis, f"lock:sell:{ACCOUNT}:{SAMSUNG}", 600, owner="sell-executor:another")
    assert await other.acquire()
    async with floor.running(await floor.seller()):
        outcome, reason = await floor.finished(await floor.sell())
    assert outcome == "refused"
    assert reason.startswith("lock: ")
    assert await other.renew()


async def test_outside_hours_automatic_exits_wait_for_the_next_day(floor: Floor, holding: str) -> None:
    floor.clock.set(datetime(2025, 3, 10, 15, 31, tzinfo=KST))
    async with floor.running(await floor.seller()):
        assert await floor.finished(await floor.sell()) == ("refused", "hours: the exchange is closed")


async def test_an_exit_that_nobody_took_for_five_minutes_is_left_to_the_one_asked_for_since(
    floor: Floor, holding: str
) -> None:
    old = await floor.sell(sell_reason=SellReason.STOP_LOSS, position_id=holding, quantity=20)
    floor.clock.advance(301)
    new = await floor.sell(sell_reason=SellReason.STOP_LOSS, position_id=holding, quantity=20)
    floor.clock.advance(240)
    async with floor.running(await floor.seller()):
        outcome, reason = await floor.finished(old)
        assert (outcome, reason[-25:]) == ("expired", " s old, 300 s are allowed")
        assert (await floor.finished(new))[0] == "sold"
    assert [sent[3] for sent in floor.gateway.sent[1:]] == [20]


async def test_a_persons_sale_waits_a_day_long_and_no_longer(floor: Floor, holding: str) -> None:
    message = await floor.sell(sell_reason=SellReason.MANUAL, position_id=holding, quantity=20)
    floor.clock.advance(timedelta(hours=3).total_seconds())
    async with floor.running(await floor.seller()):
        assert (await floor.finished(message))[0] == "sold"
    late = await floor.sell(sell_reason=SellReason.MANUAL, position_id=holding, quantity=20)
    floor.clock.advance(timedelta(hours=19).total_seconds())
    async with floor.running(await floor.seller()):
        assert await floor.finished(late) == (
            "expired",
            "expired: it was asked for on 2025-03-10, today is 2025-03-11",
        )


async def test_a_lost_answer_sells_once(floor: Floor, holding: str) -> None:
    floor.gateway.script.append("lost")
    async with floor.running(await floor.seller()):
        assert (await floor.finished(await floor.sell(quantity=20)))[0] == "sold"
    assert [sent[3] for sent in floor.gateway.sent] == [58, 20]
    await floor.booked_matches_filled()


async def test_an_exit_that_a_dead_gateway_kept_for_five_minutes_gives_way_to_the_one_asked_for_since(
    floor: Floor, holding: str
) -> None:
    floor.gateway.script.extend(["died"] + ["unavailable"] * 200)  # the same key is asked again and again
    async with floor.running(await floor.seller()):
        old = await floor.sell(sell_reason=SellReason.STOP_LOSS, position_id=holding, quantity=58)
        await eventually(lambda: len(floor.gateway.script) < 200)
        floor.clock.advance(301)
        outcome, reason = await floor.finished(old)
        floor.gateway.script.clear()
        assert (outcome, reason) == ("refused", "order: not sent in time")
        new = await floor.sell(sell_reason=SellReason.STOP_LOSS, position_id=holding, quantity=20)
        assert (await floor.finished(new))[0] == "sold"
    assert [sent[3] for sent in floor.gateway.sent[1:]] == [20]


async def test_a_dead_gateway_delays_an_exit_and_does_not_lose_it(floor: Floor, holding: str) -> None:
    loop = await floor.seller()
    async with floor.running(loop):
        floor.gateway.down = True
        message = await floor.sell()
        await eventually(lambda: "messages" in str(loop.room.desk.outages.as_dependencies()))
        floor.gateway.down = False
        assert (await floor.finished(message))[0] == "sold"
