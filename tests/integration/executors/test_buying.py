"""Buy signals through Redis, inbox, pipeline, gateway and books."""

from datetime import datetime, timedelta

import pytest

from buy_executor.facts import UNSENT_COUNTS_FOR
from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.macro import TradingContext
from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.risk import HaltState
from prime_jennie.domain.sessions import KST
from prime_jennie.domain.signals import SignalType
from prime_jennie.domain.tiers import TradeTier
from prime_jennie.domain.topics import BUY_SIGNALS
from prime_jennie.domain.trading_strategy import RiskSpec
from prime_jennie.infra.execution.wish import order_key
from prime_jennie.infra.redis.locks import OwnerLock
from tests.support.eventually import eventually
from tests.support.executors import DAY, HYNIX, NOON, SAMSUNG, Floor
from tests.support.sql_gateway import ACCOUNT

LOCK = f"lock:buy:{ACCOUNT}:{SAMSUNG}"


async def test_a_signal_becomes_one_market_order_a_position_a_notification_and_an_outcome(floor: Floor) -> None:
    await floor.redis.set(floor.keys.of(RedisKeys.WATERMARK, code=SAMSUNG), "left over from an earlier life")
    async with floor.running(loop := await floor.buyer()):
        message = await floor.signal()
        outcome, reason = await floor.finished(message)

    # The rulebook's vector: 173 by risk, 83 by weight, × 0.7 = 58 (rulebook §5.1).
    assert (outcome, reason.split(" ")[0]) == ("bought", "58")
    assert floor.gateway.sent == [(f"buy:{message}", TradeType.BUY, SAMSUNG, 58, None)]
    position = (await floor.positions())[SAMSUNG]
    assert (position.quantity, position.total_buy_amount) == (58, 58 * 72_100)
    assert position.stop_loss_price == int(72_100 * 0.94)
    assert (position.entry_signal, position.trade_tier, position.hybrid_score) == ("GOLDEN_CROSS", "TIER1", 70)
    (told,) = (await floor.notifications()).values()
    assert (told.trade_type, told.quantity, told.price, told.total_amount) == ("BUY", 58, 72_100, 58 * 72_100)
    assert (told.signal_type, told.trade_tier, told.hybrid_score) == (SignalType.GOLDEN_CROSS, TradeTier.TIER1, 70)
    assert not await floor.redis.exists(floor.keys.of(RedisKeys.WATERMARK, code=SAMSUNG))
    assert await floor.redis.get(floor.keys.of(RedisKeys.BUY_COUNT, date=DAY)) == "1"
    assert floor.clock.held.count("buy-executor") == 1
    assert not floor.clock.holding
    assert not loop.executor.in_flight
    assert not await floor.redis.exists(LOCK)


async def test_the_clock_is_held_until_acceptance_and_not_while_waiting_for_fills(floor: Floor) -> None:
    floor.gateway.fill_steps = {3: 58}
    holding: list[list[str]] = []

    async def note(_key: str, _look: int) -> None:
        holding.append(list(floor.clock.holding))

    floor.gateway.on_look = note
    async with floor.running(await floor.buyer()):
        assert (await floor.finished(await floor.signal()))[0] == "bought"
    assert holding == [[], [], [], []]


async def test_the_momentum_family_buys_with_a_limit_and_cancels_the_rest_after_ten_seconds(floor: Floor) -> None:
    """A partly filled limit order that is cancelled leaves booked shares, no orphans (rulebook §5.1 ✗)."""
    floor.gateway.fill_steps = {1: 20}
    began = floor.clock.now()
    async with floor.running(await floor.buyer()):
        message = await floor.signal(signal_type=SignalType.MOMENTUM)
        outcome, reason = await floor.finished(message)

    ((_key, _side, _code, quantity, limit),) = floor.gateway.sent
    # 72,100 × 1.003 = 72,316.3, down to the tick of 100: 72,300; 6,000,000 ÷ 72,300 = 82, × 0.7 = 57.
    assert (quantity, limit) == (57, 72_300)
    assert outcome == "bought"
    assert reason.startswith("20 of 57, the rest CANCELED")
    (cancelled_at,) = floor.gateway.cancelled_at
    assert cancelled_at - began >= timedelta(seconds=10)
    # Immediately, then five looks two seconds apart, then the look after the cancellation (rulebook §5.1).
    assert floor.gateway.looks[f"buy:{message}"] == 7
    assert (await floor.positions())[SAMSUNG].quantity == 20
    await floor.booked_matches_filled()


