"""From what is known of a schedule to its conditions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.exc import DBAPIError

from prime_jennie.infra.logging import mask_text
from prime_jennie_operator.applier import Refusal
from prime_jennie_operator.firing.book import is_paused
from prime_jennie_operator.firing.jobs import JobRefused
from prime_jennie_operator.marks import PAUSE_RECONCILIATION
from prime_jennie_operator.resources import ScoutSchedule
from prime_jennie_operator.resources.meta import ConditionType
from prime_jennie_operator.schedule.faults import Fault
from prime_jennie_operator.schedule.status import minute_of
from prime_jennie_operator.verdicts import Verdict

LONGEST_CAUSE: Final = 300


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that is known of one schedule at a moment."""

    schedule: ScoutSchedule
    next_at: datetime | None
    fault: Fault | None = None
    calendar: str = ""
    """Why the closed days cannot be read; "" where they can."""
    refusals: Sequence[Refusal] = ()
    trouble: JobRefused | None = None
    missing: Sequence[str] = ()
    """Schedules that it depends on and that are not there."""
    ledger: str = ""
    """Why the database does not answer; "" where it does."""


def invalid_spec(message: str) -> dict[ConditionType, Verdict]:
    """Say of a spec that cannot be read what is wrong with it; its CronJobs stay as they are."""
    return {ConditionType.READY: Verdict("False", "InvalidSpec", message)}


def in_words(error: Exception) -> str:
    """Say what a database answered, without the statement that was asked and in one line."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    first = next(iter(str(cause).splitlines()), "")
    return f"{type(cause).__name__}: {mask_text(first, LONGEST_CAUSE)}"


def verdicts(found: Findings) -> dict[ConditionType, Verdict]:
    """Judge every aspect."""
    return {
        ConditionType.READY: next(_troubles(found), _ready(found)),
        ConditionType.SUSPENDED: _suspended(found.schedule),
        ConditionType.RECONCILIATION_PAUSED: paused(is_paused(found.schedule)),
    }


def paused(is_so: bool) -> Verdict:
    """Say whether a person has forbidden us to write."""
    if is_so:
        return Verdict("True", "PausedByAnnotation", f"nothing is written while {PAUSE_RECONCILIATION} is true")
    return Verdict("False", "Active")


def _troubles(found: Findings) -> Iterator[Verdict]:
    """Yield what keeps slots from running, the most basic first."""
    if found.calendar:
        yield Verdict("False", "UnknownCalendar", f"no slot is decided: {found.calendar}")
    if found.fault is not None:
        yield Verdict("False", found.fault.reason, str(found.fault))
    if found.missing:
        names = ", ".join(found.missing)
        yield Verdict(
            "False", "UnknownDependency", f"spec.dependsOn: there is no ScoutSchedule {names}: slots are skipped"
        )
    for refusal in found.refusals:
        yield Verdict("False", refusal.reason, str(refusal))
    if found.trouble is not None:
        yield Verdict("False", found.trouble.reason, f"slots cannot start: {found.trouble.message}")
    if found.ledger:
        yield Verdict("False", "DatabaseUnreachable", f"what became of slots is unknown: {found.ledger}")
    if found.next_at is None and not found.schedule.spec.suspend:
        yield Verdict("False", "NeverFires", "spec.schedules: no slot within the next year has a session")


def _ready(found: Findings) -> Verdict:
    if found.schedule.spec.suspend:
        return Verdict("True", "Suspended", "its slots are skipped")
    return Verdict("True", "Scheduled", f"the next slot comes {minute_of(found.next_at)}")


def _suspended(schedule: ScoutSchedule) -> Verdict:
    if schedule.spec.suspend:
        return Verdict("True", "SuspendedBySpec", "spec.suspend is true: slots are skipped, running ones go on")
    return Verdict("False", "Active")
