"""What a service that runs slots is made of: its desk, its tasks, and one run of a task."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from pydantic import JsonValue
from redis.asyncio import Redis

from prime_jennie.domain.health import DependencyHealth
from prime_jennie.domain.ports import Clock, Gateway
from prime_jennie.domain.sessions import SessionTable
from prime_jennie.domain.slots import SlotSource, Task
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.desk import answers
from prime_jennie.infra.outages import Outages


async def tell_nobody(_phase: str, _progress_pct: int) -> None:
    """Take a report that nobody reads."""


async def demand_nothing() -> None:
    """Take the attempt for one's own: nobody else knows of it."""


@dataclass(frozen=True)
class Job:
    """One attempt at a slot, as its task sees it."""

    slot: str
    task: Task
    at: datetime
    day: date
    """The slot's day in Seoul."""
    source: SlotSource
    newest: bool
    """False for a backfill, for another day's slot and where a later slot has begun: live keys are then not written."""
    attempt: int = 1
    parameters: Mapping[str, JsonValue] = field(default_factory=dict)
    report: Callable[[str, int], Awaitable[None]] = tell_nobody
    """Tell the phase and the percent done; never raises for an outage."""
    demand_own: Callable[[], Awaitable[None]] = demand_nothing
    """Raise Conflict where another process has taken the slot over; asked before live keys are written."""


TaskRun = Callable[[Job], Awaitable[str]]
"""Runs a slot and returns the outcome's reason, one line that a person reads.

SlotSkipped says that there was nothing to do. Any other exception is a failed attempt, which may be repeated: a task
leaves nothing half-written, or finds what it left.
"""


@dataclass(frozen=True)
class JobDesk:
    """Connections and identity of one service of the platform that runs slots."""

    service: str
    worker_id: str
    """Who this process is among those that say that they live."""
    clock: Clock
    redis: Redis
    db: Database
    gateway: Gateway
    sessions: SessionTable
    outages: Outages
    namespace: str

    async def dependencies(self) -> dict[str, DependencyHealth]:
        """Ask every dependency whether it answers, and name the loops that are interrupted."""
        return {
            "redis": await answers(self.redis.ping),
            "db": await answers(self.db.ping),
            "kis_gateway": await answers(self.gateway.is_market_open),
            **self.outages.as_dependencies(),
        }


@dataclass(frozen=True)
class JobWork:
    """What one service does: its tasks by name, loops that live through outages, and what /health adds."""

    tasks: Mapping[Task, TaskRun]
    loops: Mapping[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    ready: Callable[[], bool] = lambda: True
    extras: Callable[[], Mapping[str, object]] = dict
    dependencies: Callable[[], Mapping[str, DependencyHealth]] = dict
    status: Callable[[], Mapping[str, object]] = dict
    """What /status tells beside the seeds' three figures."""
