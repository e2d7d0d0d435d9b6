"""Bars on the grid: adjusted prices, halted days, ranges that do not hold their close."""

from datetime import date

import numpy as np

from kis_simulator.market.bars import DailyBars, bars_on_grid

DAYS = (date(2025, 3, 3), date(2025, 3, 4))


def build(**columns: list[int]) -> tuple[DailyBars, list[str]]:
    return bars_on_grid(("068270",), DAYS, {name: np.array([values]) for name, values in columns.items()})


def test_off_tick_closes_are_rounded_and_counted() -> None:
    # 178,713 moves to the tick of 100; 178,800 stands on it already.
    bars, notes = build(
        open=[178_700, 178_800],
        high=[179_000, 179_000],
        low=[178_000, 178_000],
        close=[178_713, 178_800],
        volume=[9, 9],
    )
    bar = bars.bar("068270", DAYS[0])
    assert bar is not None
    assert bar.close == 178_700
    assert notes == ["1 closes of 1 stocks were off the tick grid of their day: rounded"]


def test_a_close_outside_high_and_low_widens_the_range() -> None:
    bars, notes = build(open=[100, 100], high=[110, 110], low=[90, 90], close=[111, 100], volume=[9, 9])
    bar = bars.bar("068270", DAYS[0])
    assert bar is not None
    assert (bar.high, bar.close) == (111, 111)
    assert any("range widened" in note for note in notes)


def test_a_halted_day_keeps_its_close_and_has_no_other_price() -> None:
    bars, notes = build(open=[0, 100], high=[0, 110], low=[0, 90], close=[95, 100], volume=[0, 9])
    halted = bars.bar("068270", DAYS[0])
    assert halted is not None
    assert (halted.open, halted.high, halted.low, halted.close, halted.volume) == (0, 0, 0, 95, 0)
    assert any("halted" in note for note in notes)


def test_no_row_is_no_bar_and_the_close_before_skips_it() -> None:
    bars, _ = build(open=[100, 0], high=[110, 0], low=[90, 0], close=[100, 0], volume=[9, 0])
    assert bars.bar("068270", DAYS[1]) is None
    assert bars.bar("000000", DAYS[0]) is None
    assert bars.close_before("068270", date(2025, 3, 5)) == 100
    assert bars.close_before("068270", DAYS[0]) == 0
