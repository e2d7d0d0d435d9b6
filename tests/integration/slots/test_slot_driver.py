"""One slot comes to its outcome from outside: through failed attempts, a service that is away or dies, and waiting."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import httpx
import pytest

from prime_jennie.domain.errors import BadInput, Conflict, NotFound, Unavailable
from prime_jennie.domain.slots import Need, Slot, SlotSource, SlotState, Task, TriggerRequest, slot_name
from prime_jennie.infra.clients.job_service import JobServiceClient
from prime_jennie.infra.database.repositories.slots import SlotKey
from prime_jennie.infra.jobs import Job
from prime_jennie.infra.slot_driver import SlotOrder
from tests.support.eventually import eventually
from tests.support.job_service import Gate
from tests.support.scanning import at
from tests.support.slot_world import SlotWorld, well

SLOT = "scout-20260219-0830"


@pytest.fixture(autouse=True)
def half_past_eight(world: SlotWorld) -> None:
    world.clock.set(at("08:30"))


def order(
    clock: str = "08:30", *, task: Task = Task.SCOUT, needs: tuple[Need, ...] = (), attempts: int = 1
) -> SlotOrder:
    moment = at(clock)
    return SlotOrder(
        key=SlotKey("default", slot_name(task, moment), task, moment, task.value),
        give_up_at=moment + timedelta(minutes=20),
        within="20m",
        attempts=attempts,
        wait=lambda failed: timedelta(seconds=30) * (1 << (failed - 1)),
        parameters={"top": 5},
        needs=needs,
    )


async def test_a_slot_runs_and_its_outcome_is_returned(world: SlotWorld) -> None:
    slot = await world.driver().drive(order())
    assert (slot.name, slot.state, slot.reason) == (SLOT, SlotState.RAN, f"{SLOT} is done")
    assert (slot.schedule, slot.source) == ("scout", SlotSource.SCHEDULE)
    assert world.jobs[0].parameters == {"top": 5}
    await eventually(lambda: not world.clock.holding)  # the service lets go once its outcome is written
    assert f"drive:{SLOT}" in world.clock.held


async def test_failed_attempts_are_repeated_with_waits_that_double(world: SlotWorld) -> None:
    began_at = []

    async def fails_three_times(job: Job) -> str:
        began_at.append(world.clock.now())
        if job.attempt < 4:
            raise Unavailable("not yet")
        return "at last"

    world.behave = fails_three_times
    driving = asyncio.create_task(world.driver().drive(order(attempts=4)))
    await world.pass_time(at("08:40"), step_secs=1)
    slot = await driving
    assert (slot.state, slot.attempts) == (SlotState.RAN, 4)
    waits = [(after - before).total_seconds() for before, after in pairwise(began_at)]
    assert waits == [30, 60, 120]


async def test_when_attempts_are_used_up_the_slot_has_failed_with_the_last_reason(world: SlotWorld) -> None:
    async def fails(_job: Job) -> str:
        raise Unavailable("the gateway did not answer")

    world.behave = fails
    driving = asyncio.create_task(world.driver().drive(order(attempts=2)))
    await world.pass_time(at("08:35"), step_secs=1)
    slot = await driving
    assert (slot.state, slot.attempts) == (SlotState.FAILED, 2)
    assert slot.is_finished
    assert slot.reason == "Unavailable: the gateway did not answer"


async def test_no_attempt_begins_after_the_deadline(world: SlotWorld) -> None:
    async def takes_nineteen_minutes_and_fails(_job: Job) -> str:
        world.clock.advance(19 * 60 + 45)
        raise Unavailable("too slow")

    world.behave = takes_nineteen_minutes_and_fails
    slot = await world.driver().drive(order(attempts=5))
    assert (slot.state, slot.attempts) == (SlotState.FAILED, 1)
    assert slot.reason == "Unavailable: too slow; no further attempt within 20m"
    assert slot.is_finished


async def test_a_service_that_is_away_is_asked_until_it_answers(world: SlotWorld) -> None:
    await world.kill_service()
    driving = asyncio.create_task(world.driver().drive(order()))
    await eventually(lambda: len(world.client.asked) >= 3)
    assert world.clock.holding == [f"drive:{SLOT}"], "the day waits for the restart"
    await world.start_service()
    assert (await driving).state is SlotState.RAN


async def test_the_day_does_not_wait_for_ever_and_the_slot_is_missed_with_the_reason(world: SlotWorld) -> None:
    await world.kill_service()
    world.patience_secs = 0.2
    driving = asyncio.create_task(world.driver().drive(order()))
    await eventually(lambda: world.client.asked)
    assert world.clock.holding
    await eventually(lambda: not world.clock.holding, what="the end of patience")
    world.clock.set(at("08:50:01"))
    slot = await driving
    assert (slot.state, slot.attempts) == (SlotState.MISSED, 0)
    assert slot.reason == "scout-job did not start it within 20m: no answer (ConnectError)"


async def test_a_service_that_nobody_runs_is_told(world: SlotWorld) -> None:
    world.patience_secs = 0.0
    driver = world.driver()
    driver._address = lambda _service: None
    driving = asyncio.create_task(driver.drive(order()))
    await asyncio.sleep(0.05)
    world.clock.set(at("08:51"))
    assert (await driving).reason == "scout-job did not start it within 20m: scout-job does not run here"


async def test_a_service_killed_in_the_middle_of_a_slot_costs_one_attempt(world: SlotWorld) -> None:
    gate = Gate()
    world.behave = gate
    driving = asyncio.create_task(world.driver().drive(order(attempts=2)))
    await eventually(lambda: gate.inside == 1)
    await world.kill_service()
    await asyncio.sleep(0.1)
    assert world.clock.holding == [f"drive:{SLOT}"], "the day waits for the restart"
    world.behave = well
    await world.start_service()
    await world.pass_time(at("08:31"), step_secs=1)
    slot = await driving
    assert (slot.state, slot.attempts) == (SlotState.RAN, 2)


async def test_the_day_goes_on_without_a_service_that_stays_away_in_the_middle_of_its_slot(world: SlotWorld) -> None:
    gate = Gate()
    world.behave, world.patience_secs = gate, 0.3
    driving = asyncio.create_task(world.driver().drive(order(attempts=2)))
    await eventually(lambda: gate.inside == 1)
    await world.kill_service()
    assert world.clock.holding
    await eventually(lambda: not world.clock.holding, what="the end of patience")
    assert not driving.done(), "whatever the slot has become, its service will say"
    world.behave = well
    world.clock.advance(3600)
    await world.start_service()
    slot = await driving
    assert (slot.state, slot.is_finished) == (SlotState.FAILED, True)
    assert slot.reason == "attempt 1 was interrupted: its service stopped; no further attempt within 20m"


async def test_a_driver_killed_in_the_middle_leaves_the_slot_to_the_next_one(world: SlotWorld) -> None:
    gate = Gate()
    world.behave = gate
    first = asyncio.create_task(world.driver().drive(order()))
    await eventually(lambda: gate.inside == 1)
    first.cancel()
    second = asyncio.create_task(world.driver().drive(order()))
    await asyncio.sleep(0.05)
    gate.opened.set()
    assert (await second).state is SlotState.RAN
    assert len(world.jobs) == 1
    assert world.client.asked == [SLOT], "who finds it running does not ask again"


async def test_two_drivers_of_one_slot_run_it_once(world: SlotWorld) -> None:
    slots = await asyncio.gather(*(world.driver().drive(order()) for _ in range(5)))
    assert {(slot.name, slot.state) for slot in slots} == {(SLOT, SlotState.RAN)}
    assert len(world.jobs) == 1


async def test_another_slot_of_the_task_that_runs_makes_this_one_skipped(world: SlotWorld) -> None:
    gate = Gate()
    world.behave = gate
    first = asyncio.create_task(world.driver().drive(order("08:20")))
    await eventually(lambda: gate.inside == 1)
    slot = await world.driver().drive(order())
    assert (slot.state, slot.reason) == (SlotState.SKIPPED, "scout-20260219-0820 still runs")
    gate.opened.set()
    await first


async def test_a_trigger_that_the_service_refuses_fails_the_slot_at_once(world: SlotWorld) -> None:
    slot = await world.driver().drive(order("09:30"))
    assert slot.state is SlotState.FAILED
    assert slot.reason.startswith("scout-job refuses it: trigger: slot: scout-20260219-0930 is yet to come")


async def test_an_outage_of_the_database_is_waited_for(world: SlotWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    real, failures = world.slots.get, 4

    async def get(namespace: str, name: str) -> Slot | None:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise Unavailable("database: gone")
        return await real(namespace, name)

    monkeypatch.setattr(world.slots, "get", get)
    assert (await world.driver().drive(order())).state is SlotState.RAN


class TestBackfill:
    """A slot whose time is long over."""

    def asked(self, *, attempts: int = 1, redo: bool = False) -> SlotOrder:
        return replace(order(attempts=attempts), source=SlotSource.BACKFILL, backfill="uid", redo=redo)

    async def end_before(self, world: SlotWorld, state: SlotState) -> None:
        await world.slots.record(
            order().key, source=SlotSource.SCHEDULE, state=state, reason="before", now=world.clock.now()
        )

    async def test_what_was_missed_runs_after_all_and_once(self, world: SlotWorld) -> None:
        await self.end_before(world, SlotState.MISSED)
        for _ in range(2):
            slot = await world.driver().drive(self.asked())
            assert (slot.state, slot.backfill) == (SlotState.BACKFILLED, "uid")
        assert [job.newest for job in world.jobs] == [False]

    async def test_its_attempts_are_repeated(self, world: SlotWorld) -> None:
        await self.end_before(world, SlotState.FAILED)

        async def fails_first(job: Job) -> str:
            if len(world.jobs) == 1:
                raise Unavailable("not yet")
            return "at last"

        world.behave = fails_first
        driving = asyncio.create_task(world.driver().drive(self.asked(attempts=2)))
        await world.pass_time(at("08:35"), step_secs=1)
        assert (await driving).state is SlotState.BACKFILLED
        assert len(world.jobs) == 2

    async def test_what_is_done_stays_unless_it_is_to_be_done_again(self, world: SlotWorld) -> None:
        await self.end_before(world, SlotState.RAN)
        assert (await world.driver().drive(self.asked())).reason == "before"
        assert (await world.driver().drive(self.asked(redo=True))).state is SlotState.BACKFILLED

    async def test_a_service_that_stays_away_leaves_the_slot_missed_for_this_backfill(self, world: SlotWorld) -> None:
        await self.end_before(world, SlotState.FAILED)
        await world.kill_service()
        driving = asyncio.create_task(world.driver().drive(self.asked()))
        await asyncio.sleep(0.05)
        world.clock.set(at("08:50:01"))
        slot = await driving
        assert (slot.state, slot.backfill) == (SlotState.MISSED, "uid")
        assert slot.reason == "scout-job did not start it within 20m: no answer (ConnectError)"


class TestNeeds:
    """A slot that waits for another schedule's."""

    NEED = Need("macro-collect", "macro-20260219-0720")

    async def end_need(self, world: SlotWorld, state: SlotState) -> None:
        key = SlotKey("default", "macro-20260219-0720", Task.MACRO_COLLECT, at("07:20"), "macro-collect")
        await world.slots.record(key, source=SlotSource.SCHEDULE, state=state, reason="because", now=world.clock.now())

    async def test_it_runs_once_that_has_succeeded(self, world: SlotWorld) -> None:
        driving = asyncio.create_task(world.driver().drive(order(needs=(self.NEED,))))
        await asyncio.sleep(0.15)
        assert world.client.asked == []
        assert world.clock.holding == [], "waiting for somebody else's slot holds nothing"
        await self.end_need(world, SlotState.RAN)
        assert (await driving).state is SlotState.RAN

    @pytest.mark.parametrize("state", [SlotState.FAILED, SlotState.SKIPPED, SlotState.MISSED])
    async def test_it_is_skipped_with_the_reason_when_that_has_not(self, world: SlotWorld, state: SlotState) -> None:
        await self.end_need(world, state)
        slot = await world.driver().drive(order(needs=(self.NEED,)))
        assert slot.state is SlotState.SKIPPED
        assert slot.reason == f"macro-collect: macro-20260219-0720 {state}: because"

    async def test_it_waits_no_longer_than_its_deadline(self, world: SlotWorld) -> None:
        driving = asyncio.create_task(world.driver().drive(order(needs=(self.NEED,))))
        await asyncio.sleep(0.05)
        world.clock.set(at("08:50:01"))
        slot = await driving
        assert slot.state is SlotState.SKIPPED
        assert slot.reason == "macro-collect: macro-20260219-0720 has not ended within 20m"


