"""Name what is run and when: a task, one of its scheduled minutes, and what became of that minute."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, NamedTuple

from pydantic import Field, JsonValue

from prime_jennie.domain.errors import BadInput, JennieError
from prime_jennie.domain.model import Record, Timestamp
from prime_jennie.domain.sessions import KST

_NAME: Final = re.compile(r"(?P<prefix>[a-z]+)(?:-(?P<suffix>[a-z0-9-]+?))?-(?P<minute>[0-9]{8}-[0-9]{4})")
_MINUTE_FORMAT: Final = "%Y%m%d-%H%M"


class Task(StrEnum):
    """What a ScoutSchedule may run."""

    MACRO_COLLECT = "macro-collect"
    MACRO_COUNCIL = "macro-council"
    THROTTLE = "throttle"
    SCOUT = "scout"
    SETTLEMENT = "settlement"
    DATA_COLLECTOR = "data-collector"
    DAILY_BRIEFING = "daily-briefing"
    NEWS = "news"

    @property
    def prefix(self) -> str:
        """Return the first word of its slots' names (the seeds' and design §4's)."""
        return _PREFIX[self]

    @property
    def service(self) -> str:
        """Return the program whose /trigger runs it."""
        return _SERVICE[self]


_PREFIX: Final = {
    Task.MACRO_COLLECT: "macro",
    Task.MACRO_COUNCIL: "council",
    Task.THROTTLE: "throttle",
    Task.SCOUT: "scout",
    Task.SETTLEMENT: "settle",
    Task.DATA_COLLECTOR: "collect",
    Task.DAILY_BRIEFING: "briefing",
    Task.NEWS: "news",
}
_TASK_OF: Final = {prefix: task for task, prefix in _PREFIX.items()}
_SERVICE: Final = {
    Task.MACRO_COLLECT: "data-collector",
    Task.MACRO_COUNCIL: "macro-council",
    Task.THROTTLE: "macro-council",
    Task.SCOUT: "scout-job",
    Task.SETTLEMENT: "data-collector",
    Task.DATA_COLLECTOR: "data-collector",
    Task.DAILY_BRIEFING: "daily-briefing",
    Task.NEWS: "news-collector",
}


class SlotSource(StrEnum):
    """Who asked for a slot; `airflow` is the seeds' word for a scheduler."""

    SCHEDULE = "schedule"
    MANUAL = "manual"
    AIRFLOW = "airflow"
    BACKFILL = "backfill"


class SlotState(StrEnum):
    """Where a slot is; all but RUNNING are outcomes, as a ScoutSchedule's status shows them."""

    RUNNING = "Running"
    RAN = "Ran"
    SKIPPED = "Skipped"
    MISSED = "Missed"
    BACKFILLED = "Backfilled"
    FAILED = "Failed"

    @property
    def succeeded(self) -> bool:
        """Tell whether the work is done."""
        return self in (SlotState.RAN, SlotState.BACKFILLED)


class Concurrency(StrEnum):
    """What a slot does while another one of its task still runs."""

    FORBID = "Forbid"
    ALLOW = "Allow"
    REPLACE = "Replace"


class Slot(Record):
    """One scheduled minute of a task: it runs once for ever, with one name everywhere.

    FAILED without `finished_at` is a failed attempt after which another one may come; with it, the slot is over.
    """

    namespace: str
    name: str
    task: Task
    schedule: str = Field(description='the ScoutSchedule\'s name; "" for a slot that nobody scheduled')
    at: Timestamp = Field(description="the slot's minute")
    source: SlotSource
    backfill: str = Field(default="", description='uid of the Backfill that asked last; "" where none did')
    state: SlotState
    reason: str = Field(description="one line that a person reads")
    attempts: int = Field(ge=0)
    started_at: Timestamp | None = Field(default=None, description="when the newest attempt began")
    finished_at: Timestamp | None = None
    progress_pct: int = Field(default=0, ge=0, le=100)
    phase: str = ""

    @property
    def is_finished(self) -> bool:
        """Tell whether nothing more will happen in this slot."""
        return self.finished_at is not None

    def is_over_for(self, source: SlotSource, backfill: str = "", *, redo: bool = False) -> bool:
        """Tell whether it will not run again for who asks so.

        A backfill takes up what was not done, and with `redo` what was done, too; each of them does so once.
        """
        if not self.is_finished or source is not SlotSource.BACKFILL:
            return self.is_finished
        if backfill and self.backfill == backfill:
            return True
        return self.state.succeeded and not redo