async def test_shares_that_fill_while_the_cancellation_travels_are_booked(floor: Floor) -> None:
    floor.gateway.fill_steps = {}
    floor.gateway.filled_at_cancel = 7
    async with floor.running(await floor.buyer()):
        outcome, reason = await floor.finished(await floor.signal())
    assert (outcome, reason.split(",")[0]) == ("bought", "7 of 58")
    await floor.booked_matches_filled()


async def test_an_order_without_a_fill_is_cancelled_and_ends_unfilled(floor: Floor) -> None:
    floor.gateway.fill_steps = {}
    async with floor.running(await floor.buyer()):
        message = await floor.signal()
        assert (await floor.finished(message))[0] == "unfilled"
    # Immediately, then five looks, then the look after the cancellation (rulebook §5.1).
    assert floor.gateway.looks[f"buy:{message}"] == 7
    assert await floor.notifications() == {}
    assert await floor.positions() == {}


async def test_an_unknown_outcome_is_asked_again_with_the_same_key_until_it_is_known(floor: Floor) -> None:
    floor.gateway.script.append("unknown")
    async with floor.running(await floor.buyer()):
        message = await floor.signal()
        assert (await floor.finished(message))[0] == "bought"
    assert [sent[0] for sent in floor.gateway.sent] == [f"buy:{message}"]
    await floor.booked_matches_filled()


async def test_a_lost_answer_makes_no_second_order(floor: Floor) -> None:
    floor.gateway.script.append("lost")
    async with floor.running(await floor.buyer()):
        assert (await floor.finished(await floor.signal()))[0] == "bought"
    assert len(floor.gateway.sent) == 1


async def test_an_order_that_proves_not_sent_is_never_sent_under_another_key(floor: Floor) -> None:
    floor.gateway.script.append("vanished")
    async with floor.running(await floor.buyer()):
        outcome, reason = await floor.finished(await floor.signal())
    assert (outcome, reason) == ("refused", "order: NOT_SENT")
    assert floor.gateway.sent == []


async def test_a_brokers_no_ends_the_message(floor: Floor) -> None:
    floor.gateway.script.append("refuse")
    async with floor.running(await floor.buyer()):
        outcome, reason = await floor.finished(await floor.signal())
    assert (outcome, reason) == ("refused", "order: APBK0918")


async def test_a_gateway_that_is_down_for_a_while_costs_nothing_but_time(floor: Floor) -> None:
    floor.gateway.script.extend(["unavailable", "unavailable"])
    async with floor.running(await floor.buyer()):
        assert (await floor.finished(await floor.signal()))[0] == "bought"
    assert len(floor.gateway.sent) == 1


async def test_a_gateway_that_stays_down_lets_the_signal_expire(floor: Floor) -> None:
    loop = await floor.buyer()
    async with floor.running(loop):
        await eventually(lambda: loop.ready)
        floor.gateway.down = True
        message = await floor.signal()
        await eventually(lambda: "messages" in str(loop.room.desk.outages.as_dependencies()))
        floor.clock.advance(181)
        outcome, reason = await floor.finished(message)
    assert (outcome, reason) == ("expired", "expired: the signal is 181 s old, 180 s are allowed")
    assert floor.gateway.sent == []


async def test_an_old_signal_expires_before_anything_is_asked(floor: Floor) -> None:
    async with floor.running(await floor.buyer()):
        message = await floor.signal(timestamp=NOON - timedelta(seconds=200))
        assert (await floor.finished(message))[0] == "expired"
    assert floor.gateway.sent == []


@pytest.mark.parametrize("flag", ["emergency:trading_pause", "emergency:full_stop", "krx-core:emergency:stop"])
async def test_a_halt_refuses(floor: Floor, flag: str) -> None:
    await floor.redis.set(flag, "1")
    async with floor.running(loop := await floor.buyer()):
        outcome, reason = await floor.finished(await floor.signal())
    assert outcome == "refused"
    assert reason.startswith("halt: trading is ")
    assert loop.room.emergency.is_stopped is not flag.endswith("pause")


async def test_a_pause_cancels_the_working_buy_at_once(floor: Floor) -> None:
    floor.gateway.fill_steps = {}

    async def pause(_key: str, look: int) -> None:
        if look == 0:
            await floor.redis.set("emergency:trading_pause", "1")

    floor.gateway.on_look = pause
    async with floor.running(await floor.buyer()):
        message = await floor.signal()
        assert (await floor.finished(message))[0] == "unfilled"
    assert len(floor.gateway.cancelled_at) == 1
    # The look after acceptance, the one after the first second, and the one after the cancellation.
    assert floor.gateway.looks[f"buy:{message}"] <= 3