class TestClient:
    """The service over HTTP, as its answers may be."""

    @pytest.mark.parametrize(
        ("status", "body", "error", "says"),
        [
            (400, {"error": "BadInput", "detail": "task: lunch"}, BadInput, "task: lunch"),
            (404, {"error": "NotFound", "detail": "no slot x"}, NotFound, "no slot x"),
            (409, {"error": "Conflict", "detail": "x still runs"}, Conflict, "x still runs"),
            (503, {"error": "Unavailable", "detail": "starting"}, Unavailable, "starting"),
            (500, {"error": "InternalError", "detail": None}, Unavailable, "None"),
            (502, "<html>", Unavailable, "HTTP 502"),
            (200, "<html>", Unavailable, "no TriggerAnswer"),
            (200, {"job": "x"}, Unavailable, "no TriggerAnswer"),
        ],
    )
    async def test_every_answer_is_an_error_that_says_what_to_do(
        self, monkeypatch: pytest.MonkeyPatch, status: int, body: object, error: type[Exception], says: str
    ) -> None:
        def answer(_request: httpx.Request) -> httpx.Response:
            return httpx.Response(status, text=body) if isinstance(body, str) else httpx.Response(status, json=body)

        async with JobServiceClient() as client:
            client._http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
            with pytest.raises(error, match=says):
                await client.trigger("http://service", TriggerRequest())

    async def test_a_service_that_is_not_there_is_unavailable(self) -> None:
        async with JobServiceClient() as client:
            with pytest.raises(Unavailable, match="ConnectError"):
                await client.slot("http://127.0.0.1:1", SLOT)
