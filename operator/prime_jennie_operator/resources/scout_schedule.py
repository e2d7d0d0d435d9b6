"""ScoutSchedule: what to run and when, on which exchange's calendar."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, model_validator

from prime_jennie.domain.spec import CelRule, Spec
from prime_jennie_operator.resources.meta import API_VERSION, Condition, ObjectMeta, ResourceName

CRON_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
CRON_PART = re.compile(r"^(?:\*|(\d+)(?:-(\d+))?)(?:/([1-9]\d*))?$")


def check_cron(line: str) -> str:
    """Refuse a cron line that Kubernetes would refuse: five fields of numbers, ranges, lists and steps."""
    fields = line.split()
    if len(fields) != len(CRON_RANGES):
        raise ValueError(f"a cron line has five fields (minute hour day month weekday), this one has {len(fields)}")
    for text, (low, high) in zip(fields, CRON_RANGES, strict=True):
        for part in text.split(","):
            match = CRON_PART.match(part)
            numbers = [int(n) for n in match.groups()[:2] if n is not None] if match else []
            if match is None or any(not low <= n <= high for n in numbers) or sorted(numbers) != numbers:
                raise ValueError(f"{part!r} is not within {low}-{high}")
    return line


CronLine = Annotated[str, Field(max_length=100, pattern=r"^[0-9*,/-]+( +[0-9*,/-]+){4}$"), AfterValidator(check_cron)]
Duration = Annotated[
    str,
    Field(
        max_length=20,
        pattern=r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$",
        min_length=2,
        description="a duration with its unit, such as 30m, 90s or 1h30m",
    ),
]


class Retries(Spec):
    """Attempts inside one slot; one success ends it."""

    limit: Annotated[int, Field(ge=0, le=10)] = Field(default=2, description="further attempts after the first")
    backoff: Duration = Field(default="30s", description="wait before the first further attempt; doubles each time")


class ScoutScheduleSpec(Spec):
    """When a task runs. A slot is one scheduled minute and runs once for ever, whatever restarts in between."""

    CEL_RULES: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            rule="self.calendar != 'none' || !self.sessionsOnly",
            message="calendar none has no sessions: set sessionsOnly to false",
        ),
    )

    task: Literal[
        "scout", "macro-collect", "macro-council", "throttle", "settlement", "data-collector", "daily-briefing", "news"
    ] = Field(description="whose /trigger is called")
    schedules: Annotated[tuple[CronLine, ...], Field(min_length=1, max_length=20)] = Field(
        description="cron lines (minute hour day month weekday) in timeZone; each minute they name is one slot"
    )
    time_zone: str = Field(default="Asia/Seoul", max_length=64, description="IANA name of the zone the lines are in")
    calendar: Literal["XKRX", "XNYS", "none"] = Field(
        default="XKRX", description="whose sessions count: Korea Exchange, New York, or none"
    )
    sessions_only: bool = Field(default=True, description="skip the slots of days without a session")
    deadline: Duration = Field(default="20m", description="how late a slot may still start; later it counts as missed")
    concurrency_policy: Literal["Forbid", "Allow", "Replace"] = Field(
        default="Forbid", description="what happens while the slot before still runs"
    )
    retries: Retries = Field(default_factory=Retries, description="attempts inside one slot")
    depends_on: Annotated[tuple[ResourceName, ...], Field(max_length=10)] = Field(
        default=(), description="schedules whose latest slot of the same day must have succeeded first"
    )
    catch_up: Literal["none", "latest", "all"] = Field(
        default="latest", description="which missed slots run after an outage; all is bounded by catchUpLimit"
    )
    catch_up_limit: Annotated[int, Field(ge=1, le=100)] = Field(
        default=10, description="slots that catchUp all may run"
    )
    suspend: bool = Field(default=False, description="true: no slot starts; running ones go on")
    parameters: dict[str, JsonValue] = Field(default_factory=dict, description="handed to the task as they are")
    successful_history_limit: Annotated[int, Field(ge=0, le=100)] = Field(
        default=3, description="finished Jobs to keep"
    )
    failed_history_limit: Annotated[int, Field(ge=0, le=100)] = Field(default=3, description="failed Jobs to keep")

    @model_validator(mode="after")
    def _sessions_need_a_calendar(self) -> Self:
        if self.calendar == "none" and self.sessions_only:
            raise ValueError(self.CEL_RULES[0].message)
        return self


class Slot(Spec):
    """What became of one scheduled minute."""

    slot: str = Field(description="its name for ever, such as scout-20260219-0830")
    outcome: Literal["Ran", "Skipped", "Missed", "Backfilled", "Failed"]
    reason: str = ""
    job: str | None = None


class ScoutScheduleStatus(Spec):
    """What the operator knows about a schedule."""

    observed_generation: int | None = None
    conditions: Annotated[tuple[Condition, ...], Field(max_length=20)] = ()
    next_run: str | None = Field(default=None, description="the next slot's minute, KST")
    last_slot: str | None = None
    last_outcome: str | None = None
    slots: Annotated[tuple[Slot, ...], Field(max_length=20)] = Field(default=(), description="the newest slots")


class ScoutSchedule(Spec):
    """Runs a task at the slots of its cron lines, on the sessions of an exchange."""

    CEL_RULES: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            rule="!has(self.spec.dependsOn) || !(self.metadata.name in self.spec.dependsOn)",
            message="spec.dependsOn: a schedule cannot wait for itself",
        ),
    )

    api_version: Literal["trading.prime-jennie.io/v1alpha1"] = API_VERSION
    kind: Literal["ScoutSchedule"] = "ScoutSchedule"
    metadata: ObjectMeta
    spec: ScoutScheduleSpec
    status: ScoutScheduleStatus | None = None

    @model_validator(mode="after")
    def _not_its_own_condition(self) -> Self:
        if self.metadata.name in self.spec.depends_on:
            raise ValueError(self.CEL_RULES[0].message)
        return self

    @property
    def name(self) -> str:
        return self.metadata.name
