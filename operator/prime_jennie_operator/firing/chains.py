"""The slots at work: side by side, one after the other, or the new one instead of the old."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, Protocol

import structlog

from prime_jennie.domain.ports import Clock
from prime_jennie.domain.slots import Concurrency, Slot, SlotState
from prime_jennie.infra.database.repositories.slots import SlotKey
from prime_jennie.infra.slot_driver import SlotOrder
from prime_jennie.infra.tasks import end_task, end_tasks
from prime_jennie_operator.firing.decided import ScheduleKey

BEGIN_WITHIN_SECS: Final = 10.0  # real

log = structlog.get_logger(__name__)


class Driver(Protocol):
    """Brings one slot to its outcome; where it dies in between, the next one goes on where the slot stands."""

    async def drive(self, order: SlotOrder, begun: Callable[[], None] = ...) -> Slot:
        """Return the finished slot, and call `begun` as soon as nobody need wait for its beginning any more."""

    async def end(self, order: SlotOrder, state: SlotState, reason: str) -> Slot:
        """Write the outcome of a slot that will not run (again); one that somebody runs meanwhile is followed."""


class SlotChains:
    """Drives orders, those of one schedule as its concurrencyPolicy says.

    `write` gives a slot that does not run its outcome, `tell` hears of every other one. `is_over` reads the row:
    whoever drives a slot learns of its end some moments after it.
    """

    def __init__(
        self,
        clock: Clock,
        driver: Driver,
        write: Callable[[SlotKey, SlotState, str], Awaitable[None]],
        tell: Callable[[Slot], None],
        is_over: Callable[[SlotOrder], Awaitable[bool]],
    ) -> None:
        self._clock = clock
        self._driver = driver
        self._is_over = is_over
        self._write = write
        self._tell = tell
        self._orders: dict[ScheduleKey, dict[str, SlotOrder]] = {}
        self._tasks: dict[ScheduleKey, list[asyncio.Task[None]]] = {}

    def at_work(self, key: ScheduleKey) -> list[SlotOrder]:
        """Return a schedule's slots without an outcome, in the order in which they were begun."""
        return list(self._orders.get(key, {}).values())

    async def begin(self, key: ScheduleKey, orders: list[SlotOrder]) -> None:
        """Take a schedule's new orders, oldest first; return once the day is held for them or they need not wait."""
        policy, busy = orders[0].concurrency, [one for one in self.at_work(key) if not await self._is_over(one)]
        if busy and policy is Concurrency.FORBID:
            names = ", ".join(order.key.name for order in busy)
            for order in orders:
                await self._write(order.key, SlotState.SKIPPED, f"{names} has not ended (concurrencyPolicy Forbid)")
            return
        if busy and policy is Concurrency.REPLACE:
            await self._let_go(key, by=orders[-1].key.name)
        for group in [[order] for order in orders] if policy is Concurrency.ALLOW else [orders]:
            await self._start(key, group)

    async def stop(self) -> None:
        """Stop driving; what runs goes on in its service."""
        await end_tasks([task for tasks in self._tasks.values() for task in tasks])

    async def _let_go(self, key: ScheduleKey, *, by: str) -> None:
        """Give up what waits for its turn or its next attempt; what runs is ended by the new slot's trigger."""
        replaced = self.at_work(key)
        await end_tasks(self._tasks.pop(key, []))
        for order in replaced:
            await self._write(order.key, SlotState.FAILED, f"replaced by {by}")

    async def _start(self, key: ScheduleKey, orders: list[SlotOrder]) -> None:
        self._orders.setdefault(key, {}).update({order.key.name: order for order in orders})
        begun = asyncio.Event()
        chain = asyncio.create_task(self._drive(key, orders, begun.set), name=f"drive {orders[0].key.name}")
        self._tasks[key] = [task for task in self._tasks.get(key, []) if not task.done()] + [chain]
        waiting = asyncio.create_task(begun.wait())
        try:
            await asyncio.wait([waiting, chain], timeout=BEGIN_WITHIN_SECS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end_task(waiting)

    async def _drive(self, key: ScheduleKey, orders: list[SlotOrder], begun: Callable[[], None]) -> None:
        came_at = self._clock.now()
        try:
            for order in orders:
                waited = self._clock.now() - came_at  # for those before it, which is no fault of its own
                await self._drive_one(replace(order, give_up_at=order.give_up_at + waited), begun)
                self._orders[key].pop(order.key.name, None)
        finally:
            for order in orders:
                self._orders[key].pop(order.key.name, None)

    async def _drive_one(self, order: SlotOrder, begun: Callable[[], None]) -> None:
        try:
            slot = await self._driver.drive(order, begun)
        except Exception as error:  # a bug costs its slot, not the schedule
            log.exception("slot could not be driven", slot=order.key.name)
            slot = await self._driver.end(
                order, SlotState.FAILED, f"could not be driven: {type(error).__name__}: {error}"
            )
        self._tell(slot)
