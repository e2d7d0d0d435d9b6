"""Backfill: a schedule's past slots, run after all."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, JsonValue, model_validator

from prime_jennie.domain.spec import CelRule, Count, Day, Flag, Spec
from prime_jennie_operator.resources.meta import API_VERSION, NAME_RULE, Conditions, ObjectMeta, ResourceName
from prime_jennie_operator.resources.slot_status import Slots

LONGEST_SPAN_DAYS: Final = 366


class Reprocess(StrEnum):
    """Which of the slots that have come already run again."""

    NONE = "none"
    FAILED = "failed"
    COMPLETED = "completed"


class BackfillSpec(Spec):
    """Which slots run after all, and how many at once. Slots of a backfill never write what is live today."""

    CEL_RULES: ClassVar[tuple[CelRule, ...]] = (
        CelRule("self.from <= self.to", "to must not lie before from"),
        CelRule(
            f"self.to - self.from <= duration('{LONGEST_SPAN_DAYS * 24}h')",
            f"to may lie at most {LONGEST_SPAN_DAYS} days after from",
        ),
        CelRule(
            "self.schedule == oldSelf.schedule && self.strategy == oldSelf.strategy && self.from == oldSelf.from "
            "&& self.to == oldSelf.to && self.reverse == oldSelf.reverse",
            "schedule, strategy, from, to and reverse are immutable: create another Backfill instead",
        ),
        CelRule(
            "!self.dryRun || oldSelf.dryRun",
            "dryRun cannot be set later: slots may run already. Delete the Backfill to stop it",
        ),
    )

    schedule: ResourceName = Field(description="the ScoutSchedule, of the same namespace; immutable")
    strategy: Reprocess = Field(
        default=Reprocess.NONE,
        description="what becomes of slots that have a row already: none leaves them alone and runs only slots nobody "
        "knows of; failed also runs those that failed or were missed; completed runs all of them again; immutable",
    )
    first: Day = Field(alias="from", description="the first day (KST) whose slots run, such as 2026-02-02; immutable")
    last: Day = Field(
        alias="to",
        description="the last day (KST), included; minutes that have not come are left to the schedule; immutable",
    )
    max_active: Annotated[Count, Field(ge=1, le=10)] = Field(
        default=1,
        description="slots at work at the same time; those of today run beside them whatever concurrencyPolicy says",
    )
    reverse: Flag = Field(default=False, description="true: the newest slot first; immutable")
    dry_run: Flag = Field(
        default=False, description="true: only tell in the status which slots would run; set to false to run them"
    )
    parameters: dict[str, JsonValue] = Field(
        default={},
        max_length=50,
        description="handed to the task; each takes the place of the schedule's parameter of that name",
    )

    @model_validator(mode="after")
    def _days_in_order(self) -> Self:
        in_order, bounded, *_ = (rule.message for rule in self.CEL_RULES)
        if self.last < self.first:
            raise ValueError(in_order)
        if self.last - self.first > timedelta(days=LONGEST_SPAN_DAYS):
            raise ValueError(bounded)
        return self

    def refuse_change_from(self, old: BackfillSpec) -> None:
        """Raise ValueError when a change touches what must stay."""
        *_, immutable, no_dry_run_later = (rule.message for rule in self.CEL_RULES)
        stays = ("schedule", "strategy", "first", "last", "reverse")
        if any(getattr(self, name) != getattr(old, name) for name in stays):
            raise ValueError(immutable)
        if self.dry_run and not old.dry_run:
            raise ValueError(no_dry_run_later)


class BackfillPhase(StrEnum):
    """How far a backfill is; Planned is the end of a dry run."""

    PENDING = "Pending"
    RUNNING = "Running"
    FINISHED = "Finished"
    FAILED = "Failed"
    PLANNED = "Planned"


class BackfillStatus(Spec):
    """What the operator knows about a backfill."""

    observed_generation: Count | None = Field(default=None, description="the spec's generation that this is about")
    conditions: Conditions = ()
    phase: BackfillPhase | None = Field(
        default=None, description="Pending, Running, then Finished or Failed; Planned in a dry run"
    )
    planned: Count | None = Field(default=None, description="slots to run in all")
    active: Count | None = Field(default=None, description="slots at work")
    succeeded: Count | None = Field(default=None, description="slots that ran")
    failed: Count | None = Field(default=None, description="slots that failed or were missed")
    skipped: Count | None = Field(default=None, description="slots that had nothing to do")
    progress: str | None = Field(default=None, max_length=40, description="slots that are over and planned, as 12/40")
    slots: Slots = Field(default=(), description="the slots looked at last, newest first")


class Backfill(Spec):
    """Runs slots of a schedule that lie in the past: those that an outage or a new schedule left out."""

    CEL_RULES: ClassVar[tuple[CelRule, ...]] = (NAME_RULE,)

    api_version: Literal["trading.prime-jennie.io/v1alpha1"] = API_VERSION
    kind: Literal["Backfill"] = "Backfill"
    metadata: ObjectMeta
    spec: BackfillSpec
    status: BackfillStatus | None = None

    @property
    def name(self) -> str:
        return self.metadata.name
