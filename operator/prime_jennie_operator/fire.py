"""Bring one slot of a schedule to its outcome, as the pod of a CronJob: `python -m prime_jennie_operator.fire`.

The slot comes from the Job's name: Kubernetes ends it with the scheduled time in minutes since 1970; a Job that was
made for one slot has that slot's name. Exit status 0 when the slot is done or had nothing to do, 1 when it failed or
was missed, 2 on wrong input.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.ports import Clock
from prime_jennie.domain.sessions import SessionTable
from prime_jennie.domain.slots import Concurrency, Slot, SlotSource, SlotState, parse_slot_name
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.clients.job_service import JobServiceClient
from prime_jennie.infra.clock import open_clock
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.slots import SlotKey, SlotRepository
from prime_jennie.infra.logging import configure_logging
from prime_jennie.infra.slot_driver import SlotDriver, SlotOrder, patiently
from prime_jennie_operator.loading import load_document
from prime_jennie_operator.resources import ScoutSchedule
from prime_jennie_operator.schedule.calendars import Sessions
from prime_jennie_operator.schedule.needs import needs_of
from prime_jennie_operator.schedule.plan import Decision, decide
from prime_jennie_operator.schedule.slots import INSTANT, PlannedSlot, slot_of, slots_between

JOB_NAME = re.compile(r".+-(\d{6,10})")
FAILED_STATUS, BAD_INPUT_STATUS, BUG_STATUS = 1, 2, 3

log = structlog.get_logger(__name__)


class FireSettings(BaseSettings):
    """What the pod of a slot's Job is told."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, populate_by_name=True)

    job_name: str = Field(validation_alias="JENNIE_JOB_NAME", description="the Job's name, from the pod's label")
    schedule: str = Field(validation_alias="JENNIE_SCHEDULE", description="the ScoutSchedule as JSON")
    beside: str = Field(
        "[]", validation_alias="JENNIE_NEEDED", description="the ScoutSchedules that it depends on, as a JSON list"
    )
    backfill: str = Field(
        "",
        validation_alias="JENNIE_BACKFILL",
        description="uid of the Backfill that asks; unset: the schedule's own slot",
    )
    redo: bool = Field(
        False, validation_alias="JENNIE_REDO", description="whether the backfill runs again what is done already"
    )
    closures_file: Path | None = Field(
        None, validation_alias="JENNIE_CLOSURES", description="mounted days of closed exchanges (CSV); unset: none"
    )
    clock_url: str | None = Field(
        None, validation_alias="JENNIE_CLOCK", description="Redis of a virtual clock's leader; unset: the real clock"
    )
    service_url: str = Field(validation_alias="JENNIE_SERVICE_URL", description="the task's service")
    database_url: str = Field(description="SQLAlchemy URL of the database")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")
    log_json: bool = Field(True, description="one JSON object a line; false: readable console lines")

    def sessions(self, calendar: str) -> SessionTable:
        """Give an exchange's sessions, this installation's closures laid over them."""
        return load_sessions(calendar, self.closures_file)


async def fire(settings: FireSettings, clock: Clock) -> Slot:
    """Return the finished slot; BadInput for what the pod was told wrongly."""
    schedule, beside = _schedule(settings.schedule), _beside(settings.beside)
    planned = _planned(schedule, settings.job_name, settings.sessions)
    spec = schedule.spec
    key = SlotKey(schedule.metadata.namespace, planned.name, spec.runs, planned.at, schedule.name)
    db = Database(settings.database_url)
    try:
        if not planned.skip:
            await clock.sleep_until(planned.at)  # a session that closes later than usual moves its slot
        slots = SlotRepository(db)
        decision = await _decision(settings, schedule, planned, slots, clock.now())
        needs = needs_of(schedule, planned.at, beside, settings.sessions)
        async with JobServiceClient() as client:
            driver = SlotDriver(clock, slots, client, lambda _service: settings.service_url)
            order = SlotOrder(
                key=key,
                give_up_at=decision.give_up_at or clock.now(),
                within=spec.deadline,
                attempts=spec.retries.attempts,
                wait=spec.retries.wait,
                concurrency=Concurrency(spec.concurrency_policy),
                parameters=spec.parameters,
                needs=() if isinstance(needs, str) else needs,
                source=SlotSource.BACKFILL if settings.backfill else SlotSource.SCHEDULE,
                backfill=settings.backfill,
                redo=settings.redo,
            )
            if decision.outcome is not None:
                return await driver.end(order, decision.outcome, decision.reason)
            if isinstance(needs, str):
                return await driver.end(order, SlotState.SKIPPED, needs)
            return await driver.drive(order)
    finally:
        await db.close()


