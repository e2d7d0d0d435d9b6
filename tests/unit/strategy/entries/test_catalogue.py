"""The catalogue: what a TradingStrategy switches on, in which order, with which parameters."""

import pytest

from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.signals import SignalType
from prime_jennie.domain.trading_strategy import EntrySpec
from prime_jennie.strategy.entries.catalogue import RULES, catalogue_of
from prime_jennie.strategy.entries.golden_cross import GoldenCrossParameters
from prime_jennie.strategy.entries.rule import EntryParameters
from tests.support.scanning import bars_of, view

GOLDEN_CROSS, MOMENTUM, DIP_BUY, VOLUME_BREAKOUT = (
    SignalType.GOLDEN_CROSS,
    SignalType.MOMENTUM,
    SignalType.DIP_BUY,
    SignalType.VOLUME_BREAKOUT,
)

# Matches every rule at once in a SIDEWAYS market: +3 % in the last bar crosses the averages, is momentum and a
# breakout; only DIP_BUY looks the other way.
EVERYTHING = view(bars_of([10_000] * 20 + [10_300]), volume_ratio=5.0, regime=MarketRegime.SIDEWAYS)


def test_an_empty_list_means_the_rulebooks_strategies_in_its_order() -> None:
    """RSI_REBOUND, WATCHLIST_CONVICTION and ORB_BREAKOUT run only where a person lists them."""
    continuation = SignalType.MOMENTUM_CONTINUATION
    assert catalogue_of([]).active == (GOLDEN_CROSS, continuation, MOMENTUM, DIP_BUY, VOLUME_BREAKOUT)


def test_every_strategy_runs_where_it_is_listed_in_the_rulebooks_order() -> None:
    listed = [EntrySpec(name=name) for name in SignalType if name is not SignalType.MANUAL]
    assert catalogue_of(listed).active == (
        SignalType.WATCHLIST_CONVICTION,
        SignalType.ORB_BREAKOUT,
        GOLDEN_CROSS,
        SignalType.MOMENTUM_CONTINUATION,
        MOMENTUM,
        DIP_BUY,
        SignalType.RSI_REBOUND,
        VOLUME_BREAKOUT,
    )


def test_the_order_of_evaluation_is_the_rulebooks_whatever_order_a_person_writes() -> None:
    specs = [EntrySpec(name=name) for name in (VOLUME_BREAKOUT, MOMENTUM, GOLDEN_CROSS)]
    catalogue = catalogue_of(specs)
    assert catalogue.active == (GOLDEN_CROSS, MOMENTUM, VOLUME_BREAKOUT)
    match = catalogue.first_match(EVERYTHING)
    assert match is not None
    assert match.signal_type is GOLDEN_CROSS


@pytest.mark.parametrize(
    ("names", "first"),
    [((MOMENTUM, VOLUME_BREAKOUT), MOMENTUM), ((DIP_BUY, VOLUME_BREAKOUT), VOLUME_BREAKOUT), ((DIP_BUY,), None)],
)
def test_the_first_match_wins(names: tuple[SignalType, ...], first: SignalType | None) -> None:
    match = catalogue_of([EntrySpec(name=name) for name in names]).first_match(EVERYTHING)
    assert (match.signal_type if match else None) is first


def test_disabled_strategies_are_not_active_and_the_active_set_is_the_true_one() -> None:
    """✗ the seeds list RSI_REBOUND as active while an ancestor had it switched off: report what truly runs."""
    specs = [
        EntrySpec(name=GOLDEN_CROSS),
        EntrySpec(name=MOMENTUM, enabled=False),
        EntrySpec(name=SignalType.RSI_REBOUND, enabled=False),
    ]
    assert catalogue_of(specs).active == (GOLDEN_CROSS,)


def test_switching_everything_off_leaves_nothing() -> None:
    catalogue = catalogue_of([EntrySpec(name=GOLDEN_CROSS, enabled=False)])
    assert catalogue.active == ()
    assert catalogue.first_match(EVERYTHING) is None


def test_parameters_reach_their_strategy() -> None:
    catalogue = catalogue_of([EntrySpec(name=GOLDEN_CROSS, parameters={"minVolumeRatio": 6})])
    assert catalogue.entries[0].parameters == GoldenCrossParameters(min_volume_ratio=6)
    assert catalogue.first_match(EVERYTHING) is None


@pytest.mark.parametrize(
    ("spec", "field", "reason"),
    [
        (EntrySpec(name=MOMENTUM, parameters={"minChange": 1}), "parameters.minChange", "minChangePct, maxChangePct"),
        (EntrySpec(name=MOMENTUM, parameters={"minChangePct": 0}), "parameters.minChangePct", "greater than 0"),
        (EntrySpec(name=MOMENTUM, parameters={"minChangePct": 9}), "parameters", "must not exceed"),
        (EntrySpec(name=DIP_BUY, parameters={"minAgeSessions": 1.5}), "parameters.minAgeSessions", "integer"),
        (EntrySpec(name=SignalType.RSI_REBOUND, parameters={"level": 30}), "parameters.level", "sidewaysLevel"),
        (EntrySpec(name=MOMENTUM, enabled=False, parameters={"x": 1}), "parameters.x", "MOMENTUM knows"),
    ],
)
def test_what_a_strategy_does_not_know_is_refused_with_its_place(spec: EntrySpec, field: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason) as refused:
        catalogue_of([EntrySpec(name=GOLDEN_CROSS), spec])
    assert refused.value.where == "spec.entries[1]"
    assert refused.value.field == field


def test_a_strategy_listed_twice_is_refused() -> None:
    with pytest.raises(BadInput, match="listed twice"):
        catalogue_of([EntrySpec(name=MOMENTUM), EntrySpec(name=MOMENTUM, enabled=False)])


def test_every_rule_has_a_description_for_each_parameter() -> None:
    for rule in RULES:
        parameters: type[EntryParameters] = rule.parameters
        assert all(field.description for field in parameters.model_fields.values())
