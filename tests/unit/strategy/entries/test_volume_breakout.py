"""VOLUME_BREAKOUT by hand."""

import pytest

from prime_jennie.strategy.entries.volume_breakout import VolumeBreakoutParameters, evaluate
from tests.support.scanning import bar, view

DEFAULTS = VolumeBreakoutParameters()
# A wick of 10,200 in the first of the 19 bars before the last one is the high to beat.
BASE = (bar(10_000, 10_000, high=10_200), *(bar(10_000, 10_000, high=10_100) for _ in range(18)))


@pytest.mark.parametrize(("close", "matches"), [(10_200, False), (10_201, True), (10_150, False)])
def test_a_close_above_the_high_of_the_19_bars_before_matches(close: int, matches: bool) -> None:
    assert (evaluate(view((*BASE, bar(10_000, close)), volume_ratio=3.0), DEFAULTS) is not None) is matches


@pytest.mark.parametrize(("ratio", "matches"), [(2.99, False), (3.0, True), (None, False)])
def test_the_volume_ratio_must_reach_three(ratio: float | None, matches: bool) -> None:
    assert (evaluate(view((*BASE, bar(10_000, 10_300)), volume_ratio=ratio), DEFAULTS) is not None) is matches


def test_a_wick_above_the_high_is_not_enough() -> None:
    assert evaluate(view((*BASE, bar(10_000, 10_100, high=10_900)), volume_ratio=5.0), DEFAULTS) is None


def test_a_high_twenty_bars_ago_does_not_count() -> None:
    bars = (bar(50_000, 50_000), *BASE, bar(10_000, 10_201))
    assert evaluate(view(bars, volume_ratio=3.0), DEFAULTS) is not None


def test_nineteen_bars_are_too_few() -> None:
    assert evaluate(view((*BASE[1:], bar(10_000, 10_300)), volume_ratio=3.0), DEFAULTS) is None


def test_the_reason_says_its_numbers() -> None:
    match = evaluate(view((*BASE, bar(10_000, 10_300)), volume_ratio=3.25), DEFAULTS)
    assert match is not None
    assert match.signal_type == "VOLUME_BREAKOUT"
    assert match.reason == "closed at 10,300 KRW above the 19-bar high 10,200, volume ratio 3.25"
