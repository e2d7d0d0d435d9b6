"""An executor dies between any two steps; a new one finds exactly one order and every execution booked once."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest

from prime_jennie.domain.orders import OrderRequest, OrderType, TradeType
from prime_jennie.domain.sessions import KST
from prime_jennie.infra.execution.loop import ExecutorLoop
from prime_jennie.infra.redis.streams import TypedStreamConsumer
from tests.support.eventually import eventually
from tests.support.executors import SAMSUNG, Floor
from tests.support.sql_gateway import ACCOUNT, STRATEGY, Killed

Loop = ExecutorLoop[Any]


def killed_before(owner: Any, name: str) -> Callable[[pytest.MonkeyPatch], None]:
    """Die when a method is called."""

    async def die(*_: Any, **__: Any) -> Any:
        raise Killed

    return lambda patch: patch.setattr(owner, name, die)


def killed_after(owner: Any, name: str) -> Callable[[pytest.MonkeyPatch], None]:
    """Die when a method has done its work."""
    real: Callable[..., Awaitable[Any]] = getattr(owner, name)

    async def die(*given: Any, **named: Any) -> Any:
        await real(*given, **named)
        raise Killed

    return lambda patch: patch.setattr(owner, name, die)


def scripted(floor: Floor, word: str) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda _patch: floor.gateway.script.append(word)


def points_of(floor: Floor, loop: Loop, handler: Any) -> dict[str, Callable[[pytest.MonkeyPatch], None]]:
    """Return every step between which a process may die, in their order."""
    return {
        "before the key is looked up": killed_before(loop.room.placement, "intent"),
        "after the origin is remembered": killed_after(handler._origins, "remember"),
        "before the gateway hears": scripted(floor, "killed-before-intent"),
        "after the intent is written": scripted(floor, "killed-after-intent"),
        "after acceptance, before the answer": scripted(floor, "killed-after-acceptance"),
        "after the answer": killed_after(loop.room.placement, "send"),
        "before the first look": killed_before(floor.gateway, "order_status"),
        "after the first look": killed_after(floor.gateway, "order_status"),
        "before the booking": killed_before(loop.room.books, "trades_of"),
        "after the booking": killed_after(loop.room.books, "trades_of"),
        "before the notification": killed_before(loop.room.books, "notify"),
        "after the notification": killed_after(loop.room.books, "notify"),
        "before the outcome is written": killed_before(TypedStreamConsumer, "done"),
        "after the outcome is written": killed_after(TypedStreamConsumer, "done"),
    }


POINTS = (
    "before the key is looked up",
    "after the origin is remembered",
    "before the gateway hears",
    "after the intent is written",
    "after acceptance, before the answer",
    "after the answer",
    "before the first look",
    "after the first look",
    "before the booking",
    "after the booking",
    "before the notification",
    "after the notification",
    "before the outcome is written",
    "after the outcome is written",
)


async def run_until_killed(floor: Floor, loop: Loop) -> None:
    day = asyncio.create_task(floor.pass_time())
    try:
        with pytest.raises(Killed):
            await loop.run()
    finally:
        day.cancel()


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("partly", [False, True], ids=["filled at once", "filled in parts"])
async def test_a_buyer_that_dies_leaves_one_order_and_no_lost_booking(floor: Floor, point: str, partly: bool) -> None:
    if partly:
        floor.gateway.fill_steps = {0: 20, 2: 18}
    message = await floor.signal()
    first = await floor.buyer()
    with pytest.MonkeyPatch.context() as patch:
        points_of(floor, first, first.executor)[point](patch)
        await run_until_killed(floor, first)

    async with floor.running(await floor.buyer()):
        outcome, _reason = await floor.finished(message)
    assert outcome == "bought"
    assert [sent[:4] for sent in floor.gateway.sent] == [(f"buy:{message}", TradeType.BUY, SAMSUNG, 58)]
    assert (await floor.positions())[SAMSUNG].quantity == (38 if partly else 58)
    await floor.booked_matches_filled()
    assert [told.quantity for told in (await floor.notifications()).values()] == [38 if partly else 58]


@pytest.mark.parametrize("away_secs", [0, 240], ids=["back at once", "back within the exit's five minutes"])
@pytest.mark.parametrize("point", POINTS)
async def test_a_seller_that_dies_leaves_one_order_and_no_lost_booking(
    floor: Floor, point: str, away_secs: int
) -> None:
    async with floor.running(await floor.buyer()):
        await floor.finished(await floor.signal())
    message = await floor.sell(quantity=30)
    first = await floor.seller()
    with pytest.MonkeyPatch.context() as patch:
        points_of(floor, first, first.executor)[point](patch)
        await run_until_killed(floor, first)
    floor.clock.advance(away_secs)

    async with floor.running(await floor.seller()):
        outcome, _reason = await floor.finished(message)
    assert outcome == "sold"
    assert [sent[:4] for sent in floor.gateway.sent[1:]] == [(f"sell:{message}", TradeType.SELL, SAMSUNG, 30)]
    assert (await floor.positions())[SAMSUNG].quantity == 28
    await floor.booked_matches_filled()
    assert sorted(told.quantity for told in (await floor.notifications()).values()) == [30, 58]


async def test_an_expired_signal_whose_order_was_accepted_is_still_followed(floor: Floor) -> None:
    floor.gateway.fill_steps = {0: 5}
    message = await floor.signal()
    first = await floor.buyer()
    with pytest.MonkeyPatch.context() as patch:
        killed_after(first.room.placement, "send")(patch)
        await run_until_killed(floor, first)
    floor.clock.advance(400)
    async with floor.running(await floor.buyer()):
        assert (await floor.finished(message))[0] == "bought"
    await floor.booked_matches_filled()


async def test_an_expired_exit_whose_order_was_accepted_is_still_followed(floor: Floor) -> None:
    async with floor.running(await floor.buyer()):
        await floor.finished(await floor.signal())
    message = await floor.sell(quantity=30)
    first = await floor.seller()
    with pytest.MonkeyPatch.context() as patch:
        killed_after(first.room.placement, "send")(patch)
        await run_until_killed(floor, first)
    floor.clock.advance(400)
    async with floor.running(await floor.seller()):
        assert (await floor.finished(message))[0] == "sold"
    assert len(floor.gateway.sent) == 2
    await floor.booked_matches_filled()


async def test_an_intent_that_was_never_sent_expires_with_its_signal(floor: Floor) -> None:
    message = await floor.signal()
    first = await floor.buyer()
    with pytest.MonkeyPatch.context() as patch:
        scripted(floor, "killed-after-intent")(patch)
        await run_until_killed(floor, first)
    floor.clock.advance(400)
    async with floor.running(await floor.buyer()):
        assert (await floor.finished(message))[0] == "expired"
    assert floor.gateway.sent == []


async def test_the_start_books_what_a_dead_executor_left(floor: Floor) -> None:
    floor.gateway.fill_steps = None
    request = OrderRequest(stock_code=SAMSUNG, quantity=3, order_type=OrderType.MARKET)
    await floor.gateway.buy(request, key="buy:of-a-dead-one", reason="somebody's wish")
    loop = await floor.seller()
    async with floor.running(loop):
        await eventually(lambda: loop.ready)
    await floor.booked_matches_filled()
    assert (await floor.trades())[0].reason == "somebody's wish"


async def test_the_sweep_settles_an_order_that_nobody_follows(floor: Floor) -> None:
    floor.gateway.fill_steps = {0: 4}
    request = OrderRequest(stock_code=SAMSUNG, quantity=10, order_type=OrderType.MARKET)
    await floor.gateway.buy(request, key="buy:of-a-dead-one")
    loop = await floor.buyer()
    floor.clock.advance(61)
    await loop.strays.sweep()
    order = await floor.gateway.orders.order_by_key(ACCOUNT, STRATEGY, "buy:of-a-dead-one")
    assert order is not None
    assert (order.status, order.filled_qty) == ("CANCELED", 4)
    await floor.booked_matches_filled()
    assert [told.quantity for told in (await floor.notifications()).values()] == [4]


@pytest.mark.parametrize("age_secs", [61, 10], ids=["of another hand", "too young"])
async def test_the_sweep_leaves_other_orders_alone(floor: Floor, age_secs: int) -> None:
    floor.gateway.fill_steps = {}
    request = OrderRequest(stock_code=SAMSUNG, quantity=10, order_type=OrderType.MARKET)
    await floor.gateway.buy(request, key="by-hand:1" if age_secs == 61 else "buy:1")
    loop = await floor.buyer()
    floor.clock.advance(age_secs)
    await loop.strays.sweep()
    assert floor.gateway.cancelled_at == []


async def test_the_sweep_lets_a_sale_of_before_the_open_have_the_opening_print_first(floor: Floor) -> None:
    floor.clock.set(datetime(2025, 3, 11, 8, 50, tzinfo=KST))
    floor.gateway.fill_steps = {}
    await floor.gateway.sell(OrderRequest(stock_code=SAMSUNG, quantity=10), key="sell:of-a-dead-one")
    loop = await floor.seller()
    floor.clock.advance(9 * 60)
    await loop.strays.sweep()  # 08:59, still in the auction
    floor.clock.advance(61)
    await loop.strays.sweep()  # 09:00:01, the print may not be booked yet
    assert floor.gateway.cancelled_at == []
    floor.clock.advance(60)
    await loop.strays.sweep()
    assert floor.gateway.cancelled_at == [datetime(2025, 3, 11, 9, 1, 1, tzinfo=KST)]


async def test_a_booking_that_fails_is_repeated_and_never_swallowed(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Failure to persist after a fill must not be swallowed (rulebook §5.2 ✗)."""
    loop = await floor.buyer()
    real = loop.room.books._bookkeeper.book
    failures = iter(range(3))

    async def fails_thrice(order_id: str) -> Any:
        if next(failures, None) is not None:
            raise ConnectionError("database gone")
        return await real(order_id)

    monkeypatch.setattr(loop.room.books._bookkeeper, "book", fails_thrice)
    async with floor.running(loop):
        assert (await floor.finished(await floor.signal()))[0] == "bought"
    assert len(floor.gateway.sent) == 1
    await floor.booked_matches_filled()
