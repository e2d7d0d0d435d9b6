"""ScoutSchedule: what to run and when, on which exchange's calendar."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, ClassVar, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, JsonValue, model_validator

from prime_jennie.domain.slots import Task
from prime_jennie.domain.spec import CelRule, Count, Flag, Spec
from prime_jennie_operator.resources.meta import API_VERSION, NAME_RULE, Conditions, ObjectMeta, ResourceName
from prime_jennie_operator.resources.slot_status import Slots
from prime_jennie_operator.schedule.calendars import Anchor
from prime_jennie_operator.schedule.cron import cron_pattern, parse_cron

DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def check_cron(line: str) -> str:
    """Refuse a cron line that Kubernetes would refuse, and one that no calendar can ever meet."""
    reason = parse_cron(line).why_never(sessions_only=False)
    if reason is not None:
        raise ValueError(f"{line!r} {reason}")
    return line


def check_zone(name: str) -> str:
    """Refuse a time zone that nobody knows: a slot at an unknown hour would run at the wrong one."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise ValueError(f"{name!r} is no time zone; write an IANA name such as Asia/Seoul") from None
    return name


def span(duration: str) -> timedelta:
    """Return the length of a checked duration."""
    match = DURATION.fullmatch(duration)
    hours, minutes, seconds = (int(part or 0) for part in (match.groups() if match else ()))
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


CRON_PATTERN: Final = "^[0-9*,/-]+( +[0-9*,/-]+){4}$"
DURATION_PATTERN: Final = "^([0-9]{1,3}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?$"
ZONE_PATTERN: Final = "^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$"
CronLine = Annotated[str, Field(max_length=100, pattern=CRON_PATTERN), AfterValidator(check_cron)]
Duration = Annotated[
    str,
    Field(
        max_length=16,
        pattern=DURATION_PATTERN,
        min_length=2,
        description="a duration with its unit, such as 30m, 90s or 1h30m",
    ),
]
ZoneName = Annotated[str, Field(max_length=64, pattern=ZONE_PATTERN), AfterValidator(check_zone)]


class Retries(Spec):
    """Attempts inside one slot; one success ends it."""

    CEL_RULES: ClassVar[tuple[CelRule, ...]] = (
        CelRule(rule="duration(self.backoff) <= duration('24h')", message="backoff: at most 24h"),
    )

    limit: Annotated[Count, Field(ge=0, le=10)] = Field(default=2, description="further attempts after the first")
    backoff: Duration = Field(default="30s", description="wait before the first further attempt; doubles each time")

    @model_validator(mode="after")
    def _sane_backoff(self) -> Self:
        if span(self.backoff) > timedelta(hours=24):
            raise ValueError(self.CEL_RULES[0].message)
        return self

    @property
    def attempts(self) -> int:
        """Return how many attempts a slot may have altogether."""
        return self.limit + 1

    def wait(self, failed: int) -> timedelta:
        """Return the wait after so many failed attempts."""
        return span(self.backoff) * (1 << max(0, failed - 1))


