"""A service of two tasks whose work a test decides, inside the test: real Redis and SQLite, a clock in memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from prime_jennie.domain.slots import Slot, Task
from prime_jennie.infra.job_app import job_app
from prime_jennie.infra.jobs import Job, JobDesk, JobWork
from prime_jennie.infra.settings import ServiceSettings
from tests.support.eventually import eventually
from tests.support.service_desk import ServiceDesk, ready, started


@dataclass
class Scripted:
    """What the tasks of the service do: `behave` decides, jobs are noted."""

    behave: Callable[[Job], Awaitable[str]]
    jobs: list[Job] = field(default_factory=list)
    desk: JobDesk | None = None

    def work_of(self, desk: JobDesk) -> JobWork:
        self.desk = desk
        return JobWork(
            tasks={Task.SCOUT: self._run, Task.NEWS: self._run}, extras=lambda: {"jobs_seen": len(self.jobs)}
        )

    async def _run(self, job: Job) -> str:
        self.jobs.append(job)
        return await self.behave(job)


@dataclass
class Gate:
    """Work that goes on until the test opens the gate."""

    opened: asyncio.Event = field(default_factory=asyncio.Event)
    inside: int = 0

    async def __call__(self, job: Job) -> str:
        self.inside += 1
        try:
            await self.opened.wait()
        finally:
            self.inside -= 1
        return f"{job.slot} is done"


@asynccontextmanager
async def serving(
    desk: ServiceDesk, behave: Callable[[Job], Awaitable[str]], *, wait: bool = True, port: int = 8080
) -> AsyncIterator[tuple[httpx.AsyncClient, Scripted]]:
    """Run the service and give its HTTP edge and its script; one with another port is another copy."""
    settings = ServiceSettings(redis_url=desk.redis_url, database_url=desk.database_url, port=port)
    scripted = Scripted(behave)
    async with started(job_app(settings, "scout-job", scripted.work_of, starting_extras={"jobs_seen": 0})) as client:
        if wait:
            await ready(client)
        yield client, scripted


async def trigger(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    """Ask for a slot of the task scout, unless told; the answer must be 200."""
    answer = await client.post("/trigger", json={"task": "scout", **body})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def slot_of(client: httpx.AsyncClient, name: str) -> Slot:
    """Return a slot as the service tells it."""
    return Slot.model_validate_json((await client.get(f"/jobs/{name}")).raise_for_status().content)


async def ended(client: httpx.AsyncClient, name: str) -> Slot:
    """Wait until a slot's attempt is over and return the slot."""

    async def is_over() -> bool:
        return (await slot_of(client, name)).state.value != "Running"

    await eventually(is_over, what=f"the end of {name}")
    return await slot_of(client, name)
