"""MOMENTUM by hand."""

import pytest
from pydantic import ValidationError

from prime_jennie.domain.market import MarketRegime
from prime_jennie.strategy.bars import Bar
from prime_jennie.strategy.entries.momentum import MomentumParameters, evaluate
from tests.support.scanning import bar, bars_of, view

DEFAULTS = MomentumParameters()


def _rise(end: int) -> tuple[Bar, ...]:
    # The fifth-last bar opens at 10,000; what stood before it does not matter.
    return (bar(5_000, 5_000), bar(10_000, 10_010), *(bar(10_010, 10_010) for _ in range(3)), bar(10_010, end))


@pytest.mark.parametrize(
    ("end", "matches"),
    [(10_149, False), (10_150, True), (10_400, True), (10_700, True), (10_701, False), (9_800, False)],
)
def test_a_rise_of_one_and_a_half_to_seven_percent_matches(end: int, matches: bool) -> None:
    assert (evaluate(view(_rise(end)), DEFAULTS) is not None) is matches


def test_the_rise_is_measured_from_the_open_of_the_fifth_last_bar_to_the_last_close() -> None:
    # Open 10,000 but close 10,300 in the fifth-last bar; last close 10,200: +2 % from the open.
    bars = (bar(10_000, 10_300), bar(10_300, 10_300), bar(10_300, 10_300), bar(10_300, 10_300), bar(10_300, 10_200))
    match = evaluate(view(bars), DEFAULTS)
    assert match is not None
    assert match.signal_type == "MOMENTUM"
    assert "2.00 %" in match.reason
    assert "10,000 to 10,200" in match.reason


def test_four_bars_are_too_few() -> None:
    assert evaluate(view(bars_of([10_000, 10_000, 10_000, 10_300])), DEFAULTS) is None


@pytest.mark.parametrize("regime", list(MarketRegime))
def test_every_regime_will_do(regime: MarketRegime) -> None:
    assert evaluate(view(_rise(10_300), regime=regime), DEFAULTS) is not None


def test_the_thresholds_are_parameters_and_keep_their_order() -> None:
    assert evaluate(view(_rise(10_100)), MomentumParameters(min_change_pct=1.0)) is not None
    with pytest.raises(ValidationError, match="must not exceed"):
        MomentumParameters(min_change_pct=5, max_change_pct=4)
