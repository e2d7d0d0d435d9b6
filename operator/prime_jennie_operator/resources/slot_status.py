"""One slot as the status of its schedule, or of the backfill that runs it, shows it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from prime_jennie.domain.spec import Spec
from prime_jennie_operator.resources.meta import keyed_by


class SlotStatus(Spec):
    """What became of one scheduled minute."""

    slot: str = Field(max_length=80, description="its name for ever, such as scout-20260219-0830")
    outcome: Literal["Planned", "Running", "Ran", "Skipped", "Missed", "Backfilled", "Failed"] = Field(
        description="how it ended; Planned (by a backfill) or Running until then"
    )
    reason: str = Field(default="", max_length=1000, description="one line for people")
    job: str | None = Field(default=None, max_length=63, description="the Job that ran it last")


Slots = Annotated[tuple[SlotStatus, ...], Field(max_length=20, json_schema_extra=keyed_by("slot"))]
