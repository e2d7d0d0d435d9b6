"""Bring one slot of a schedule to its outcome, as the pod of a CronJob: `python -m prime_jennie_operator.fire`.

The slot comes from the Job's name: Kubernetes ends it with the scheduled time in minutes since 1970; a Job that was
made for one slot has that slot's name. Exit status 0 when the slot is done or had nothing to do, 1 when it failed or
was missed, 2 on wrong input.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.ports import Clock
from prime_jennie.domain.sessions import kst_midnight
from prime_jennie.domain.slots import Concurrency, Slot, SlotState, parse_slot_name
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.clients.job_service import JobServiceClient
from prime_jennie.infra.clock import open_clock
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.slots import SlotKey, SlotRepository
from prime_jennie.infra.logging import configure_logging
from prime_jennie.infra.slot_driver import Need, SlotDriver, SlotOrder
from prime_jennie_operator.loading import load_document
from prime_jennie_operator.resources import ScoutSchedule
from prime_jennie_operator.schedule.plan import decide
from prime_jennie_operator.schedule.slots import INSTANT, NamedSchedule, PlannedSlot, slot_of, slots_between

JOB_NAME = re.compile(r".+-(\d{6,10})")
FAILED_STATUS, BAD_INPUT_STATUS, BUG_STATUS = 1, 2, 3

log = structlog.get_logger(__name__)


class FireSettings(BaseSettings):
    """What the CronJob's pod is told."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, populate_by_name=True)

    job_name: str = Field(validation_alias="JENNIE_JOB_NAME", description="the Job's name, from the pod's label")
    schedule: str = Field(validation_alias="JENNIE_SCHEDULE", description="the ScoutSchedule as JSON")
    clock_url: str | None = Field(
        None, validation_alias="JENNIE_CLOCK", description="Redis of a virtual clock's leader; unset: the real clock"
    )
    service_url: str = Field(validation_alias="JENNIE_SERVICE_URL", description="the task's service")
    database_url: str = Field(description="SQLAlchemy URL of the database")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")
    log_json: bool = Field(True, description="one JSON object a line; false: readable console lines")


async def fire(settings: FireSettings, clock: Clock, *, bare_names: bool) -> Slot:
    """Return the finished slot; BadInput for what the pod was told wrongly."""
    named = NamedSchedule(_schedule(settings.schedule), is_first=bare_names)
    planned = _planned(named, settings.job_name)
    spec, namespace = named.schedule.spec, named.schedule.metadata.namespace
    key = SlotKey(namespace, planned.name, spec.runs, planned.at, named.name)
    db = Database(settings.database_url)
    try:
        slots = SlotRepository(db)
        if not planned.skip:
            await clock.sleep_until(planned.at)  # a session that closes later than usual moves its slot
        now = clock.now()
        [decision] = decide(named.schedule, [planned], now)
        async with JobServiceClient() as client:
            driver = SlotDriver(clock, slots, client, lambda _service: settings.service_url)
            order = SlotOrder(
                key=key,
                give_up_at=decision.give_up_at or now,
                within=spec.deadline,
                attempts=spec.retries.attempts,
                wait=spec.retries.wait,
                concurrency=Concurrency(spec.concurrency_policy),
                parameters=spec.parameters,
                needs=tuple(Need(name, None, kst_midnight(planned.at)) for name in spec.depends_on),
            )
            if decision.outcome is not None:
                return await driver.end(order, decision.outcome, decision.reason)
            return await driver.drive(order)
    finally:
        await db.close()


def _schedule(text: str) -> ScoutSchedule:
    try:
        found = load_document(json.loads(text), "environment: JENNIE_SCHEDULE")
    except ValueError as error:
        raise BadInput("environment", "JENNIE_SCHEDULE", f"is no JSON: {error}") from None
    if not isinstance(found, ScoutSchedule):
        raise BadInput("environment", "JENNIE_SCHEDULE", f"is a {found.kind}, not a ScoutSchedule")
    return found


def _planned(named: NamedSchedule, job_name: str) -> PlannedSlot:
    by_minute = JOB_NAME.fullmatch(job_name)
    if by_minute is not None:
        return slot_of(named, datetime.fromtimestamp(int(by_minute[1]) * 60, UTC), load_sessions)
    at = parse_slot_name(job_name).at
    for slot in slots_between(named, at - INSTANT, at, load_sessions):
        if slot.name == job_name:
            return slot
    raise BadInput("environment", "JENNIE_JOB_NAME", f"{job_name} is no slot of ScoutSchedule {named.name}")


async def _on_its_clock(settings: FireSettings, *, bare_names: bool) -> Slot:
    async with open_clock(settings.clock_url) as clock:
        return await fire(settings, clock, bare_names=bare_names)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fire as a command."""
    parser = argparse.ArgumentParser(prog="python -m prime_jennie_operator.fire", description=__doc__)
    parser.add_argument("--bare-names", action="store_true", help="the slots' names do not carry the schedule's")
    bare_names = parser.parse_args(arguments).bare_names
    try:
        settings = FireSettings()
        configure_logging("fire", level=settings.log_level, as_json=settings.log_json)
        slot = asyncio.run(_on_its_clock(settings, bare_names=bare_names))
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
