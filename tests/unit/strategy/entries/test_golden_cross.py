"""GOLDEN_CROSS by hand."""

import pytest

from prime_jennie.domain.market import MarketRegime
from prime_jennie.strategy.entries.golden_cross import GoldenCrossParameters, evaluate
from tests.support.scanning import bars_of, view

# 20 closes of 10,000, then 10,100. Before: MA5 = MA20 = 10,000. Now: MA5 = (4 × 10,000 + 10,100) ÷ 5 = 10,020 and
# MA20 = (19 × 10,000 + 10,100) ÷ 20 = 10,005: crossed, from touching.
CROSSING = bars_of([10_000] * 20 + [10_100])
DEFAULTS = GoldenCrossParameters()


def test_a_cross_on_volume_matches_and_says_its_numbers() -> None:
    match = evaluate(view(CROSSING, volume_ratio=1.5), DEFAULTS)
    assert match is not None
    assert match.signal_type == "GOLDEN_CROSS"
    for number in ("10,020.0", "10,005.0", "1.50"):
        assert number in match.reason


@pytest.mark.parametrize("ratio", [1.49, None])
def test_too_little_or_unknown_volume_does_not_match(ratio: float | None) -> None:
    assert evaluate(view(CROSSING, volume_ratio=ratio), DEFAULTS) is None


@pytest.mark.parametrize("regime", list(MarketRegime))
def test_only_bull_and_sideways_markets_match(regime: MarketRegime) -> None:
    matched = evaluate(view(CROSSING, volume_ratio=2.0, regime=regime), DEFAULTS) is not None
    assert matched is (regime in {"STRONG_BULL", "BULL", "SIDEWAYS"})


def test_twenty_bars_are_one_too_few() -> None:
    assert evaluate(view(CROSSING[1:], volume_ratio=2.0), DEFAULTS) is None


def test_averages_that_had_crossed_before_do_not_match_again() -> None:
    later = bars_of([10_000] * 20 + [10_100, 10_200])
    assert evaluate(view(later, volume_ratio=2.0), DEFAULTS) is None


def test_touching_is_no_cross() -> None:
    assert evaluate(view(bars_of([10_000] * 21), volume_ratio=2.0), DEFAULTS) is None


def test_a_cross_downward_does_not_match() -> None:
    assert evaluate(view(bars_of([10_000] * 20 + [9_900]), volume_ratio=2.0), DEFAULTS) is None


def test_the_volume_threshold_is_a_parameter() -> None:
    assert evaluate(view(CROSSING, volume_ratio=1.2), GoldenCrossParameters(min_volume_ratio=1.2)) is not None
