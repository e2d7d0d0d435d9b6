"""Two copies of one service: what one runs is the other's only once nobody runs it any more."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from prime_jennie.domain.errors import Conflict
from prime_jennie.domain.slots import SlotState
from prime_jennie.infra import job_board
from prime_jennie.infra.database.repositories.workers import WorkerRepository
from prime_jennie.infra.database.tables.lifecycle import WorkerProcessRow
from prime_jennie.infra.jobs import Job
from tests.support.eventually import eventually
from tests.support.job_service import Gate, ended, serving, slot_of, trigger
from tests.support.service_desk import ServiceDesk

SLOT = "scout-20260219-0830"


async def first_is_heard(desk: ServiceDesk) -> None:
    async def is_so() -> bool:
        return any(worker.address.endswith(":8080") for worker in await WorkerRepository(desk.db).all())

    await eventually(is_so, what="the first copy's heartbeat")


async def test_a_second_copy_leaves_the_first_ones_slot_alone(
    desk: ServiceDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_board, "LOOK_FOR_SILENT_SECS", 0.01)
    gate = Gate()
    async with serving(desk, gate) as (first, _):
        await first_is_heard(desk)
        await trigger(first, slot=SLOT, source="schedule", attempts=2)
        async with serving(desk, gate, port=8081) as (second, scripted):
            asked = await trigger(second, slot=SLOT, source="schedule", attempts=2)
            assert asked == {"job_id": SLOT, "status": "running"}
            gate.opened.set()
            slot = await ended(second, SLOT)
            assert (slot.state, slot.attempts, scripted.jobs) == (SlotState.RAN, 1, [])


async def test_a_copy_that_was_silent_finds_its_slot_anothers_before_it_publishes(
    desk: ServiceDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_board, "LOOK_FOR_SILENT_SECS", 0.01)
    gate, published, lost = Gate(), list[str](), list[Conflict]()

    async def publishes(job: Job) -> str:
        await gate(job)
        try:
            await job.demand_own()
        except Conflict as conflict:
            lost.append(conflict)
            raise
        published.append(job.slot)
        return "published"

    async def at_once(job: Job) -> str:
        await job.demand_own()
        return "the second copy did it"

    async with serving(desk, publishes) as (first, _):
        await first_is_heard(desk)
        await trigger(first, slot=SLOT, source="schedule", attempts=2)
        async with serving(desk, at_once, port=8081) as (second, _):
            long_ago = datetime.now(UTC) - timedelta(minutes=2)
            said = update(WorkerProcessRow).where(WorkerProcessRow.worker_id.endswith(":8080"))
            await desk.db.write(lambda session: session.execute(said.values(last_heartbeat_at=long_ago)))
            closed = await ended(second, SLOT)
            assert (closed.state, closed.is_finished) == (SlotState.FAILED, False)
            assert closed.reason == "attempt 1 was interrupted: its service stopped"
            await trigger(second, slot=SLOT, source="schedule", attempts=2)
            await ended(second, SLOT)
            gate.opened.set()
            await eventually(lambda: lost)
            assert published == []
            assert (await slot_of(first, SLOT)).reason == "the second copy did it"
            health = (await first.get("/health")).json()
            assert health["last_completed_at"] is None, "what it did is not told as done"
