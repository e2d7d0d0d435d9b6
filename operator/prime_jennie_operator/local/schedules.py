"""Fire the slots of ScoutSchedules in a local run, as a cluster's CronJobs would."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.clients.job_service import JobServiceClient
from prime_jennie.infra.clock import CONSUMED_ALL, open_clock
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.slots import SlotRepository
from prime_jennie.infra.slot_driver import SlotDriver
from prime_jennie.infra.tasks import end_task
from prime_jennie_operator.firing.runner import ScheduleRunner
from prime_jennie_operator.firing.turns import NAME, SlotTurns
from prime_jennie_operator.local.process import Report


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run's clock, rows, services and closures are; `clock_url` is None for the real clock."""

    clock_url: str | None
    database_url: str
    address: Callable[[str], str | None]
    closures: Path | None = None


async def fire_here(runner: ScheduleRunner, place: Place, report: Report) -> None:
    """Fire until cancelled; the slots at work go on in their services, and the next runner follows them."""
    async with AsyncExitStack() as stack:
        clock = await stack.enter_async_context(open_clock(place.clock_url))
        db = Database(place.database_url)
        stack.push_async_callback(db.close)
        client = await stack.enter_async_context(JobServiceClient())
        driver = SlotDriver(clock, SlotRepository(db), client, place.address)
        turns = SlotTurns(
            clock,
            db,
            driver,
            sessions=lambda calendar: load_sessions(calendar, place.closures),
            tell=lambda slot: report(NAME, f"{slot.name} {slot.state}: {slot.reason}"),
        )
        stack.push_async_callback(clock.progress, NAME, CONSUMED_ALL)
        stack.push_async_callback(turns.stop)
        stack.push_async_callback(end_task, asyncio.create_task(turns.tell_position(), name="schedules' position"))
        await runner.fire(turns)
