"""What a person asks for: no score gate, its own quantity, but every halt for buys and none for sells."""

import pytest

from prime_jennie.domain.risk import Halt, HaltSource, HaltState
from prime_jennie.domain.signals import SellReason, SignalType
from prime_jennie.domain.tiers import TradeTier
from prime_jennie.infra.halts import HaltDesk
from tests.support.executors import NOON, SAMSUNG, Floor
from tests.support.sql_gateway import ACCOUNT, STRATEGY

BY_HAND = {
    "source": "manual",
    "signal_type": SignalType.MANUAL,
    "llm_score": 20,
    "hybrid_score": 20,
    "trade_tier": TradeTier.TIER2,
}


async def halt(floor: Floor, state: HaltState) -> None:
    halts = HaltDesk(floor.redis, floor.db, ACCOUNT)
    await halts.set(STRATEGY, Halt(state=state, source=HaltSource.RISK, who="risk-engine", why="test", at=NOON))


async def test_a_person_buys_what_scores_would_refuse_in_the_quantity_asked_for(floor: Floor) -> None:
    async with floor.running(await floor.buyer()):
        assert (await floor.finished(await floor.signal(hybrid_score=20)))[0] == "refused"
        outcome, reason = await floor.finished(await floor.signal(**BY_HAND, quantity=7))
    assert (outcome, reason[:8]) == ("bought", "7 shares")
    assert (await floor.positions())[SAMSUNG].quantity == 7


@pytest.mark.parametrize("state", [HaltState.PAUSED, HaltState.STOPPED])
async def test_a_halt_refuses_a_persons_buy_and_passes_a_persons_sale(floor: Floor, state: HaltState) -> None:
    async with floor.running(await floor.buyer()):
        assert (await floor.finished(await floor.signal(quantity=7)))[0] == "bought"
        await halt(floor, state)
        refused = await floor.finished(await floor.signal(**BY_HAND, quantity=1))
    assert refused == ("refused", f"halt: trading is {state.value}")
    async with floor.running(await floor.seller()):
        assert (await floor.finished(await floor.sell(sell_reason=SellReason.MANUAL, quantity=7)))[0] == "sold"


async def test_a_full_stop_refuses_a_stop_loss_and_passes_a_forced_sale(floor: Floor) -> None:
    async with floor.running(await floor.buyer()):
        assert (await floor.finished(await floor.signal(quantity=7)))[0] == "bought"
    await halt(floor, HaltState.STOPPED)
    async with floor.running(await floor.seller()):
        stopped = await floor.finished(await floor.sell(sell_reason=SellReason.STOP_LOSS, quantity=7))
        assert stopped == ("refused", "halt: trading is Stopped: STOP_LOSS is an automatic exit")
        forced = await floor.finished(await floor.sell(sell_reason=SellReason.FORCED_LIQUIDATION, quantity=7))
    assert forced[0] == "sold"
