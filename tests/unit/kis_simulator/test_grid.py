"""The tick grid over arrays is the domain's grid."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kis_simulator.market.grid import off_grid, round_to_grid, step_down, step_up, tick_sizes
from prime_jennie.domain.money import is_on_tick, tick_size_krw

PRICES = st.integers(min_value=1, max_value=3_000_000)


@given(PRICES)
def test_the_arrays_table_equals_the_domains(price: int) -> None:
    assert int(tick_sizes(np.array([price]))[0]) == tick_size_krw(price)
    assert bool(off_grid(np.array([price]))[0]) is not is_on_tick(price)


@given(PRICES)
def test_a_rounded_price_stands_on_the_grid_less_than_a_tick_away(price: int) -> None:
    rounded = int(round_to_grid(np.array([price]))[0])
    assert is_on_tick(rounded)
    assert abs(rounded - price) <= tick_size_krw(price) / 2


def test_rounding_goes_to_the_nearest_tick_and_ties_go_up() -> None:
    # 12,344 lies 4 above 12,340; 12,345 is half a tick of 10; 199,960 rounds across the bound to 200,000.
    assert round_to_grid(np.array([12_344, 12_345, 199_960, 0])).tolist() == [12_340, 12_350, 200_000, 0]


def test_steps_change_size_at_a_bound() -> None:
    assert step_up(19_990) == 20_000
    assert step_up(20_000) == 20_050
    assert step_down(20_000) == 19_990
    assert step_down(1) == 0
