"""The approximate index: shares times price, chained."""

from dataclasses import replace

import pytest

from kis_simulator.market.bars import Bar, Market
from kis_simulator.market.indexes import index_of
from tests.support.trading_day import market_of


def weighted() -> Market:
    """Two stocks: 1,000,000 shares at 100 → 110 and 3,000,000 shares at 200 → 190."""
    today = {"000001": Bar(100, 112, 99, 110, 5), "000002": Bar(202, 204, 188, 190, 5)}
    yesterday = {"000001": Bar(100, 100, 100, 100, 5), "000002": Bar(200, 200, 200, 200, 5)}
    market = market_of(today, yesterday)
    listings = {**market.listings, "000002": replace(market.listings["000002"], shares=3_000_000)}
    return replace(market, listings=listings)


def test_the_move_is_weighted_by_shares_times_price() -> None:
    series = index_of(weighted(), "0001")
    assert series is not None
    # Before: 1e6·100 + 3e6·200 = 700e6. After: 1e6·110 + 3e6·190 = 680e6. 680/700 - 1 = -2.857 %.
    assert series.close[1] / series.close[0] == pytest.approx(680 / 700)
    # Open: 1e6·100 + 3e6·202 = 706e6.
    assert series.open[1] / series.close[0] == pytest.approx(706 / 700)
    assert series.low[1] <= min(series.open[1], series.close[1])
    assert series.high[1] >= max(series.open[1], series.close[1])


def test_it_is_named_an_approximation() -> None:
    series = index_of(weighted(), "0001")
    assert series is not None
    assert "근사" in series.name


def test_a_move_beyond_the_limit_is_left_out() -> None:
    market = market_of({"000001": Bar(100, 100, 100, 100, 5), "000002": Bar(400, 400, 400, 400, 5)},
                       {"000001": Bar(100, 100, 100, 100, 5), "000002": Bar(200, 200, 200, 200, 5)})  # fmt: skip
    series = index_of(market, "0001")
    assert series is not None
    assert series.close[1] == pytest.approx(series.close[0])


def test_a_halted_stock_neither_moves_the_index_nor_leaves_it() -> None:
    market = market_of({"000001": Bar(0, 0, 0, 100, 0), "000002": Bar(200, 220, 200, 220, 5)},
                       {"000001": Bar(100, 100, 100, 100, 5), "000002": Bar(200, 200, 200, 200, 5)})  # fmt: skip
    series = index_of(market, "0001")
    assert series is not None
    # (100 + 220) / (100 + 200), equal shares.
    assert series.close[1] / series.close[0] == pytest.approx(320 / 300)


def test_unknown_codes_and_boards_without_stocks_have_no_index() -> None:
    assert index_of(weighted(), "2001") is None
    assert index_of(weighted(), "1001") is None
