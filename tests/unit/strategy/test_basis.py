"""A purchase price on another basis than today's prices is told from a loss."""

from datetime import date, timedelta

import pytest

from prime_jennie.strategy.basis import UNKNOWN_BASIS, Basis, basis_of
from tests.support.candles import FIRST_DAY, candles

TODAY = FIRST_DAY + timedelta(days=3)
BOUGHT_ON = FIRST_DAY + timedelta(days=1)
LAST_SESSION = FIRST_DAY + timedelta(days=2)


def day(number: int) -> date:
    return FIRST_DAY + timedelta(days=number)


def basis(*closes: int, bought_on: date = BOUGHT_ON, session_before: date | None = LAST_SESSION) -> Basis:
    """Read bars from the first day on, as of the fourth."""
    return basis_of(candles(closes), bought_on, TODAY, session_before)


@pytest.mark.parametrize(
    ("base", "doubts"),
    [(104_900, False), (95_100, False), (94_900, True), (50_000, True), (500_000, True), (None, False)],
)
def test_a_base_that_is_not_the_last_close_is_doubted(base: int | None, doubts: bool) -> None:
    assert bool(basis(100_000, 100_000, 100_000).doubt(100_000, base, TODAY)) is doubts


def test_a_crash_moves_no_base_and_no_past() -> None:
    assert basis(100_000, 100_000, 70_000).doubt(100_000, 70_000, TODAY) == ""


def test_yesterdays_reading_says_nothing_of_today() -> None:
    # The bars could not be read again: what fell yesterday has another base today, and keeps its stops.
    yesterdays, tomorrow = basis(100_000, 100_000, 100_000), TODAY + timedelta(days=1)
    assert yesterdays.doubt(100_000, 80_000, tomorrow) == ""
    assert yesterdays.doubt(100_000, 50_000, tomorrow)


def test_a_rewritten_history_differs_from_what_was_paid_however_far_the_stock_has_risen_since() -> None:
    # Bought at 100,000, risen to 200,000, one new share for each: 50,000 then and 100,000 now.
    found = basis(50_000, 50_000, 100_000 * 13 // 20).doubt(100_000, 65_000, TODAY)
    assert found == "bought at 100,000 on a day between 50,000 and 50,000"


def test_a_history_that_was_not_rewritten_has_a_step_that_no_price_may_take() -> None:
    found = basis(100_000, 100_000, 50_000).doubt(100_000, 50_000, TODAY)
    assert found == "closed at 100,000 on 2025-01-02, then at 50,000"


def test_a_hole_between_two_bars_explains_any_step() -> None:
    bars = candles([100_000, 100_000, 50_000])
    late = bars[2].model_copy(update={"price_date": day(9)})
    assert basis_of([*bars[:2], late], BOUGHT_ON, day(10), day(9)).doubt(100_000, 50_000, day(10)) == ""


@pytest.mark.parametrize(("paid", "doubts"), [(95_000, False), (94_900, True), (105_000, False), (105_100, True)])
def test_a_purchase_beside_its_own_days_bar_is_doubted_beyond_a_twentieth(paid: int, doubts: bool) -> None:
    assert bool(basis(50_000, 100_000, 110_000).doubt(paid, None, TODAY)) is doubts


def test_a_close_counts_though_the_stock_was_suspended_for_its_split() -> None:
    found = basis(100_000, 100_000, 0)
    assert found.close_before == 100_000
    assert found.doubt(100_000, 20_000, TODAY) == "today's base is 20,000, the last close was 100,000"


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(basis(), id="no history"),
        pytest.param(basis(100_000, 100_000, bought_on=day(-1)), id="the bars end before the last session"),
        pytest.param(basis(100_000, 100_000), id="and have the day of the purchase"),
        pytest.param(basis(100_000, bought_on=day(-1), session_before=None), id="beyond the session table"),
        pytest.param(UNKNOWN_BASIS, id="not read yet"),
        pytest.param(Basis(day(2), bought_today=True), id="bought yesterday, not read since"),
    ],
)
def test_without_the_last_close_a_base_is_doubted_that_no_stop_would_have_waited_for(found: Basis) -> None:
    assert found.doubt(100_000, 69_000, TODAY) == ""
    assert found.doubt(100_000, None, TODAY) == ""
    told = found.doubt(100_000, 68_900, TODAY)
    assert told == "today's base is 68,900, the last known price 100,000, and no daily bars tell why"


def test_what_was_bought_today_is_on_todays_basis() -> None:
    # On the first day of a listing the price may be four times the base.
    assert basis(100_000, 100_000, 100_000, bought_on=TODAY).doubt(60_000, 20_000, TODAY) == ""


def test_a_stock_that_was_locked_at_its_limit_yesterday_keeps_its_stops() -> None:
    # Bought at 100,000, closed at 98,000 two sessions ago, at its limit since without a buyer; no bars today.
    yesterdays = Basis(LAST_SESSION, close_before=98_000)
    assert yesterdays.doubt(100_000, 68_600, TODAY) == ""
    assert yesterdays.doubt(100_000, 49_000, TODAY)


def test_a_split_after_a_rise_is_told_by_yesterdays_reading() -> None:
    assert Basis(LAST_SESSION, close_before=150_000).doubt(100_000, 75_000, TODAY)
