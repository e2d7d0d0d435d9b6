"""What the market shows at a moment."""

from datetime import date, timedelta

import numpy as np
import pytest

from kis_simulator.market.bars import Bar
from kis_simulator.market.view import change_of, history, minute_bars, stock_at_minute, stock_closed, stock_now
from tests.support.trading_day import CALM, CLOSES_AT, DAY, OPENS_AT, YESTERDAY, exchange_of, market_of


def test_minutes_add_up_to_the_prints_so_far() -> None:
    exchange = exchange_of({"005930": CALM})
    path, index = exchange.last_print("005930")
    assert path is not None
    rows = minute_bars(path, index)
    # 30 minutes after the open: minutes 0 to 30, the last one just begun.
    assert [minute for minute, _, _ in rows] == list(range(31))
    assert sum(bar.volume for _, bar, _ in rows) == path.cumulative[index]
    assert minute_bars(path, index, upto=12) == rows[:13]
    assert minute_bars(path, index, upto=12, most=5) == rows[8:13]
    assert minute_bars(path, index, most=99) == rows
    assert minute_bars(path, index, upto=-1) == []
    first = rows[0][1]
    in_first = path.price[: int(np.searchsorted(path.secs, 60))]
    assert (first.open, first.high, first.low) == (in_first[0], in_first.max(), in_first.min())
    assert minute_bars(path, -1) == []


def test_before_the_open_there_is_no_print_and_no_path_is_made() -> None:
    exchange = exchange_of({"005930": CALM}, at=OPENS_AT - timedelta(seconds=1))
    assert exchange.last_print("005930") == (None, -1)
    reference = exchange.tapes.reference("005930")
    assert reference is not None
    before = stock_now(reference, None, -1)
    assert (before.price, before.volume, before.change.pct) == (50_000, 0, 0.0)


def test_at_each_whole_minute_the_small_tape_tells_what_the_path_tells() -> None:
    exchange = exchange_of({"005930": CALM})
    reference, path = exchange.tapes.reference("005930"), exchange.tapes.path("005930")
    tape = exchange.tapes.minutes("005930")
    assert reference is not None
    assert path is not None
    for minute in (0, 1, 30, 379, 390):
        exact, small = stock_now(reference, path, path.index_at(minute * 60)), stock_at_minute(reference, tape, minute)
        for figure in ("price", "open", "high", "low", "volume"):
            assert getattr(small, figure) == getattr(exact, figure)
        assert small.turnover == pytest.approx(exact.turnover, rel=1e-6)
    assert stock_at_minute(reference, tape, -1).volume == 0
    assert stock_at_minute(reference, None, 5).price == 50_000


def test_a_whole_market_of_small_tapes_keeps_the_paths_in_use_and_a_halted_stock_has_none() -> None:
    exchange = exchange_of({"005930": CALM, "000660": CALM, "035720": Bar(0, 0, 0, 9_000, 0)})
    path = exchange.tapes.path("005930")
    assert exchange.tapes.minutes("000660") is exchange.tapes.minutes("000660")
    assert exchange.tapes.path("005930") is path
    assert exchange.tapes.minutes("035720") is None
    assert exchange.tapes.minutes("999999") is None


def test_after_the_closing_cross_the_stock_stands_at_its_bar_as_its_last_print_does() -> None:
    exchange = exchange_of({"005930": CALM}, at=CLOSES_AT)
    assert exchange.has_closed
    reference = exchange.tapes.reference("005930")
    assert reference is not None
    closed, printed = stock_closed(reference), stock_now(reference, *exchange.last_print("005930"))
    for figure in ("price", "open", "high", "low", "volume"):
        assert getattr(closed, figure) == getattr(printed, figure)
    assert abs(closed.turnover / printed.turnover - 1) < 0.02, "an estimate"


def test_a_halted_stock_stands_at_its_carried_close_after_the_close_too() -> None:
    exchange = exchange_of({"005930": Bar(0, 0, 0, 9_000, 0)}, at=CLOSES_AT)
    reference = exchange.tapes.reference("005930")
    assert reference is not None
    closed = stock_closed(reference)
    assert (closed.price, closed.open, closed.volume) == (9_000, 0, 0)


def test_history_ends_before_today_and_shows_a_halted_day_at_its_carried_close() -> None:
    market = market_of({"005930": CALM}, {"005930": Bar(0, 0, 0, 9_000, 0)})
    rows = history(market.bars, "005930", date(2025, 1, 1), DAY, DAY)
    assert rows == [(YESTERDAY, Bar(9_000, 9_000, 9_000, 9_000, 0))]
    assert history(market.bars, "000000", date(2025, 1, 1), DAY, DAY) == []


def test_change_signs_tell_limits_from_moves() -> None:
    assert change_of(13_000, 10_000, 7_000, 13_000) == (3_000, "1", 30.0)
    assert change_of(10_100, 10_000, 7_000, 13_000).sign == "2"
    assert change_of(10_000, 10_000, 7_000, 13_000).sign == "3"
    assert change_of(7_000, 10_000, 7_000, 13_000).sign == "4"
    assert change_of(9_900, 10_000, 7_000, 13_000) == (-100, "5", -1.0)