class Need(NamedTuple):
    """A slot of another schedule that must have succeeded before one may run."""

    schedule: str
    slot: str


class SlotSkipped(JennieError):  # noqa: N818 - a decision, not a fault
    """A task raises it when there is nothing to do in its slot, with the reason that a person reads."""


class TriggerRequest(Record):
    """Who asks for which slot; the seeds' callers send `source` alone."""

    source: SlotSource = SlotSource.MANUAL
    task: Task | None = Field(default=None, description="which task, where the service has several")
    slot: Annotated[str, Field(max_length=80)] | None = Field(
        default=None, description="the slot's name; without it the current minute's"
    )
    schedule: str = Field(default="", max_length=63, description="the ScoutSchedule that asks")
    backfill: str = Field(default="", max_length=63, description="uid of the Backfill that asks")
    redo: bool = Field(default=False, description="of a backfill: run again what is done already")
    parameters: dict[str, JsonValue] = Field(default_factory=dict, description="handed to the task as they are")
    attempts: int = Field(default=1, ge=1, le=11, description="attempts that the slot may have altogether")
    concurrency: Concurrency = Field(
        default=Concurrency.FORBID, description="what to do while another slot of the task still runs"
    )


class TriggerAnswer(Record):
    """The seeds' answer, and how an earlier run of the same slot ended."""

    job_id: str
    status: str
    outcome: SlotState | None = None
    reason: str | None = None


class SlotName(Record):
    """What a slot's name says."""

    task: Task
    at: Timestamp
    suffix: str = Field(default="", description='what tells a second schedule\'s slots apart; "" for the first')


def slot_name(task: Task, at: datetime, schedule: str | None = None) -> str:
    """Name a slot by its KST minute; a second schedule of the same task adds its own name."""
    suffix = "" if schedule is None else slot_suffix(task, schedule)
    parts = [task.prefix, *([suffix] if suffix else []), f"{at.astimezone(KST):{_MINUTE_FORMAT}}"]
    return "-".join(parts)


def slot_suffix(task: Task, schedule: str) -> str:
    """Return what a schedule adds to its slots' names: `late` for `late` and for `scout-late` of task scout."""
    for word in (task.value, task.prefix):
        if schedule == word:
            return ""
        if schedule.startswith(f"{word}-"):
            return schedule.removeprefix(f"{word}-")
    return schedule


def parse_slot_name(name: str) -> SlotName:
    """Read a slot's name back; raise BadInput for anything that `slot_name` would not write."""
    match = _NAME.fullmatch(name)
    task = _TASK_OF.get(match["prefix"]) if match else None
    if match is None or task is None:
        raise BadInput("slot", name, f"is none of {', '.join(sorted(_TASK_OF))}-YYYYMMDD-HHMM (KST)")
    try:
        at = datetime.strptime(match["minute"], _MINUTE_FORMAT).replace(tzinfo=KST)
        return SlotName(task=task, at=at, suffix=match["suffix"] or "")
    except (ValueError, OverflowError):  # the calendar's first hours in Seoul lie before its beginning in UTC
        raise BadInput("slot", name, f"{match['minute']} is no minute of a calendar (YYYYMMDD-HHMM, KST)") from None


def task_of(word: str) -> Task:
    """Find a task by its name or its slots' prefix; raise BadInput with those that there are."""
    try:
        return _TASK_OF.get(word) or Task(word)
    except ValueError:
        raise BadInput("task", word, f"is none of {', '.join(task.value for task in Task)}") from None