async def test_no_regime_refuses(floor: Floor) -> None:
    await floor.redis.delete(RedisKeys.REGIME_CURRENT.value)
    async with floor.running(await floor.buyer()):
        assert await floor.finished(await floor.signal()) == ("refused", "halt: no market regime is known")


async def test_a_regime_of_another_day_is_none(floor: Floor) -> None:
    """Its key may outlive its day: Redis counts real time, the day is the clock's."""
    context = TradingContext(
        date=DAY - timedelta(days=3), market_regime=MarketRegime.BULL, position_multiplier=1.0, stop_loss_multiplier=1.0
    )
    await floor.redis.set(RedisKeys.REGIME_CURRENT.value, context.model_dump_json())
    async with floor.running(await floor.buyer()):
        assert await floor.finished(await floor.signal()) == ("refused", "halt: no market regime is known")


async def test_a_halt_that_nobody_can_read_refuses(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = await floor.buyer()
    monkeypatch.setattr(loop.room.emergency, "state", _unknown)
    async with floor.running(loop):
        assert await floor.finished(await floor.signal()) == ("refused", "halt: whether trading is halted is unknown")


async def _unknown() -> HaltState | None:
    return None


async def test_the_daily_cap_holds_under_many_signals(floor: Floor) -> None:
    """Two buys a day are allowed and eight stocks signal at once; what was bought is counted in SQL."""
    await floor.configure(floor.spec.model_copy(update={"risk": RiskSpec(max_buys_per_day=2)}))
    codes = [f"{number:06}" for number in range(1, 9)]
    for number, code in enumerate(codes):
        floor.list_stock(code, 10_000 * (number + 1), pattern=number)
    async with floor.running(await floor.buyer()):
        messages = [await floor.signal(stock_code=code, stock_name=code) for code in codes]
        ends = [await floor.finished(message) for message in messages]
    assert [end[0] for end in ends] == ["bought", "bought"] + ["refused"] * 6
    assert {end[1] for end in ends[2:]} == {"daily_buys: 2 buys today, 2 are allowed"}
    assert len(floor.gateway.sent) == 2
    await floor.booked_matches_filled()


async def test_an_unfilled_order_does_not_use_a_buy_up(floor: Floor) -> None:
    await floor.configure(floor.spec.model_copy(update={"risk": RiskSpec(max_buys_per_day=1)}))
    floor.list_stock(HYNIX, 200_000, pattern=1)
    floor.gateway.fill_steps = {}
    async with floor.running(await floor.buyer()):
        assert (await floor.finished(await floor.signal()))[0] == "unfilled"
        floor.gateway.fill_steps = None
        assert (await floor.finished(await floor.signal(stock_code=HYNIX, stock_name="SK하이닉스")))[0] == "bought"


async def test_a_second_signal_for_a_held_stock_is_refused(floor: Floor) -> None:
    async with floor.running(await floor.buyer()):
        await floor.finished(await floor.signal())
        second = await floor.finished(await floor.signal())
    assert second == ("refused", f"already_held: {SAMSUNG} is already held")


async def test_a_stock_tried_less_than_ten_minutes_ago_is_a_duplicate(floor: Floor) -> None:
    floor.gateway.fill_steps = {}
    async with floor.running(await floor.buyer()):
        await floor.finished(await floor.signal())
        outcome, reason = await floor.finished(await floor.signal())
    assert outcome == "refused"
    assert reason.startswith("duplicate: ")


async def test_a_stock_that_moves_like_a_holding_is_refused(floor: Floor) -> None:
    floor.list_stock(HYNIX, 72_100)
    floor.gateway.foreign[HYNIX] = 10
    async with floor.running(await floor.buyer()):
        outcome, reason = await floor.finished(await floor.signal())
    assert (outcome, reason) == ("refused", f"correlation: moves like held {HYNIX}: r = 1.000, 0.85 blocks")


async def test_the_guard_sees_sectors_of_shares_that_the_broker_alone_knows(floor: Floor) -> None:
    """Broker positions carry no sector: merged with our own metadata the count is not blind (rulebook §5.1 ✗)."""
    for number in range(1, 4):
        floor.list_stock(f"{number:06}", 1_000, pattern=number)
        floor.gateway.foreign[f"{number:06}"] = 1
    async with floor.running(await floor.buyer()):
        outcome, reason = await floor.finished(await floor.signal())
    # Neither the signal nor the master names a sector: all four count as 기타, of which three may be held.
    assert (outcome, reason) == ("refused", "sector_count: 3 stocks of 기타 are held, 3 are allowed")


async def test_too_little_cash_skips_the_purchase(floor: Floor) -> None:
    floor.gateway.cash_krw = 5_100_000
    floor.gateway.prices[HYNIX] = 200_000
    floor.list_stock(HYNIX, 200_000, pattern=1)
    floor.gateway.foreign[HYNIX] = 300
    async with floor.running(await floor.buyer()):
        outcome, reason = await floor.finished(await floor.signal())
    # 5,100,000 less 10 % of 50,000,000 buys one share of 72,100 where 83 are wanted.
    assert outcome == "refused"
    assert reason.startswith("sizing: cash covers 1 of 83 shares")


async def test_a_sale_in_the_books_cools_down_even_when_redis_forgot_it(floor: Floor) -> None:
    buyer, seller = await floor.buyer(), await floor.seller()
    async with floor.running(buyer, seller):
        await floor.finished(await floor.signal())
        assert (await floor.finished(await floor.sell()))[0] == "sold"
        await floor.redis.delete(floor.keys.of(RedisKeys.SELL_COOLDOWN, code=SAMSUNG))
        outcome, reason = await floor.finished(await floor.signal())
    assert (outcome, reason) == ("refused", "sell_cooldown: sold less than 24 hours ago")


async def test_somebody_elses_lock_refuses_and_survives(floor: Floor) -> None:
    """Deleting a lock blindly frees a stranger's (rulebook §1.5 ✗)."""
    other = OwnerLock(floor.redis, LOCK, 180, owner="buy-executor:other-strategy")
    assert await other.acquire()
    async with floor.running(await floor.buyer()):
        outcome, reason = await floor.finished(await floor.signal())
    assert outcome == "refused"
    assert reason.startswith("lock: ")
    assert await other.renew()


async def test_a_restarted_executor_takes_its_own_lock_again(floor: Floor) -> None:
    left_behind = OwnerLock(floor.redis, LOCK, 180, owner="buy-executor:krx-core")
    assert await left_behind.acquire()
    async with floor.running(await floor.buyer()):
        assert (await floor.finished(await floor.signal()))[0] == "bought"


async def test_daily_bars_are_there_before_the_service_is_ready(floor: Floor) -> None:
    loop = await floor.buyer()
    floor.gateway.down = True
    with pytest.raises(Exception, match="cannot be reached"):
        await loop.run()
    assert not loop.ready
    floor.gateway.down = False
    async with floor.running(loop):
        await eventually(lambda: loop.ready)
    assert floor.gateway.daily_asked == [SAMSUNG]


async def test_a_message_that_breaks_the_code_fails_and_the_next_one_is_served(floor: Floor) -> None:
    floor.gateway.bars[HYNIX] = []
    async with floor.running(await floor.buyer()):
        broken = await floor.finished(await floor.signal(stock_code=HYNIX, stock_name="가격 없음"))
        assert (await floor.finished(await floor.signal()))[0] == "bought"
    assert broken[0] == "failed"


async def test_a_malformed_signal_does_not_stop_its_neighbours(floor: Floor) -> None:
    stream = BUY_SIGNALS.stream_for(floor.keys)
    await floor.redis.xadd(stream, {"payload": '{"stock_code": "005930"}'})
    await floor.redis.xadd(stream, {"payload": "{}", "version": "9"})
    async with floor.running(await floor.buyer()):
        assert (await floor.finished(await floor.signal()))[0] == "bought"
    assert await floor.redis.xlen(f"{stream}:dead") == 2


async def test_outside_the_entry_window_nothing_is_bought(floor: Floor) -> None:
    floor.clock.set(datetime(2025, 3, 10, 15, 5, tzinfo=KST))
    async with floor.running(await floor.buyer()):
        outcome, reason = await floor.finished(await floor.signal())
    assert (outcome, reason) == ("refused", "hours: 25.0 min before the close, entries end at 30 min")


def test_an_unsent_intent_counts_longer_than_its_signal_lives() -> None:
    assert timedelta(minutes=3) < UNSENT_COUNTS_FOR


def test_a_key_fits_its_column_whatever_the_message_is_called() -> None:
    assert order_key(TradeType.BUY, "m-1") == "buy:m-1"
    long = order_key(TradeType.BUY, "m" * 128)
    assert len(long) <= 128
    assert long == order_key(TradeType.BUY, "m" * 128) != order_key(TradeType.BUY, "n" * 128)
