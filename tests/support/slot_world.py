"""Everything around a slot's driver: a clock that a test moves, rows in SQLite, a service that may be away or die."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.slots import Slot, SlotState, Task, TriggerAnswer, TriggerRequest
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.clients.job_service import JobServiceClient
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.slots import SlotRepository
from prime_jennie.infra.fakes.broker import InMemoryBroker
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.fakes.gateway import InMemoryGateway
from prime_jennie.infra.job_board import JobBoard
from prime_jennie.infra.jobs import Job, JobDesk
from prime_jennie.infra.outages import Outages
from prime_jennie.infra.redis.connection import connect
from prime_jennie.infra.slot_driver import SlotDriver
from prime_jennie.infra.tasks import end_task
from prime_jennie_operator.firing.decided import ScheduleKey
from prime_jennie_operator.firing.runner import ScheduleRunner
from prime_jennie_operator.firing.turns import NAME, SlotTurns
from prime_jennie_operator.resources import ScoutSchedule
from tests.support.eventually import eventually

MAX_LAG = timedelta(seconds=30)


class DirectClient(JobServiceClient):
    """Ask a board without HTTP between; `board` None is a service that does not answer."""

    def __init__(self) -> None:
        super().__init__()
        self.board: JobBoard | None = None
        self.asked: list[str] = []

    async def trigger(self, url: str, request: TriggerRequest) -> TriggerAnswer:
        self.asked.append(request.slot or "")
        return await self._board().trigger(request)

    async def slot(self, url: str, name: str) -> Slot:
        return await self._board().slot(name)

    def _board(self) -> JobBoard:
        if self.board is None:
            raise Unavailable("no answer (ConnectError)")
        return self.board


@dataclass
class SlotWorld:
    """A service of all tasks; `behave` is what its slots do."""

    db: Database
    clock: ManualClock
    behave: Callable[[Job], Awaitable[str]]
    client: DirectClient = field(default_factory=DirectClient)
    jobs: list[Job] = field(default_factory=list)
    begun_at: dict[str, datetime] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    patience_secs: float = 45.0

    def __post_init__(self) -> None:
        self.slots = SlotRepository(self.db)

    def begin_at(self, moment: datetime) -> None:
        """Set the clock to another day, before anybody has looked at it."""
        self.clock._now = moment.astimezone(UTC)

    def driver(self) -> SlotDriver:
        return SlotDriver(
            self.clock, self.slots, self.client, lambda service: f"http://{service}", patience_secs=self.patience_secs
        )

    async def start_service(self) -> None:
        """Start the service, as after a kill: what it left running is closed."""
        desk = JobDesk(
            service="everything",
            worker_id="everything@here:1",
            clock=self.clock,
            redis=connect("redis://127.0.0.1:1/0"),
            db=self.db,
            gateway=InMemoryGateway(InMemoryBroker(self.clock)),
            sessions=load_sessions(),
            outages=Outages(),
            namespace="default",
        )
        board = JobBoard(desk, dict.fromkeys(Task, self._run))
        await board.recover()
        self.client.board = board

    async def kill_service(self) -> None:
        """Let the service be gone in the middle of whatever it does."""
        board, self.client.board = self.client.board, None
        if board is not None:
            await board.stop()

    def report(self, _name: str, text: str) -> None:
        self.told.append(text)

    async def outcomes(self) -> dict[str, SlotState]:
        """Return every slot's state, oldest first."""
        found = await self.slots.page("default", limit=500)
        return {slot.name: slot.state for slot in reversed(found)}

    async def slot(self, name: str) -> Slot:
        found = await self.slots.get("default", name)
        assert found is not None, f"no slot {name}"
        return found

    async def until_state(self, name: str, state: SlotState) -> None:
        async def is_so() -> bool:
            found = await self.slots.get("default", name)
            return found is not None and found.state is state

        await eventually(is_so, what=f"{name} {state}")

    async def state_after(self, name: str, upto: datetime, *, within_secs: float = 60.0) -> SlotState:
        """Return how a slot that is due by a time has ended."""
        await self.pass_time(upto)

        async def is_over() -> bool:
            return (await self.slot(name)).state is not SlotState.RUNNING

        await eventually(is_over, within_secs=within_secs, what=f"the end of {name}")
        return (await self.slot(name)).state

    async def pass_time(self, upto: datetime, *, step_secs: float = 60.0) -> None:
        """Move the clock in steps, as a leader does: never while somebody holds the day, nor far past a position."""
        while self.clock.now() < upto:
            for _ in range(3):
                await asyncio.sleep(0.001)
            leads_to = min(self.clock.positions.values(), default=upto) + MAX_LAG
            if not self.clock.holding:
                self.clock.set(min(upto, leads_to, self.clock.now() + timedelta(seconds=step_secs)))

    async def _run(self, job: Job) -> str:
        self.jobs.append(job)
        self.begun_at[job.slot] = self.clock.now()
        return await self.behave(job)


async def well(job: Job) -> str:
    """Do the work."""
    return f"{job.slot} is done"


class Runner:
    """A schedule runner that can be killed and started again, on the world's clock and rows."""

    def __init__(self, world: SlotWorld, schedules: Sequence[ScoutSchedule]) -> None:
        self._world = world
        self._schedules = list(schedules)
        self._firing: asyncio.Task[None] | None = None
        self._turns: SlotTurns | None = None
        self.runner = ScheduleRunner(self._schedules, self._complain)

    @property
    def is_up(self) -> bool:
        return self._firing is not None

    async def start(self) -> None:
        """Start, and return once every schedule has been looked at."""
        self.runner = ScheduleRunner(self._schedules, self._complain)
        self._turns = SlotTurns(
            self._world.clock, self._world.db, self._world.driver(), sessions=load_sessions, tell=self._tell
        )
        self._firing = asyncio.create_task(self.runner.fire(self._turns))
        await self.runner.until_begun(10)

    def _complain(self, text: str) -> None:
        self._world.report(NAME, text)

    def _tell(self, slot: Slot) -> None:
        self._world.report(NAME, f"{slot.name} {slot.state}: {slot.reason}")

    def follow(self, schedules: Sequence[ScoutSchedule], paused: Collection[ScheduleKey] = ()) -> None:
        self._schedules = list(schedules)
        self.runner.follow(self._schedules, paused)

    async def kill(self) -> None:
        """Let the runner be gone, whatever it drives."""
        if self._firing is not None and self._turns is not None:
            await end_task(self._firing)
            await self._turns.stop()
            self._firing = None


@asynccontextmanager
async def scheduled(
    db: Database, clock: ManualClock, work: Callable[[Job], Awaitable[str]], plan: ScoutSchedule
) -> AsyncIterator[SlotWorld]:
    """Let a schedule's slots come by themselves for the block."""
    world = SlotWorld(db, clock, work)
    await world.start_service()
    runner = Runner(world, [plan])
    await runner.start()
    try:
        yield world
    finally:
        await runner.kill()
        await world.kill_service()
        await world.client.__aexit__(None, None, None)
