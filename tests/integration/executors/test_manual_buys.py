"""What a person asks for: the number of shares, within the caps of the strategy."""

import pytest

from prime_jennie.domain.signals import SignalType
from prime_jennie.domain.tiers import TradeTier
from tests.support.executors import SAMSUNG, Floor

BY_HAND = {"signal_type": SignalType.MANUAL, "source": "manual", "trade_tier": TradeTier.TIER2}


@pytest.mark.parametrize(("asked", "bought"), [(7, 7), (500, 83)])  # 12 % of 50,000,000 are 83 shares at 72,100
async def test_a_person_gets_the_shares_asked_for_or_what_the_caps_allow(floor: Floor, asked: int, bought: int) -> None:
    async with floor.running(await floor.buyer()):
        outcome, reason = await floor.finished(await floor.signal(quantity=asked, **BY_HAND))
    assert (outcome, reason.split(" ")[0]) == ("bought", str(bought))
    position = (await floor.positions())[SAMSUNG]
    assert (position.quantity, position.entry_signal) == (bought, "MANUAL")
