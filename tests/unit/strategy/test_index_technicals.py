"""An index's chart, with TA-Lib as the oracle."""

import math
from datetime import date

import numpy as np
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st

from prime_jennie.domain.market import IndexDailyPrice
from prime_jennie.strategy.index_technicals import Alignment, Cross, IndexTechnicals, index_technicals
from prime_jennie.strategy.indicators import bollinger
from tests.support.insights import index_bars


def walk(count: int, seed: int) -> list[float]:
    generator = np.random.default_rng(seed)
    return [float(level) for level in 2_500 * np.exp(np.cumsum(generator.normal(0, 0.012, count)))]


def read(closes: list[float]) -> IndexTechnicals:
    found = index_technicals(index_bars(closes))
    assert found is not None
    return found


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("count", [20, 21, 34, 60, 119, 120, 150])
def test_every_figure_agrees_with_ta_lib(count: int, seed: int) -> None:
    closes = walk(count, seed)
    array = np.array(closes)
    found = read(closes)
    upper, middle, lower = (line[-1] for line in talib.BBANDS(array, 20, 2, 2))
    line, signal, histogram = (figures[-1] for figures in talib.MACD(array))
    oracle = {
        "ma5": talib.SMA(array, 5)[-1],
        "ma20": talib.SMA(array, 20)[-1],
        "ma60": talib.SMA(array, 60)[-1],
        "ma120": talib.SMA(array, 120)[-1],
        "rsi": talib.RSI(array, 14)[-1],
        "percent_b": (array[-1] - lower) / (upper - lower),
        "band_width_pct": (upper - lower) / middle * 100,
        "macd": line,
        "macd_signal": signal,
        "macd_histogram": histogram,
        "return_1d_pct": talib.ROC(array, 1)[-1],
        "return_5d_pct": talib.ROC(array, 5)[-1],
        "return_20d_pct": talib.ROC(array, 20)[-1],
    }
    for name, theirs in oracle.items():
        ours = getattr(found, name)
        assert (ours is None) == math.isnan(theirs), name
        if ours is not None:
            assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-9), name


@pytest.mark.parametrize("seed", range(30))
def test_crosses_are_those_of_ta_libs_lines(seed: int) -> None:
    closes = walk(150, seed)
    array = np.array(closes)
    line, signal, _ = talib.MACD(array)
    pairs = {
        "MA5/MA20": (talib.SMA(array, 5), talib.SMA(array, 20)),
        "MA20/MA60": (talib.SMA(array, 20), talib.SMA(array, 60)),
        "MACD/signal": (line, signal),
    }
    theirs = set()
    for name, (fast, slow) in pairs.items():
        above = (fast > slow)[-6:]
        theirs |= {Cross(name, bool(above[i]), 5 - i) for i in range(1, 6) if above[i] != above[i - 1]}
    found = read(closes).crosses
    assert set(found) == theirs
    assert [cross.sessions_ago for cross in found] == sorted(cross.sessions_ago for cross in found)


def test_the_means_order_is_named() -> None:
    rising = [2_000.0 + 5 * day for day in range(150)]
    assert read(rising).alignment is Alignment.RISING
    assert read(rising[::-1]).alignment is Alignment.FALLING
    assert read(rising + [rising[-1] - 40 * day for day in range(15)]).alignment is Alignment.MIXED
    assert read(rising[:119]).alignment is None


def test_figures_that_need_more_bars_are_unknown_not_zero() -> None:
    found = read(walk(20, 1))
    assert (found.return_20d_pct, found.ma60, found.gap_ma120_pct, found.macd, found.daily_volatility_pct) == (
        None,
        None,
        None,
        None,
        None,
    )
    assert index_technicals(index_bars(walk(19, 1))) is None
    assert index_technicals([]) is None


def test_an_index_that_never_moved_stands_in_the_middle() -> None:
    found = read([2_500.0] * 150)
    assert (found.percent_b, found.band_width_pct, found.rsi, found.daily_volatility_pct) == (0.5, 0.0, 50.0, 0.0)
    assert (found.alignment, found.crosses) == (Alignment.MIXED, ())


def test_it_says_whose_figures_these_are() -> None:
    found = read(walk(30, 2))
    assert (found.index_code, found.source, found.last_day, found.bars) == (
        "0001",
        "approximation",
        date(2025, 3, 17),
        30,
    )


def test_no_bands_without_values() -> None:
    assert bollinger([1.0] * 19) is None
    assert bollinger([0.0] * 20) is None


@given(st.lists(st.floats(1, 10_000), min_size=20, max_size=160))
def test_any_positive_index_reads_finite(closes: list[float]) -> None:
    bars = [
        IndexDailyPrice.model_construct(index_code="0001", price_date=date(2025, 1, 1), close_price=close, source=None)
        for close in closes
    ]
    found = index_technicals(bars)
    assert found is not None
    figures = [getattr(found, name) for name in IndexTechnicals.__slots__]
    assert all(math.isfinite(figure) for figure in figures if isinstance(figure, float))
