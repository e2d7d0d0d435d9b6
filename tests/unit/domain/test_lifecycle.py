"""The day's states, and which may follow which."""

from itertools import product

import pytest

from prime_jennie.domain.lifecycle import BlockCode, BuyBlock, MarketState, OpeningStep

ALLOWED = {
    ("OFFLINE", "INITIALIZING"),
    ("INITIALIZING", "READY"),
    ("READY", "TRADING"),
    ("READY", "CLOSING"),
    ("TRADING", "CLOSING"),
    ("CLOSING", "CLOSED"),
    ("CLOSED", "INITIALIZING"),
    ("STOPPED", "INITIALIZING"),
    ("STOPPED", "OFFLINE"),
} | {(state.value, "STOPPED") for state in MarketState if state is not MarketState.STOPPED}


@pytest.mark.parametrize(("before", "after"), list(product(MarketState, MarketState)))
def test_a_state_becomes_only_what_the_rulebook_allows(before: MarketState, after: MarketState) -> None:
    assert before.can_become(after) is ((before.value, after.value) in ALLOWED)


def test_buys_are_possible_in_ready_and_trading_only() -> None:
    assert [state for state in MarketState if state.allows_buys] == [MarketState.READY, MarketState.TRADING]


def test_the_opening_has_nine_steps_and_recovers_before_it_looks_at_risk() -> None:
    steps = list(OpeningStep)
    assert len(steps) == 9
    assert steps.index(OpeningStep.AUTHENTICATE) < steps.index(OpeningStep.RECOVER) < steps.index(OpeningStep.RISK)


def test_a_block_says_why() -> None:
    with pytest.raises(ValueError, match="why"):
        BuyBlock(code=BlockCode.QUOTES_STALE, why="")