async def _decision(
    settings: FireSettings, schedule: ScoutSchedule, planned: PlannedSlot, slots: SlotRepository, now: datetime
) -> Decision:
    """Decide whether the slot runs; who asked for a backfill wants it late, and what was begun in time goes on."""
    deadline = schedule.spec.deadline_span
    if planned.skip:
        return Decision(planned, None, SlotState.SKIPPED, planned.skip)
    if settings.backfill:
        return Decision(planned, now + deadline)
    if await patiently(lambda: slots.get(schedule.metadata.namespace, planned.name)) is not None:
        return Decision(planned, planned.at + deadline)
    [decision] = decide(schedule, [planned], now)
    return decision


def _schedule(text: str) -> ScoutSchedule:
    return _schedule_of(_json(text, "JENNIE_SCHEDULE"), "JENNIE_SCHEDULE")


def _beside(text: str) -> list[ScoutSchedule]:
    documents = _json(text, "JENNIE_NEEDED")
    if not isinstance(documents, list):
        raise BadInput("environment", "JENNIE_NEEDED", "is no list")
    return [_schedule_of(document, "JENNIE_NEEDED") for document in documents]


def _json(text: str, variable: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadInput("environment", variable, f"is no JSON: {error}") from None


def _schedule_of(document: Any, variable: str) -> ScoutSchedule:
    found = load_document(document, f"environment: {variable}")
    if not isinstance(found, ScoutSchedule):
        raise BadInput("environment", variable, f"is a {found.kind}, not a ScoutSchedule")
    return found


def _planned(schedule: ScoutSchedule, job_name: str, sessions: Sessions) -> PlannedSlot:
    by_minute = JOB_NAME.fullmatch(job_name)
    if by_minute is not None:
        return slot_of(schedule, datetime.fromtimestamp(int(by_minute[1]) * 60, UTC), sessions)
    at = parse_slot_name(job_name).at
    for slot in slots_between(schedule, at - INSTANT, at, sessions):
        if slot.name == job_name:
            return slot
    raise BadInput("environment", "JENNIE_JOB_NAME", f"{job_name} is no slot of ScoutSchedule {schedule.name}")


async def _on_its_clock(settings: FireSettings) -> Slot:
    async with open_clock(settings.clock_url) as clock:
        return await fire(settings, clock)


def main() -> int:
    """Fire as a command."""
    try:
        settings = FireSettings()
        configure_logging("fire", level=settings.log_level, as_json=settings.log_json)
        slot = asyncio.run(_on_its_clock(settings))
    except ValidationError as error:
        return _complain(BadInput.from_validation("environment", error))
    except BadInput as error:
        return _complain(error)
    except Exception:
        log.exception("the slot could not be fired")
        return BUG_STATUS
    log.info("slot ended", slot=slot.name, outcome=slot.state.value, reason=slot.reason)
    return FAILED_STATUS if slot.state in (SlotState.FAILED, SlotState.MISSED) else 0


def _complain(error: BadInput) -> int:
    sys.stderr.write(f"fire: {error}\n")
    return BAD_INPUT_STATUS


if __name__ == "__main__":
    sys.exit(main())
