"""Decide about every slot since the last look, and know when to look again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from prime_jennie.domain.ports import Clock
from prime_jennie.domain.sessions import KST, kst_midnight
from prime_jennie.domain.slots import Concurrency, Slot, SlotSource, SlotState
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.clock import CONSUMED_ALL
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.configs import ConfigRepository
from prime_jennie.infra.database.repositories.slots import SlotKey, SlotRepository
from prime_jennie.infra.slot_driver import Need, SlotDriver, SlotOrder
from prime_jennie.infra.tasks import end_tasks
from prime_jennie.infra.upcoming_slots import UpcomingSlots
from prime_jennie_operator.local.decided import DecidedUpto, Key
from prime_jennie_operator.local.process import Report
from prime_jennie_operator.local.slot_chains import SlotChains
from prime_jennie_operator.schedule.plan import Decision, decide
from prime_jennie_operator.schedule.slots import INSTANT, NamedSchedule, next_slot, slots_between

NAME: Final = "schedules"
TELL_POSITION_SECS: Final = 5.0  # real; the leader believes a position for 20 s


class SlotTurns:
    """Looks at all schedules again and again; each turn decides about every slot since the one before.

    In a virtual day this is a consumer of the clock whose position is the next slot: the leader waits there, so that
    the day cannot run past a slot that is not yet begun.
    """

    def __init__(self, clock: Clock, db: Database, driver: SlotDriver, report: Report) -> None:
        self._clock = clock
        self._slots = SlotRepository(db)
        self._decided = DecidedUpto(ConfigRepository(db))
        self._upcoming = UpcomingSlots(db)
        self._chains = SlotChains(clock, driver, self._write, self._tell)
        self._report = report
        self._position = CONSUMED_ALL

    async def turn(self, named: Sequence[NamedSchedule]) -> datetime | None:
        """Decide about all slots up to now; return when the next one is, None where there is none within a year."""
        now = self._clock.now()
        await self._decided.load()
        every = {_key(one): one for one in named}
        async with self._clock.hold(NAME):
            for key, one in every.items():
                await self._look_at(one, every, self._decided.since(key, now), now)
            await self._decided.write({key: self._upto(key, now) for key in every}, now)
            ahead = {slot.name: slot.at for one in named if (slot := next_slot(one, now, load_sessions))}
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

    def _upto(self, key: Key, now: datetime) -> datetime:
        """Return up to when all is decided: the minute of a slot at work is not behind us yet."""
        return min((order.key.at - INSTANT for order in self._chains.at_work(key)), default=now)

    async def _look_at(
        self, one: NamedSchedule, every: Mapping[Key, NamedSchedule], since: datetime, now: datetime
    ) -> None:
        busy = {order.key.name for order in self._chains.at_work(_key(one))}
        due = [slot for slot in slots_between(one, since, now, load_sessions) if slot.name not in busy]
        if not due:
            return
        rows = await self._slots.of_names(one.schedule.metadata.namespace, [slot.name for slot in due])
        unfinished = [slot for slot in due if slot.name in rows and not rows[slot.name].is_finished]
        decisions = decide(one.schedule, [slot for slot in due if slot.name not in rows], now)
        decisions += [Decision(slot, slot.at + one.schedule.spec.deadline_span) for slot in unfinished]
        orders = []
        for decision in sorted(decisions, key=lambda d: d.slot.at):
            order = _order(one, decision, every)
            if isinstance(order, SlotOrder):
                orders.append(order)
            else:
                await self._write(_slot_key(one, decision), *order)
        if orders:
            await self._chains.begin(_key(one), orders)

    async def _write(self, key: SlotKey, state: SlotState, reason: str) -> None:
        slot = await self._slots.record(
            key, source=SlotSource.SCHEDULE, state=state, reason=reason, now=self._clock.now()
        )
        self._tell(slot)

    def _tell(self, slot: Slot) -> None:
        self._report(NAME, f"{slot.name} {slot.state}: {slot.reason}")


def _order(
    one: NamedSchedule, decision: Decision, every: Mapping[Key, NamedSchedule]
) -> SlotOrder | tuple[SlotState, str]:
    """Say how to run the slot, or its outcome where it will not run."""
    spec = one.schedule.spec
    if decision.outcome is not None or decision.give_up_at is None:
        return decision.outcome or SlotState.SKIPPED, decision.reason
    needs: list[Need] = []
    for name in spec.depends_on:
        need = _need(every.get((one.schedule.metadata.namespace, name)), name, decision.slot.at)
        if isinstance(need, str):
            return SlotState.SKIPPED, need
        needs.append(need)
    return SlotOrder(
        key=_slot_key(one, decision),
        give_up_at=decision.give_up_at,
        within=spec.deadline,
        attempts=spec.retries.attempts,
        wait=spec.retries.wait,
        concurrency=Concurrency(spec.concurrency_policy),
        parameters=spec.parameters,
        needs=tuple(needs),
    )


def _need(one: NamedSchedule | None, name: str, at: datetime) -> Need | str:
    """Find the latest slot of the same day, this minute included; say what is wrong where there is none."""
    if one is None:
        return f"{name}: there is no such schedule"
    midnight = kst_midnight(at)
    before = slots_between(one, midnight - INSTANT, at, load_sessions)
    if not before:
        return f"{name}: no slot on {at.astimezone(KST):%Y-%m-%d} up to {at.astimezone(KST):%H:%M}"
    return Need(name, before[-1].name, midnight)


def _key(one: NamedSchedule) -> Key:
    return one.schedule.metadata.namespace, one.name


def _slot_key(one: NamedSchedule, decision: Decision) -> SlotKey:
    slot = decision.slot
    return SlotKey(one.schedule.metadata.namespace, slot.name, one.schedule.spec.runs, slot.at, one.name)


async def _sleep_until(clock: Clock, when: datetime) -> None:
    await clock.sleep_until(when)