class ScoutScheduleSpec(Spec):
    """When a task runs. A slot is one scheduled minute and runs once for ever, whatever restarts in between."""

    CEL_RULES: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            rule="self.calendar != 'none' || !self.sessionsOnly",
            message="calendar none has no sessions: set sessionsOnly to false",
        ),
        CelRule(
            rule="self.calendar != 'none' || self.anchor == 'clock'",
            message="calendar none has neither open nor close: set anchor to clock",
        ),
        CelRule(
            rule="duration(self.deadline) >= duration('10s') && duration(self.deadline) <= duration('24h')",
            message="deadline: from 10s (Kubernetes looks no more often) to 24h",
        ),
        CelRule(
            rule=f"self.schedules.all(line, line.matches('{cron_pattern()}'))",
            message="schedules: minute 0-59, hour 0-23, day 1-31, month 1-12, weekday 0-6 (0 is Sunday)",
        ),
        CelRule(
            rule="self.schedules.all(a, self.schedules.exists_one(b, a == b))",
            message="schedules must name each line once",
        ),
        CelRule(
            rule="!has(self.dependsOn) || self.dependsOn.all(a, self.dependsOn.exists_one(b, a == b))",
            message="dependsOn must name each schedule once",
        ),
    )

    task: Literal[
        "scout", "macro-collect", "macro-council", "throttle", "settlement", "data-collector", "daily-briefing", "news"
    ] = Field(description="whose /trigger is called")
    schedules: Annotated[tuple[CronLine, ...], Field(min_length=1, max_length=20)] = Field(
        description="cron lines (minute hour day month weekday) in timeZone; each minute they name is one slot"
    )
    time_zone: ZoneName = Field(default="Asia/Seoul", description="IANA name of the zone the lines are in")
    calendar: Literal["XKRX", "XNYS", "none"] = Field(
        default="XKRX", description="whose sessions count: Korea Exchange, New York, or none"
    )
    sessions_only: Flag = Field(default=True, description="skip the slots of days without a session")
    anchor: Anchor = Field(
        default="clock",
        description="what a slot keeps its distance from on a day with other hours (exam day, half day): clock leaves "
        "it at its minute; open and close move it by as much as the session opens or closes later than usual",
    )
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
    catch_up_limit: Annotated[Count, Field(ge=1, le=100)] = Field(
        default=10, description="slots that catchUp all may run"
    )
    suspend: Flag = Field(default=False, description="true: no slot starts; running ones go on")
    parameters: dict[str, JsonValue] = Field(default={}, max_length=50, description="handed to the task as they are")
    successful_history_limit: Annotated[Count, Field(ge=0, le=100)] = Field(
        default=3, description="finished Jobs to keep"
    )
    failed_history_limit: Annotated[Count, Field(ge=0, le=100)] = Field(default=3, description="failed Jobs to keep")

    @model_validator(mode="after")
    def _rules_of_several_fields(self) -> Self:
        needs_sessions, needs_hours, sane_deadline, _, lines_once, needs_once = self.CEL_RULES
        if self.calendar == "none" and self.sessions_only:
            raise ValueError(needs_sessions.message)
        if self.calendar == "none" and self.anchor != "clock":
            raise ValueError(needs_hours.message)
        if not timedelta(seconds=10) <= self.deadline_span <= timedelta(hours=24):
            raise ValueError(sane_deadline.message)
        if len(set(self.schedules)) != len(self.schedules):
            raise ValueError(lines_once.message)
        if len(set(self.depends_on)) != len(self.depends_on):
            raise ValueError(needs_once.message)
        for number, line in enumerate(self.schedules):
            reason = parse_cron(line).why_never(sessions_only=self.sessions_only)
            if reason is not None:
                raise ValueError(f"schedules[{number}]: {line!r} {reason}")
        return self

    @property
    def deadline_span(self) -> timedelta:
        """Return the deadline's length."""
        return span(self.deadline)

    @property
    def runs(self) -> Task:
        """Return the task."""
        return Task(self.task)


class ScoutScheduleStatus(Spec):
    """What the operator knows about a schedule."""

    observed_generation: Count | None = Field(default=None, description="the spec's generation that this is about")
    conditions: Conditions = ()
    next_run: str | None = Field(default=None, max_length=40, description="the next slot's minute, KST")
    last_slot: str | None = Field(default=None, max_length=80, description="the newest slot that came")
    last_outcome: str | None = Field(default=None, max_length=20, description="how it ended; Running until then")
    slots: Slots = Field(default=(), description="the newest slots, newest first")


class ScoutSchedule(Spec):
    """Runs a task at the slots of its cron lines, on the sessions of an exchange."""

    CEL_RULES: ClassVar[tuple[CelRule, ...]] = (
        NAME_RULE,
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
            raise ValueError(self.CEL_RULES[1].message)
        return self

    @property
    def name(self) -> str:
        return self.metadata.name
