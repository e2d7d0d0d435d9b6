"""The momentum family's further bar."""

from datetime import timedelta

import pytest

from prime_jennie.domain.signals import SignalType
from prime_jennie.strategy.confirmation import HeldMatch, discard_reason, hold, needs_confirmation
from prime_jennie.strategy.entries.rule import EntryMatch
from tests.support.scanning import at, view

HELD = HeldMatch(EntryMatch(SignalType.MOMENTUM, "up"), initial_price=10_150, held_at=at("10:00"))


@pytest.mark.parametrize("signal_type", list(SignalType))
def test_only_the_momentum_family_waits(signal_type: SignalType) -> None:
    assert needs_confirmation(signal_type) is (signal_type in {"MOMENTUM", "MOMENTUM_CONTINUATION"})


def test_holding_remembers_the_live_price_and_time() -> None:
    assert hold(HELD.match, view(price=10_150)) == HELD


@pytest.mark.parametrize(("price", "confirmed"), [(10_149, False), (10_150, True), (10_400, True)])
def test_the_further_bar_confirms_at_the_initial_price_or_above(price: int, confirmed: bool) -> None:
    reason = discard_reason(HELD, view(price=price, at=at("10:01")))
    assert (reason is None) is confirmed
    assert confirmed or "10,150 to 10,149" in str(reason)


@pytest.mark.parametrize(("secs", "confirmed"), [(60, True), (180, True), (181, False)])
def test_a_further_bar_after_a_halt_confirms_nothing(secs: int, confirmed: bool) -> None:
    reason = discard_reason(HELD, view(price=11_000, at=at("10:00") + timedelta(seconds=secs)))
    assert (reason is None) is confirmed
