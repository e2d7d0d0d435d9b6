"""The status of a schedule: what its rows say, the newest slots first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from prime_jennie.domain.sessions import KST
from prime_jennie.domain.slots import Slot
from prime_jennie_operator.resources import ScoutScheduleStatus
from prime_jennie_operator.resources.meta import Condition
from prime_jennie_operator.resources.slot_status import SlotStatus

SHOWN_SLOTS: Final = 20
LONGEST_REASON: Final = 1000


def minute_of(at: datetime | None) -> str | None:
    """Write a minute for a person in Seoul."""
    return None if at is None else f"{at.astimezone(KST):%Y-%m-%d %H:%M} KST"


def shown(slot: Slot, job: str | None) -> SlotStatus:
    """Show a slot; one between two attempts is on its way as much as one at work."""
    return SlotStatus(
        slot=slot.name,
        outcome=slot.state.value if slot.is_finished else "Running",
        reason=slot.reason[:LONGEST_REASON],
        job=job,
    )


def status_of(
    generation: int,
    conditions: Sequence[Condition],
    rows: Sequence[Slot] | None,
    jobs: Mapping[str, str],
    next_at: datetime | None,
    before: ScoutScheduleStatus | None,
) -> dict[str, Any]:
    """Write a status; without an answer from the database (None) what was known of slots stays.

    `jobs` names the Job of a slot while it exists; who ran an older one is remembered by the status itself.
    """
    before = before or ScoutScheduleStatus()
    slots = before.slots
    if rows is not None:
        known = {one.slot: one.job for one in before.slots}
        newest = sorted(rows, key=lambda slot: (slot.at, slot.name), reverse=True)[:SHOWN_SLOTS]
        slots = tuple(shown(slot, jobs.get(slot.name, known.get(slot.name))) for slot in newest)
    status = ScoutScheduleStatus(
        observed_generation=generation,
        conditions=tuple(conditions),
        next_run=minute_of(next_at),
        last_slot=slots[0].slot if slots else None,
        last_outcome=slots[0].outcome if slots else None,
        slots=slots,
    )
    return status.model_dump(mode="json", by_alias=True, exclude_none=True)
