"""MOMENTUM_CONTINUATION by hand."""

import pytest
from pydantic import ValidationError

from prime_jennie.domain.market import MarketRegime
from prime_jennie.strategy.bars import Bar
from prime_jennie.strategy.entries.momentum_continuation import MomentumContinuationParameters, evaluate
from tests.support.scanning import bar, bars_of, entry, view

DEFAULTS = MomentumContinuationParameters()


def _rise(close: int) -> tuple[Bar, ...]:
    # Fifteen bars at 10,000, then five of which the first opens at 10,000: MA5 10,… is above MA20 as soon as it rises.
    return (
        *bars_of([10_000] * 15),
        bar(10_000, 10_000),
        bar(10_000, 10_000),
        *bars_of([10_000, 10_000]),
        bar(1, close),
    )


@pytest.mark.parametrize(
    ("close", "matches"), [(10_199, False), (10_200, True), (10_350, True), (10_500, True), (10_501, False)]
)
def test_two_to_five_percent_over_five_bars_go_on(close: int, matches: bool) -> None:
    assert (evaluate(view(_rise(close)), DEFAULTS) is not None) is matches


@pytest.mark.parametrize("regime", list(MarketRegime))
def test_only_in_a_bull_market(regime: MarketRegime) -> None:
    assert (evaluate(view(_rise(10_300), regime=regime), DEFAULTS) is not None) is regime.is_bull


@pytest.mark.parametrize(("llm", "matches"), [(64.9, False), (65.0, True)])
def test_only_with_a_good_analysts_score(llm: float, matches: bool) -> None:
    assert (evaluate(view(_rise(10_300), entry=entry(llm_score=llm)), DEFAULTS) is not None) is matches


def test_the_short_average_must_stand_above_the_long_one() -> None:
    # From 11,000 down to 10,000 and 3 % up again: MA5 10,060 is under MA20 10,765.
    falling = (*bars_of([11_000] * 15), *bars_of([10_000] * 4), bar(10_000, 10_300))
    assert evaluate(view(falling), DEFAULTS) is None


def test_nineteen_bars_are_too_few() -> None:
    assert evaluate(view(_rise(10_300)[1:]), DEFAULTS) is None
    assert evaluate(view(()), DEFAULTS) is None


def test_the_reason_says_its_numbers() -> None:
    match = evaluate(view(_rise(10_300)), DEFAULTS)
    assert match is not None
    assert match.signal_type == "MOMENTUM_CONTINUATION"
    assert match.reason == "up 3.00 % over 5 bars, 10,000 to 10,300 KRW, MA5 10,060.0 above MA20 10,015.0, llm 70"


def test_thresholds_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValidationError, match="must not exceed"):
        MomentumContinuationParameters(min_change_pct=6)
