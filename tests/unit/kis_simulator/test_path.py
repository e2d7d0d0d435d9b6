"""The made path honours its bar."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kis_simulator.market.bars import Bar
from kis_simulator.market.grid import off_grid, round_to_grid
from kis_simulator.market.path import IntradayPath, PathShape, make_path, rng_of
from tests.support.trading_day import DAY, SHAPE


def path_of(bar: Bar, seed: int = 1, shape: PathShape = SHAPE, code: str = "005930", day: date = DAY) -> IntradayPath:
    return make_path(bar, shape, rng_of(seed, day, code))


@st.composite
def bars(draw: st.DrawFn) -> Bar:
    """Any bar on the grid, degenerate ones included: one price, one share, limits touched, wide ranges."""
    low = draw(st.integers(1, 900_000))
    high = low + draw(st.integers(0, low * 2))
    opened, closed = draw(st.integers(low, high)), draw(st.integers(low, high))
    prices = [int(p) for p in round_to_grid(np.array([opened, high, low, closed]))]
    volume = draw(st.one_of(st.integers(1, 30), st.integers(31, 400_000_000)))
    return Bar(prices[0], prices[1], prices[2], prices[3], volume)


@settings(max_examples=150, deadline=None)
@given(bars(), st.integers(0, 2**32))
def test_any_bar_is_honoured_exactly(bar: Bar, seed: int) -> None:
    path = path_of(bar, seed)
    assert path.price[0] == bar.open
    assert path.price[-1] == bar.close
    assert path.price.max() == bar.high
    assert path.price.min() == bar.low
    assert not off_grid(path.price.astype(np.int64)).any()
    assert path.volume.sum() == bar.volume == path.cumulative[-1]
    assert (path.volume >= 0).all()
    assert (np.diff(path.secs) > 0).all()


def test_the_opening_cross_prints_at_the_open_and_the_closing_cross_at_the_close() -> None:
    path = path_of(Bar(50_000, 51_000, 49_000, 50_500, 1_000_000))
    assert path.secs[0] == 0
    assert path.secs[-1] == 390 * 60


def test_nothing_prints_in_the_closing_auction() -> None:
    path = path_of(Bar(50_000, 51_000, 49_000, 50_500, 1_000_000))
    # Continuous trading ends ten minutes before the close, at second 22,800.
    assert path.secs[-2] < 380 * 60


def test_the_density_is_one_print_every_two_seconds_of_a_liquid_stock() -> None:
    path = path_of(Bar(50_000, 51_000, 49_000, 50_500, 50_000_000))
    # 22,800 s / 2 - 1 continuous prints between the two crosses.
    assert len(path.secs) == 11_399 + 2


def test_the_same_seed_day_and_code_give_the_same_path_and_others_do_not() -> None:
    bar = Bar(50_000, 51_000, 49_000, 50_500, 1_000_000)
    again = path_of(bar)
    assert np.array_equal(path_of(bar).price, again.price)
    assert np.array_equal(path_of(bar).volume, again.volume)
    for other in (path_of(bar, seed=2), path_of(bar, code="000660"), path_of(bar, day=date(2025, 3, 5))):
        assert not np.array_equal(other.price, again.price)


def test_volume_is_heavier_at_both_ends_than_at_noon() -> None:
    shares = np.zeros(13)
    for seed in range(20):
        path = path_of(Bar(50_000, 51_000, 49_000, 50_500, 10_000_000), seed)
        inner = slice(1, -1)
        shares += np.bincount(path.secs[inner] // 1800, weights=path.volume[inner], minlength=13)[:13]
    assert shares[0] > 1.5 * shares[6] < shares[11]


@pytest.mark.parametrize("volume", [1, 2, 3])
def test_fewer_shares_than_prices_leave_prints_of_zero_volume_rather_than_another_bar(volume: int) -> None:
    path = path_of(Bar(50_000, 51_000, 49_000, 50_500, volume))
    assert {50_000, 51_000, 49_000, 50_500} <= set(path.price.tolist())
    assert path.volume.sum() == volume


def test_running_extremes_and_turnover_follow_the_prints() -> None:
    path = path_of(Bar(50_000, 51_000, 49_000, 50_500, 1_000_000))
    assert np.array_equal(path.high, np.maximum.accumulate(path.price))
    assert np.array_equal(path.low, np.minimum.accumulate(path.price))
    assert path.turnover[-1] == int((path.price.astype(np.int64) * path.volume).sum())
