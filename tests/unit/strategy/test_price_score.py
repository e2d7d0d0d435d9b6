"""The price's own score agrees with the index reading and places it by the chart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prime_jennie.domain.market import MarketRegime
from prime_jennie.strategy.index_technicals import index_technicals
from prime_jennie.strategy.price_score import PriceScore, chart_strength, price_score
from prime_jennie.strategy.regime import read_index, regime_of_score
from tests.support.council import CRASHING, FALLING, FLAT, RISING, brief
from tests.support.insights import index_bars


def scored(closes: list[float]) -> tuple[PriceScore, MarketRegime]:
    reading, chart = read_index(closes), index_technicals(index_bars(closes))
    assert reading is not None
    assert chart is not None
    return price_score(reading, chart), reading.regime


@given(st.integers(0, 10_000), st.integers(20, 160), st.floats(0.001, 0.04))
def test_the_score_maps_back_to_the_readings_regime_unless_it_is_a_crash(
    seed: int, count: int, volatility: float
) -> None:
    moves = np.random.default_rng(seed).normal(0, volatility, count)
    price, regime = scored([float(level) for level in 2_500 * np.exp(np.cumsum(moves))])
    assert regime_of_score(price.score) is price.regime
    assert price.regime is regime or (regime, price.regime) == (MarketRegime.BEAR, MarketRegime.STRONG_BEAR)
    assert 0 <= price.strength <= 1


@pytest.mark.parametrize(
    ("closes", "regime"),
    [
        (FLAT, MarketRegime.SIDEWAYS),
        ([*FLAT, 2_520, 2_540, 2_560, 2_570, 2_575], MarketRegime.BULL),
        ([*FLAT, 2_520, 2_560, 2_600, 2_650, 2_710], MarketRegime.STRONG_BULL),
        (FALLING, MarketRegime.STRONG_BEAR),
        (CRASHING, MarketRegime.STRONG_BEAR),
        ([*FLAT, 2_470, 2_460, 2_450, 2_440, 2_430], MarketRegime.BEAR),
    ],
)
def test_the_regimes_by_example(closes: list[float], regime: MarketRegime) -> None:
    assert scored(closes)[0].regime is regime


@pytest.mark.parametrize(
    ("fall", "crash"),
    [
        ([2_376.0], False),
        ([2_374.0], True),
        ([2_450, 2_420, 2_390, 2_360, 2_328], False),
        ([2_450, 2_420, 2_390, 2_360, 2_320], True),
    ],
)
def test_a_crash_is_five_percent_a_day_or_seven_a_week(fall: list[float], crash: bool) -> None:
    price, _ = scored([2_500.0] * 140 + fall)
    assert (price.regime is MarketRegime.STRONG_BEAR) is crash


def test_ten_percent_below_the_long_mean_is_a_strong_bear_where_that_mean_is_known() -> None:
    slide = [2_800 - 5.2 * day for day in range(150)]
    assert scored(slide)[0].regime is MarketRegime.STRONG_BEAR
    assert scored(slide[-60:])[0].regime is MarketRegime.BEAR


def test_strength_counts_only_what_is_known() -> None:
    assert chart_strength(brief(RISING).kospi) > 0.7
    assert chart_strength(brief(FALLING).kospi) < 0.2
    assert 0 <= chart_strength(brief(FLAT[:20]).kospi) <= 1
