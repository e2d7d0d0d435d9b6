"""The slots of one namespace in a cluster: their rows, their Jobs, and who fires them while this process leads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

import structlog

from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.slots import Slot
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.clock import CONSUMED_ALL
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.slots import SlotRepository
from prime_jennie.infra.slot_driver import SlotOrder
from prime_jennie.infra.tasks import end_tasks
from prime_jennie_operator.dependencies import Dependencies
from prime_jennie_operator.desired.schedule import slot_job
from prime_jennie_operator.firing.book import ScheduleBook, is_paused
from prime_jennie_operator.firing.decided import ScheduleKey, key_of
from prime_jennie_operator.firing.job_driver import JobDriver
from prime_jennie_operator.firing.jobs import JobRefused, KubeSlotJobs
from prime_jennie_operator.firing.runner import ScheduleRunner
from prime_jennie_operator.firing.turns import NAME, SlotTurns
from prime_jennie_operator.manifest import Manifest
from prime_jennie_operator.resources import Backfill, ScoutSchedule
from prime_jennie_operator.schedule.calendars import Sessions

RESTART_SECS: Final = 3.0  # after a defect of ours
STOP_SECS: Final = 8.0

log = structlog.get_logger(__name__)


def sessions_of(deps: Dependencies) -> Sessions:
    """Give the exchanges' sessions with this installation's closures, as they are now."""
    return partial(load_sessions, closures=deps.settings.closures_file)


class SlotDesk:
    """One a namespace. `tell` hears of every slot that has ended, `due` of schedules whose minute has come."""

    def __init__(
        self,
        deps: Dependencies,
        namespace: str,
        database_url: str,
        book: ScheduleBook,
        *,
        tell: Callable[[Slot], None],
        due: Callable[[ScheduleKey], None],
        trouble: Callable[[ScheduleKey, JobRefused | None], None],
    ) -> None:
        """Open the database, which connects when it is asked; BadInput for an address that is none."""
        self.db = Database(database_url)
        self.slots = SlotRepository(self.db)
        self.jobs = KubeSlotJobs(deps.api, deps.children)
        self._deps = deps
        self._namespace = namespace
        self._book = book
        self._sessions = sessions_of(deps)
        self._tell = tell
        self._due = due
        self._trouble = trouble
        self._drivers: list[JobDriver] = []
        self._runner: ScheduleRunner | None = None
        self.driver = self.driver_for(None)
        self._leading = asyncio.create_task(self._lead(), name=f"slots of {namespace}")

    async def close(self) -> None:
        """Stop firing; what runs goes on."""
        self._leading.cancel()  # once: it hears that, and a second one would only disturb how it ends the others
        await asyncio.wait({self._leading}, timeout=STOP_SECS)
        await self.db.close()

    def driver_for(self, backfill: Backfill | None) -> JobDriver:
        """Make a driver of slots' Jobs, a backfill's or the schedules' own."""
        driver = JobDriver(
            self._deps.clock,
            self.slots,
            self.jobs,
            known=self._book.get,
            make=partial(self._job, backfill=backfill),
            sessions=self._sessions,
            trouble=self._trouble,
        )
        self._drivers.append(driver)
        return driver

    def let_go(self, driver: JobDriver) -> None:
        """Forget a backfill's driver."""
        self._drivers.remove(driver)

    def look(self, schedule: ScheduleKey) -> None:
        """Have a schedule's Jobs looked at now."""
        for driver in self._drivers:
            driver.look(schedule)

    def pursues(self, slot: str) -> bool:
        """Tell whether somebody here waits for a slot's Job."""
        return any(driver.pursues(slot) for driver in self._drivers)

    def follow(self) -> None:
        """Take the schedules as they are now; closed days that cannot be read leave those of before in force."""
        if self._runner is not None:
            with suppress(BadInput):
                self._runner.follow(*self._in_force())

    async def prune(self, schedule: ScoutSchedule) -> None:
        """Remove Jobs that the operator made and that have ended, beyond what the schedule wants to keep."""
        ended = [job for job in self.jobs.of(key_of(schedule)).values() if job.is_own and job.is_over]
        kept = {False: schedule.spec.successful_history_limit, True: schedule.spec.failed_history_limit}
        for job in sorted(ended, key=lambda one: (one.started_at, one.name), reverse=True):
            has_failed = bool(job.failure)
            kept[has_failed] -= 1
            if kept[has_failed] < 0 and not job.is_leaving and not self.pursues(job.name):
                await self.jobs.delete(self._namespace, job.name)

    def _job(self, schedule: ScoutSchedule, order: SlotOrder, *, backfill: Backfill | None) -> Manifest:
        beside = self._book.of(self._namespace)
        return slot_job(schedule, self._deps.values, order.key.name, beside, backfill)

    def _in_force(self) -> tuple[list[ScoutSchedule], frozenset[ScheduleKey]]:
        schedules = self._book.in_force(self._namespace)
        return schedules, frozenset(key_of(one) for one in schedules if is_paused(one))

    async def _lead(self) -> None:
        """Fire while the lease is held: another process goes on where this one ends."""
        clock, leadership = self._deps.clock, self._deps.leadership
        while True:
            await leadership.gained()
            turns = SlotTurns(clock, self.db, self.driver, sessions=self._sessions, tell=self._tell, due=self._due)
            firing = asyncio.create_task(self._fire(turns), name=f"firing in {self._namespace}")
            telling = asyncio.create_task(turns.tell_position(), name="slots' position")
            losing = asyncio.create_task(leadership.lost(), name="lost")
            try:
                await asyncio.wait({firing, losing}, return_when=asyncio.FIRST_COMPLETED)
                if firing.done() and (error := firing.exception()) is not None:
                    log.error("slots could not be fired", namespace=self._namespace, exc_info=error)
                    await asyncio.sleep(RESTART_SECS)
            finally:
                self._runner = None
                await end_tasks([firing, telling, losing])
                await turns.stop()
                await clock.progress(NAME, CONSUMED_ALL)

    async def _fire(self, turns: SlotTurns) -> None:
        schedules, paused = await self._until_calendars_can_be_read()
        self._runner = ScheduleRunner(schedules, self._complain, paused)
        await self._runner.fire(turns)

    async def _until_calendars_can_be_read(self) -> tuple[list[ScoutSchedule], frozenset[ScheduleKey]]:
        complaint = ""
        while True:
            try:
                return self._in_force()
            except BadInput as error:
                if complaint != (complaint := str(error)):
                    self._complain(f"waiting: {complaint}")
                await asyncio.sleep(RESTART_SECS)

    def _complain(self, text: str) -> None:
        log.warning("schedules are not fired", namespace=self._namespace, why=text)
