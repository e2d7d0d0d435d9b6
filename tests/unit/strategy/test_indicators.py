"""Indicators: hand-worked numbers, and TA-Lib as an oracle."""

import math

import numpy as np
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st

from prime_jennie.strategy.indicators import (
    NEUTRAL_RSI,
    atr,
    change_pct,
    crosses_above,
    ema_series,
    macd,
    rsi_wilder,
    sma,
    true_ranges,
)

PRICES = st.lists(st.integers(1_000, 900_000).map(float), min_size=1, max_size=120)


def _walk(count: int, seed: int) -> list[float]:
    generator = np.random.default_rng(seed)
    return [float(price) for price in np.round(50_000 * np.exp(np.cumsum(generator.normal(0, 0.01, count))))]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [14, 15, 20, 26, 33, 34, 35, 60, 150])
def test_indicators_agree_with_ta_lib(count: int, seed: int) -> None:
    closes = _walk(count, seed)
    array = np.array(closes)
    for ours, theirs in [
        (sma(closes, 5), talib.SMA(array, 5)[-1]),
        (next(reversed(ema_series(closes, 12)), None), talib.EMA(array, 12)[-1]),
        (rsi_wilder(closes), talib.RSI(array, 14)[-1]),
    ]:
        assert (ours is None) == math.isnan(theirs)
        if ours is not None:
            assert ours == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [33, 34, 35, 36, 60, 200])
def test_macd_agrees_with_ta_lib_on_every_figure(count: int, seed: int) -> None:
    closes = _walk(count, seed)
    line, signal, histogram = (
        [figure for figure in series if not math.isnan(figure)] for series in talib.MACD(np.array(closes), 12, 26, 9)
    )
    ours = macd(closes)
    if count < 34:
        assert ours is None
        assert line == []
        return
    assert ours is not None
    assert len(ours.line) == len(ours.signal) == len(ours.histogram) == count - 33
    assert ours.line == pytest.approx(line, rel=1e-6, abs=1e-6)
    assert ours.signal == pytest.approx(signal, rel=1e-6, abs=1e-6)
    assert ours.histogram == pytest.approx(histogram, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_atr_is_the_plain_mean_of_ta_libs_true_ranges(seed: int) -> None:
    closes = _walk(40, seed)
    highs, lows = [close * 1.01 for close in closes], [close * 0.985 for close in closes]
    theirs = talib.TRANGE(np.array(highs), np.array(lows), np.array(closes))
    assert true_ranges(highs, lows, closes) == pytest.approx(theirs[1:])
    assert atr(highs, lows, closes) == pytest.approx(float(np.mean(theirs[-14:])))


def test_sma_takes_the_newest_values() -> None:
    assert sma([100, 1, 2, 3, 4, 5], 5) == 3.0  # (1+2+3+4+5) / 5
    assert sma([1, 2, 3, 4], 5) is None


def test_ema_is_seeded_with_the_plain_mean() -> None:
    # Period 3, weight 2/4: seed (1+2+3)/3 = 2; then 2 + (7-2)/2 = 4.5; then 4.5 + (1.5-4.5)/2 = 3.
    assert ema_series([1, 2, 3, 7, 1.5], 3) == (2.0, 4.5, 3.0)
    assert ema_series([1, 2], 3) == ()


def test_rsi_follows_wilders_smoothing() -> None:
    # Period 2 over 10, 12, 11, 14: changes +2 −1 +3. Seed gain 2/2 = 1, loss 1/2 = 0.5.
    # Then gain (1+3)/2 = 2, loss (0.5+0)/2 = 0.25; RSI = 100 × 2 / 2.25 = 88.888…
    assert rsi_wilder([10, 12, 11, 14], 2) == pytest.approx(88.8888888889)


def test_rsi_needs_one_value_more_than_its_period() -> None:
    assert rsi_wilder([float(step) for step in range(14)]) is None
    assert rsi_wilder([float(step) for step in range(15)]) == 100.0
    assert rsi_wilder([float(-step) for step in range(15)]) == 0.0


def test_rsi_of_a_price_that_never_moved_is_neutral() -> None:
    assert rsi_wilder([70_000.0] * 30) == NEUTRAL_RSI


def test_true_range_reaches_to_the_close_before() -> None:
    # Bar 2: high 110, low 105, close before 100 → 110 − 100 = 10. Bar 3: high 103, low 101, close before 108 → 7.
    assert true_ranges([101, 110, 103], [99, 105, 101], [100, 108, 102]) == (10, 7)


def test_atr_needs_one_bar_more_than_its_period() -> None:
    assert atr([2.0] * 14, [1.0] * 14, [1.5] * 14) is None
    assert atr([2.0] * 15, [1.0] * 15, [1.5] * 15) == 1.0


def test_true_ranges_refuse_lists_of_different_lengths() -> None:
    with pytest.raises(ValueError, match="one length"):
        true_ranges([1, 2], [1], [1, 2])


def test_a_cross_counts_from_touching_but_not_to_touching() -> None:
    assert crosses_above(5, 5, 6, 5)
    assert not crosses_above(5, 6, 6, 6)
    assert not crosses_above(7, 6, 8, 6)


def test_change_is_exact_at_round_percentages() -> None:
    assert change_pct(10_000, 10_700) == 7.0
    assert change_pct(10_000, 9_700) == -3.0
    with pytest.raises(ValueError, match="positive"):
        change_pct(0, 1)


def test_periods_that_make_no_sense_are_refused() -> None:
    for period in (0, -1):
        with pytest.raises(ValueError, match="at least 1"):
            sma([1.0], period)
    with pytest.raises(ValueError, match="shorter"):
        macd([1.0] * 50, fast=26, slow=12)


@given(PRICES)
def test_rsi_stays_within_its_scale(closes: list[float]) -> None:
    rsi = rsi_wilder(closes)
    assert (rsi is None) == (len(closes) < 15)
    assert rsi is None or 0 <= rsi <= 100


@given(PRICES, st.integers(1, 30))
def test_means_stay_between_the_extremes(closes: list[float], period: int) -> None:
    for mean in (sma(closes, period), next(reversed(ema_series(closes, period)), None)):
        assert (mean is None) == (len(closes) < period)
        assert mean is None or min(closes) - 1e-6 <= mean <= max(closes) + 1e-6


@given(PRICES)
def test_mirrored_prices_mirror_the_rsi(closes: list[float]) -> None:
    rsi, mirrored = rsi_wilder(closes), rsi_wilder([1_000_000 - close for close in closes])
    if rsi is not None and mirrored is not None:
        assert rsi + mirrored == pytest.approx(100)
