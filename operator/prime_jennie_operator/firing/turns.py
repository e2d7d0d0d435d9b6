"""Decide about every slot since the last look, and know when to look again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, Final

from prime_jennie.domain.ports import Clock
from prime_jennie.domain.slots import Concurrency, Slot, SlotSource, SlotState
from prime_jennie.infra.clock import CONSUMED_ALL
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.configs import ConfigRepository
from prime_jennie.infra.database.repositories.slots import SlotKey, SlotRepository
from prime_jennie.infra.slot_driver import SlotOrder
from prime_jennie.infra.tasks import end_tasks
from prime_jennie.infra.upcoming_slots import UpcomingSlots
from prime_jennie_operator.firing.chains import Driver, SlotChains
from prime_jennie_operator.firing.decided import DecidedUpto, ScheduleKey, key_of
from prime_jennie_operator.resources import ScoutSchedule
from prime_jennie_operator.schedule.calendars import Sessions
from prime_jennie_operator.schedule.needs import needs_of
from prime_jennie_operator.schedule.plan import Decision, decide
from prime_jennie_operator.schedule.slots import INSTANT, next_slot, slots_between

NAME: Final = "schedules"
TELL_POSITION_SECS: Final = 5.0  # real; the leader believes a position for 20 s


def hear_nothing(_key: ScheduleKey) -> None:
    return


class SlotTurns:
    """Looks at all schedules again and again; each turn decides about every slot since the one before.

    `driver` brings those that run to their outcomes, here or elsewhere; `tell` hears every outcome, `due` the schedules
    whose minute has come. In a virtual day this is a consumer of the clock whose position is the next slot: the leader
    waits there, so that the day cannot run past a slot that is not yet begun.
    """

    def __init__(
        self,
        clock: Clock,
        db: Database,
        driver: Driver,
        *,
        sessions: Sessions,
        tell: Callable[[Slot], None],
        due: Callable[[ScheduleKey], None] = hear_nothing,
    ) -> None:
        self._clock = clock
        self._slots = SlotRepository(db)
        self._decided = DecidedUpto(ConfigRepository(db))
        self._upcoming = UpcomingSlots(db)
        self._chains = SlotChains(clock, driver, self._write, tell, self._is_over)
        self._sessions = sessions
        self._tell = tell
        self._due = due
        self._position = CONSUMED_ALL

    async def turn(self, schedules: Sequence[ScoutSchedule], paused: Collection[ScheduleKey] = ()) -> datetime | None:
        """Decide about all slots up to now; return when the next one is, None where there is none within a year.

        Those of a `paused` schedule stay undecided until it is no more.
        """
        now = self._clock.now()
        await self._decided.load()
        acting = {key_of(one): one for one in schedules if key_of(one) not in paused}
        async with self._clock.hold(NAME):
            for key, one in acting.items():
                await self._look_at(one, schedules, self._decided.since(key, now), now)
            upto = {key: self._upto(key, now) for key in acting} | {
                key: self._decided.since(key, now) for key in paused
            }
            await self._decided.write(upto, now)
            ahead = {slot.name: slot.at for one in acting.values() if (slot := next_slot(one, now, self._sessions))}
            self._position = min(ahead.values(), default=CONSUMED_ALL)
            await self._clock.progress(NAME, self._position)
            await self._upcoming.write(ahead, who=NAME, at=now)
        return min(ahead.values(), default=None)

    async def until(self, when: datetime | None, changed: asyncio.Event) -> None:
        """Wait for the next slot's minute, or for other schedules."""
        waits: list[asyncio.Task[Any]] = [asyncio.create_task(changed.wait())]
        if when is not None:
            waits.append(asyncio.create_task(_sleep_until(self._clock, when)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end_tasks(waits)

    async def tell_position(self) -> None:
        """Keep the virtual day's leader believing how far this runner is, until cancelled."""
        while True:
            await asyncio.sleep(TELL_POSITION_SECS)
            await self._clock.progress(NAME, self._position)

    async def stop(self) -> None:
        """Let go of the slots at work, as they are."""
        await self._chains.stop()

    def _upto(self, key: ScheduleKey, now: datetime) -> datetime:
        """Return up to when all is decided: the minute of a slot at work is not behind us yet."""
        return min((order.key.at - INSTANT for order in self._chains.at_work(key)), default=now)

    async def _look_at(
        self, one: ScoutSchedule, beside: Sequence[ScoutSchedule], since: datetime, now: datetime
    ) -> None:
        key = key_of(one)
        busy = {order.key.name for order in self._chains.at_work(key)}
        due = [slot for slot in slots_between(one, since, now, self._sessions) if slot.name not in busy]
        if not due:
            return
        self._due(key)
        rows = await self._slots.of_names(one.metadata.namespace, [slot.name for slot in due])
        unfinished = [slot for slot in due if slot.name in rows and not rows[slot.name].is_finished]
        decisions = decide(one, [slot for slot in due if slot.name not in rows], now)
        decisions += [Decision(slot, slot.at + one.spec.deadline_span) for slot in unfinished]
        orders = []
        for decision in sorted(decisions, key=lambda d: d.slot.at):
            order = self._order(one, decision, beside)
            if isinstance(order, SlotOrder):
                orders.append(order)
            else:
                await self._write(_slot_key(one, decision), *order)
        if orders:
            await self._chains.begin(key, orders)

    def _order(
        self, one: ScoutSchedule, decision: Decision, beside: Sequence[ScoutSchedule]
    ) -> SlotOrder | tuple[SlotState, str]:
        """Say how to run the slot, or its outcome where it will not run."""
        if decision.outcome is not None or decision.give_up_at is None:
            return decision.outcome or SlotState.SKIPPED, decision.reason
        needs = needs_of(one, decision.slot.at, beside, self._sessions)
        if isinstance(needs, str):
            return SlotState.SKIPPED, needs
        spec = one.spec
        return SlotOrder(
            key=_slot_key(one, decision),
            give_up_at=decision.give_up_at,
            within=spec.deadline,
            attempts=spec.retries.attempts,
            wait=spec.retries.wait,
            concurrency=Concurrency(spec.concurrency_policy),
            parameters=spec.parameters,
            needs=needs,
        )

    async def _is_over(self, order: SlotOrder) -> bool:
        row = await self._slots.get(order.key.namespace, order.key.name)
        return row is not None and order.is_over(row)

    async def _write(self, key: SlotKey, state: SlotState, reason: str) -> None:
        self._tell(
            await self._slots.record(key, source=SlotSource.SCHEDULE, state=state, reason=reason, now=self._clock.now())
        )


def _slot_key(one: ScoutSchedule, decision: Decision) -> SlotKey:
    slot = decision.slot
    return SlotKey(one.metadata.namespace, slot.name, one.spec.runs, slot.at, one.name)


async def _sleep_until(clock: Clock, when: datetime) -> None:
    await clock.sleep_until(when)
