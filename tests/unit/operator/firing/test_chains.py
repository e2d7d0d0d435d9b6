"""Slots of one schedule side by side or one after the other, as its concurrencyPolicy says."""

import asyncio
from collections.abc import Callable

from prime_jennie.domain.slots import Concurrency, Slot, SlotState
from prime_jennie.infra.database.repositories.slots import SlotKey
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.slot_driver import SlotOrder
from prime_jennie_operator.firing.chains import SlotChains
from tests.support.schedules import kst, schedule
from tests.support.slot_jobs import order_of

SCOUT = ("default", "scout")
FIRST, SECOND = "scout-20260219-0830", "scout-20260219-0930"


class SlowDriver:
    """Has not noticed yet how any of its slots has ended."""

    def __init__(self) -> None:
        self.begun: list[str] = []

    async def drive(self, order: SlotOrder, begun: Callable[[], None] = lambda: None) -> Slot:
        self.begun.append(order.key.name)
        begun()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def end(self, order: SlotOrder, state: SlotState, reason: str) -> Slot:
        raise AssertionError(f"{order.key.name} {state}: {reason}")


async def lived(*, first_is_over: bool) -> tuple[list[str], list[tuple[str, str]]]:
    """Begin two slots of a schedule that forbids two at once; return which began, and what the others came to."""
    driver, written = SlowDriver(), list[tuple[str, str]]()

    async def write(key: SlotKey, _state: SlotState, reason: str) -> None:
        written.append((key.name, reason))

    async def is_over(order: SlotOrder) -> bool:
        return first_is_over and order.key.name == FIRST

    chains = SlotChains(ManualClock(kst("08:30"), virtual=True), driver, write, lambda _slot: None, is_over)
    for slot in (FIRST, SECOND):
        await chains.begin(SCOUT, [order_of(schedule(), slot, concurrency=Concurrency.FORBID)])
    await chains.stop()
    return driver.begun, written


async def test_a_slot_is_skipped_while_the_one_before_is_at_work() -> None:
    begun, written = await lived(first_is_over=False)
    assert begun == [FIRST]
    assert written == [(SECOND, f"{FIRST} has not ended (concurrencyPolicy Forbid)")]


async def test_a_slot_whose_end_nobody_here_has_noticed_yet_is_not_at_work() -> None:
    begun, written = await lived(first_is_over=True)
    assert begun == [FIRST, SECOND]
    assert written == []
