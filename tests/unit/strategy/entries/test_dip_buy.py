"""DIP_BUY by hand."""

import pytest
from pydantic import ValidationError

from prime_jennie.domain.market import MarketRegime
from prime_jennie.strategy.bars import Bar
from prime_jennie.strategy.entries.dip_buy import DipBuyParameters, evaluate
from tests.support.scanning import bar, bars_of, view

DEFAULTS = DipBuyParameters()


def _dip(close: int) -> tuple[Bar, ...]:
    # The 5-bar high is the wick of 10,000 in the second bar of five; the 20,000 before the window does not count.
    return (
        bar(20_000, 20_000),
        bar(9_900, 9_900),
        bar(9_900, 9_950, high=10_000),
        bar(9_950, 9_950),
        bar(9_950, 9_950),
        bar(9_950, close),
    )


@pytest.mark.parametrize("regime", [MarketRegime.STRONG_BULL, MarketRegime.BULL])
@pytest.mark.parametrize(
    ("close", "matches"), [(9_951, False), (9_950, True), (9_800, True), (9_700, True), (9_699, False)]
)
def test_in_a_bull_market_half_to_three_percent_is_a_dip(regime: MarketRegime, close: int, matches: bool) -> None:
    assert (evaluate(view(_dip(close), regime=regime), DEFAULTS) is not None) is matches


@pytest.mark.parametrize("regime", [MarketRegime.SIDEWAYS, MarketRegime.BEAR, MarketRegime.STRONG_BEAR])
@pytest.mark.parametrize(
    ("close", "matches"), [(9_801, False), (9_800, True), (9_600, True), (9_500, True), (9_499, False)]
)
def test_in_any_other_market_two_to_five_percent_is_a_dip(regime: MarketRegime, close: int, matches: bool) -> None:
    assert (evaluate(view(_dip(close), regime=regime), DEFAULTS) is not None) is matches


@pytest.mark.parametrize(("age", "matches"), [(0, False), (1, True), (5, True), (6, False)])
def test_only_stocks_listed_for_one_to_five_sessions_match(age: int, matches: bool) -> None:
    assert (evaluate(view(_dip(9_800), age_sessions=age), DEFAULTS) is not None) is matches


def test_the_reason_says_its_numbers() -> None:
    match = evaluate(view(_dip(9_800), age_sessions=3), DEFAULTS)
    assert match is not None
    assert match.signal_type == "DIP_BUY"
    assert match.reason == "2.00 % below the 5-bar high, 10,000 to 9,800 KRW, listed for 3 sessions"


def test_four_bars_are_too_few() -> None:
    assert evaluate(view(bars_of([10_000, 10_000, 10_000, 9_800])), DEFAULTS) is None


@pytest.mark.parametrize(
    "values",
    [
        {"bull_min_drop_pct": 4.0},
        {"min_drop_pct": 6.0},
        {"min_age_sessions": 6},
        {"bull_min_drop_pct": float("nan")},
    ],
)
def test_thresholds_that_contradict_each_other_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        DipBuyParameters.model_validate(values)
