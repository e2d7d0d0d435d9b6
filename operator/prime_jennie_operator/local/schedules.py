"""Fire the slots of ScoutSchedules on the run's clock, real or virtual, as a cluster's CronJobs would."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass

import structlog

from prime_jennie.infra.clients.job_service import JobServiceClient
from prime_jennie.infra.clock import CONSUMED_ALL, open_clock
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.slots import SlotRepository
from prime_jennie.infra.outages import OUTAGES, Backoff
from prime_jennie.infra.slot_driver import SlotDriver
from prime_jennie.infra.tasks import end_task
from prime_jennie_operator.local.process import Report
from prime_jennie_operator.local.slot_turns import NAME, SlotTurns
from prime_jennie_operator.resources import ScoutSchedule
from prime_jennie_operator.schedule.slots import named_schedules

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run's clock, rows and services are; `clock_url` is None for the real clock."""

    clock_url: str | None
    database_url: str
    address: Callable[[str], str | None]


class ScheduleRunner:
    """Keeps every slot of the schedules in force: one row and one outcome each, whatever stops in between."""

    def __init__(self, schedules: Sequence[ScoutSchedule], report: Report) -> None:
        self._named = named_schedules(schedules)
        self._report = report
        self._changed = asyncio.Event()
        self._next: Sequence[ScoutSchedule] | None = None
        self._begun = asyncio.Event()

    def follow(self, schedules: Sequence[ScoutSchedule]) -> None:
        """Take schedules that may have changed; what was due until now is decided by the old ones."""
        last = [one.schedule for one in self._named] if self._next is None else list(self._next)
        if last != list(schedules):
            self._next = schedules
            self._changed.set()

    async def until_begun(self, within_secs: float) -> None:
        """Wait until every schedule has been looked at once; not for ever, as the database may be away."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._begun.wait(), within_secs)

    async def run(self, place: Place) -> None:
        """Fire until cancelled; the slots at work go on in their services, and the next runner follows them."""
        async with AsyncExitStack() as stack:
            clock = await stack.enter_async_context(open_clock(place.clock_url))
            db = Database(place.database_url)
            stack.push_async_callback(db.close)
            client = await stack.enter_async_context(JobServiceClient())
            driver = SlotDriver(clock, SlotRepository(db), client, place.address)
            turns = SlotTurns(clock, db, driver, self._report)
            stack.push_async_callback(clock.progress, NAME, CONSUMED_ALL)
            stack.push_async_callback(turns.stop)
            stack.push_async_callback(end_task, asyncio.create_task(turns.tell_position(), name="schedules' position"))
            await self.fire(turns)

    async def fire(self, turns: SlotTurns) -> None:
        """Take turn after turn until cancelled; what interrupts one is told, and it is taken again."""
        backoff, complaint = Backoff(), ""
        while True:
            try:
                next_at = await turns.turn(self._named)
            except OUTAGES as error:
                if complaint != (complaint := f"waiting: {type(error).__name__}: {error}"):
                    self._report(NAME, complaint)
                await backoff.pause()
                continue
            except Exception as error:  # schedules that stand still in silence would be worse than a loud loop
                log.exception("schedules could not be looked at")
                self._report(NAME, f"failed on a bug, trying again: {type(error).__name__}: {error}")
                await asyncio.sleep(Backoff.LONGEST_SECS)
                continue
            backoff.reset()
            complaint = ""
            self._begun.set()
            if self._next is not None:
                self._named, self._next = named_schedules(self._next), None
            else:
                await turns.until(next_at, self._changed)
                self._changed.clear()
