"""The simulated book around a print."""

from kis_simulator.exchange.book import levels_at, quote_at
from kis_simulator.exchange.orders import Side
from kis_simulator.market.bars import Bar
from kis_simulator.market.path import IntradayPath
from kis_simulator.market.reference import Reference
from tests.support.trading_day import CALM, exchange_of


def book(bar: Bar, yesterday: Bar | None = None) -> tuple[Reference, IntradayPath]:
    exchange = exchange_of({"005930": bar}, yesterday={"005930": yesterday} if yesterday else None)
    reference, path = exchange.tapes.reference("005930"), exchange.tapes.path("005930")
    assert reference is not None
    assert path is not None
    return reference, path


def test_the_spread_is_one_tick_around_the_print() -> None:
    reference, path = book(CALM)
    for index in (1, 100, 5_000):
        quote = quote_at(reference, path, index)
        price = int(path.price[index])
        # Around 50,000 the tick is 50 below and 100 from there on.
        assert quote.ask - quote.bid in (50, 100)
        assert price == (quote.ask if path.buyer_initiated[index] else quote.bid)


def test_takers_meet_worse_prices_level_by_level() -> None:
    reference, path = book(CALM)
    asks = [level.price for level in levels_at(reference, path, 500, Side.BUY, 1)]
    bids = [level.price for level in levels_at(reference, path, 500, Side.SELL, 1)]
    assert asks == sorted(asks)
    assert bids == sorted(bids, reverse=True)
    assert len(asks) == len(bids) == 10
    assert asks[0] > bids[0]


def test_depth_is_a_seeded_share_of_the_mean_print() -> None:
    reference, path = book(CALM)
    mean = CALM.volume / len(path.secs)
    first = [next(levels_at(reference, path, i, Side.BUY, 1)).quantity for i in range(1, 400)]
    assert min(first) >= int(mean * 0.5)
    assert max(first) <= mean * 3.5
    assert len(set(first)) > 50
    assert first == [next(levels_at(reference, path, i, Side.BUY, 1)).quantity for i in range(1, 400)]


def test_nobody_sells_at_the_upper_limit_and_nobody_buys_at_the_lower() -> None:
    yesterday = Bar(10_000, 10_000, 10_000, 10_000, 5)
    reference, path = book(Bar(13_000, 13_000, 13_000, 13_000, 90_000), yesterday)
    # Both kinds of prints: a buyer's at the limit leaves no seller either.
    assert {bool(path.buyer_initiated[i]) for i in range(100, 140)} == {True, False}
    assert [level for i in range(100, 140) for level in levels_at(reference, path, i, Side.BUY, 1)] == []
    assert next(levels_at(reference, path, 100, Side.SELL, 1)).price == 13_000
    reference, path = book(Bar(7_000, 7_000, 7_000, 7_000, 90_000), yesterday)
    assert [level for i in range(100, 140) for level in levels_at(reference, path, i, Side.SELL, 1)] == []
    assert quote_at(reference, path, 100).bid == 0


def test_levels_end_at_the_price_limit() -> None:
    reference, path = book(Bar(12_970, 12_980, 12_960, 12_970, 90_000), Bar(10_000, 10_000, 10_000, 10_000, 5))
    asks = [level.price for level in levels_at(reference, path, 100, Side.BUY, 1)]
    assert asks[-1] == 13_000
