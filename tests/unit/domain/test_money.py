"""Money: the tick table, price limits, commission and tax, with the working beside each number."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from prime_jennie.domain.money import (
    SELL_TAX_PCT_BY_YEAR,
    Amount,
    Multiplier,
    Percent,
    PositiveAmount,
    Quantity,
    Ratio,
    RawMultiplier,
    Score,
    align_down,
    align_up,
    commission_krw,
    is_on_tick,
    price_limits_krw,
    sell_tax_krw,
    tick_size_krw,
)

PRICES = st.integers(min_value=1, max_value=3_000_000)


@pytest.mark.parametrize(
    ("price", "tick"),
    [
        (1, 1),
        (1_999, 1),
        (2_000, 5),
        (4_995, 5),
        (5_000, 10),
        (19_990, 10),
        (20_000, 50),
        (49_950, 50),
        (50_000, 100),
        (199_900, 100),
        (200_000, 500),
        (499_500, 500),
        (500_000, 1_000),
        (2_000_000, 1_000),
    ],
)
def test_the_tick_follows_the_exchange_table_at_every_bound(price: int, tick: int) -> None:
    assert tick_size_krw(price) == tick


@pytest.mark.parametrize("price", [0, -1, -72_100])
def test_a_price_of_zero_or_less_has_no_tick(price: int) -> None:
    with pytest.raises(ValueError, match="above zero"):
        tick_size_krw(price)


def test_aligning_72_149_steps_by_100() -> None:
    assert align_down(72_149) == 72_100
    assert align_up(72_149) == 72_200
    assert not is_on_tick(72_149)
    assert is_on_tick(72_100)


def test_aligning_up_lands_on_the_coarser_grid_of_the_next_band() -> None:
    # 199,950 stands between 199,900 and 200,000, where the tick becomes 500.
    assert align_up(199_950) == 200_000
    assert is_on_tick(200_000)


@given(PRICES)
def test_alignment_stays_within_a_tick_and_on_the_grid(price: int) -> None:
    lower, upper = align_down(price), align_up(price)
    assert lower <= price <= upper
    assert is_on_tick(lower)
    assert is_on_tick(upper)
    assert upper - lower in (0, tick_size_krw(price))


@given(PRICES)
def test_aligning_twice_changes_nothing(price: int) -> None:
    for align in (align_down, align_up):
        once = align(price)
        assert align(once) == once


def test_price_limits_are_thirty_percent_cut_to_the_tick() -> None:
    # 72,100 × 30 % = 21,630, cut to 21,600 on the tick of 100.
    assert price_limits_krw(72_100) == (50_500, 93_700)
    # 1,990 × 30 % = 597; 2,587 lies in the band of 5 and is cut to 2,585.
    assert price_limits_krw(1_990) == (1_393, 2_585)
    # 50,200 × 30 % = 15,060, cut on the base's tick of 100 to 15,000, though 35,150 stands on the grid below 50,000.
    assert price_limits_krw(50_200) == (35_200, 65_200)
    # 3 × 30 % is less than a won: the price cannot move.
    assert price_limits_krw(3) == (3, 3)


@given(PRICES)
def test_price_limits_never_exceed_thirty_percent_and_stand_on_the_grid(base: int) -> None:
    lower, upper = price_limits_krw(base)
    assert 10 * lower >= 7 * base
    assert 10 * upper <= 13 * base
    assert is_on_tick(lower)
    assert is_on_tick(upper)
    assert lower >= 1


def test_commission_drops_fractions_of_a_won() -> None:
    # 4,181,800 × 0.0140527 % = 587.655…
    assert commission_krw(4_181_800) == 587
    assert commission_krw(0) == 0


@pytest.mark.parametrize(
    ("year", "tax"),
    # 7,210,000 × 0.20 % = 14,420; × 0.18 % = 12,978; × 0.15 % = 10,815
    [(2023, 14_420), (2024, 12_978), (2025, 10_815), (2026, 14_420)],
)
def test_sell_tax_follows_the_year_of_settlement(year: int, tax: int) -> None:
    assert sell_tax_krw(7_210_000, date(year, 6, 1)) == tax


def test_sell_tax_changes_between_two_settlement_days_of_a_turn_of_the_year() -> None:
    assert sell_tax_krw(1_000_000, date(2024, 12, 31)) == 1_800
    assert sell_tax_krw(1_000_000, date(2025, 1, 2)) == 1_500


def test_sell_tax_of_a_year_before_the_table_is_refused_not_guessed() -> None:
    with pytest.raises(ValueError, match="no sell tax is known"):
        sell_tax_krw(1_000_000, date(min(SELL_TAX_PCT_BY_YEAR) - 1, 12, 30))


def test_a_sale_that_settles_in_a_year_nobody_has_legislated_yet_is_booked_at_the_newest_rate() -> None:
    newest = max(SELL_TAX_PCT_BY_YEAR)
    assert sell_tax_krw(1_000_000, date(newest + 1, 1, 4)) == sell_tax_krw(1_000_000, date(newest, 1, 4)) == 2_000


@pytest.mark.parametrize("charge", [commission_krw, lambda amount: sell_tax_krw(amount, date(2025, 6, 1))])
def test_a_negative_amount_is_charged_nothing_but_refused(charge) -> None:
    with pytest.raises(ValueError, match="negative"):
        charge(-1)


@given(st.integers(min_value=0, max_value=10**12))
def test_charges_are_whole_and_smaller_than_the_amount(amount: int) -> None:
    for charge in (commission_krw(amount), sell_tax_krw(amount, date(2026, 1, 2))):
        assert isinstance(charge, int)
        assert 0 <= charge <= amount


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (PositiveAmount, [1, 72_100], [0, -1, 1.5, 72_100.0, "72100", True, None]),
        (Quantity, [1, 10_000], [0, -3, 0.5, "30", True]),
        (Amount, [0, 1], [-1, False, "0"]),
        (Score, [0, 50.5, 100], [-0.1, 100.1, float("nan"), float("inf")]),
        (Percent, [0, 100], [-1, 101]),
        (Ratio, [0, 1], [-0.01, 1.01, float("nan")]),
        (Multiplier, [0.3, 1, 2.0], [0.0, 0.29, 2.01, float("nan")]),
        (RawMultiplier, [0.0, 2.0], [-0.1, 2.1]),
    ],
)
def test_scalars_take_their_range_and_nothing_else(kind, good: list[object], bad: list[object]) -> None:
    adapter = TypeAdapter(kind)
    for value in good:
        assert adapter.validate_python(value) == value
    for value in bad:
        with pytest.raises(ValidationError):
            adapter.validate_python(value)
