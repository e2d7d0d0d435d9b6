"""Price priority, participation, walks through the book."""

from datetime import datetime

from kis_simulator.exchange.matching import PARTICIPATION, Matcher
from kis_simulator.exchange.orders import Instruction, Kind, Order
from kis_simulator.market.path import IntradayPath
from tests.support.trading_day import CALM, OPENS_AT, buy, exchange_of, sell


def matcher() -> tuple[Matcher, IntradayPath]:
    exchange = exchange_of({"005930": CALM})
    reference, path = exchange.tapes.reference("005930"), exchange.tapes.path("005930")
    assert reference is not None
    assert path is not None
    return Matcher(reference, path, 1), path


def order(number: int, instruction: Instruction, at: datetime = OPENS_AT) -> Order:
    return Order(f"{number:010d}", Kind.NEW, "", instruction, at)


def test_a_large_market_order_walks_levels_in_several_executions() -> None:
    match, _ = matcher()
    trades = match.arrive(order(1, buy("005930", 3_000)), 1_000)
    assert len(trades) > 2
    assert [t.price for t in trades] == sorted({t.price for t in trades})
    assert sum(t.quantity for t in trades) <= 3_000


def test_a_second_taker_of_the_same_print_finds_what_the_first_left() -> None:
    match, _ = matcher()
    both = match.arrive(order(1, buy("005930", 300)), 1_000) + match.arrive(order(2, buy("005930", 300)), 1_000)
    untouched, _ = matcher()
    alone = untouched.arrive(order(3, buy("005930", 600)), 1_000)
    assert both[-1].price == alone[-1].price > both[0].price
    assert sum(t.quantity * t.price for t in both) == sum(t.quantity * t.price for t in alone)


def test_the_next_prints_book_is_whole_again() -> None:
    match, _ = matcher()
    match.arrive(order(1, buy("005930", 600)), 1_000)
    untouched, _ = matcher()
    (first,) = match.arrive(order(2, buy("005930", 1)), 1_001)
    (expected,) = untouched.arrive(order(3, buy("005930", 1)), 1_001)
    assert first.price == expected.price


def test_a_limit_order_never_pays_more_than_its_limit() -> None:
    match, path = matcher()
    index = 1_000
    limit = int(path.price[index]) + 100
    trades = match.arrive(order(1, buy("005930", 100_000, limit)), index)
    assert trades
    assert max(t.price for t in trades) <= limit


def test_a_resting_order_takes_at_most_its_share_of_a_print() -> None:
    match, path = matcher()
    index = 2_000
    resting = order(1, buy("005930", 1_000_000, int(path.price[index])))
    (trade,) = match.follow([resting], index)
    assert trade.quantity == max(1, int(path.volume[index] * PARTICIPATION))
    assert trade.price == resting.instruction.price


def test_the_share_of_a_print_goes_to_the_best_price_then_to_the_oldest() -> None:
    match, path = matcher()
    index = 2_000
    price = int(path.price[index])
    share = max(1, int(path.volume[index] * PARTICIPATION))
    late_better = order(3, buy("005930", share, price + 100))
    older = order(1, buy("005930", share, price))
    trades = match.follow([older, late_better], index)
    assert [t.order.number for t in trades] == [late_better.number]
    half = max(1, share // 2)
    first, second = order(1, buy("005930", half, price)), order(2, buy("005930", share, price))
    trades = match.follow([second, first], index)
    assert trades[0].order.number == first.number
    assert sum(t.quantity for t in trades) == share


def test_a_price_that_is_not_reached_does_not_trade() -> None:
    match, path = matcher()
    index = 2_000
    price = int(path.price[index])
    assert (
        match.follow([order(1, buy("005930", 5, price - 100)), order(2, sell("005930", 5, price + 100))], index) == []
    )


def test_the_cross_trades_everybody_at_one_price_market_orders_first() -> None:
    match, path = matcher()
    price, volume = int(path.price[0]), int(path.volume[0])
    orders = [
        order(1, buy("005930", volume - 10, price)),
        order(2, buy("005930", 30, price + 100)),
        order(3, buy("005930", 20)),
        order(4, buy("005930", 5, price - 100)),
        order(5, sell("005930", 7, price)),
    ]
    trades = match.cross(orders, 0)
    assert {t.price for t in trades} == {price}
    assert [(t.order.number[-1], t.quantity) for t in trades] == [("3", 20), ("2", 30), ("1", volume - 50), ("5", 7)]
