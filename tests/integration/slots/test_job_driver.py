"""A slot comes to its outcome by a Job: a CronJob's, or one of the operator's where none comes; whatever is lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.slots import Need, SlotSource, SlotState, Task
from prime_jennie.infra.database.repositories.slots import SlotKey
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.jobs import Job
from prime_jennie_operator.desired.schedule import cron_jobs_job_names
from prime_jennie_operator.firing import job_driver
from prime_jennie_operator.firing.jobs import JobRefused, SlotJob
from prime_jennie_operator.kube.errors import Unavailable as NoApiServer
from tests.support.backfills import backfill
from tests.support.eventually import eventually
from tests.support.job_service import Gate
from tests.support.schedules import kst, schedule
from tests.support.slot_jobs import JobWorld, order_of
from tests.support.slot_world import SlotWorld

SLOT = "scout-20260219-0830"
SCOUT = ("default", "scout")
CRON_JOB = cron_jobs_job_names(schedule(), kst("08:30"))[0]
QUOTA = JobRefused("QuotaExceeded", "exceeded quota: jobs")
Begin = Callable[..., JobWorld]


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_driver, "LOOK_SECS", 0.01)
    monkeypatch.setattr(job_driver, "LOOK_VIRTUAL_SECS", 0.01)
    monkeypatch.setattr(job_driver, "REFUSED_SECS", 0.02)


@pytest.fixture
async def begin(world: SlotWorld) -> AsyncIterator[Begin]:
    """Give what begins at a KST time on the real clock, unless told; its pods end with the test."""
    made: list[JobWorld] = []

    def make(
        *schedules: Any, now: str = "08:30", day: date | None = None, virtual: bool = False, **more: Any
    ) -> JobWorld:
        moment = kst(now) if day is None else kst(now, day)
        world.clock = ManualClock(moment, virtual=virtual)
        if world.client.board is not None:
            world.client.board._desk = replace(world.client.board._desk, clock=world.clock)
        made.append(JobWorld(world, list(schedules or [schedule()]), **more))
        return made[-1]

    yield make
    for one in made:
        await one.jobs.stop()


def driving(one: JobWorld, slot: str = SLOT, begun: Callable[[], None] = lambda: None, **more: Any) -> Any:
    return asyncio.create_task(one.driver.drive(order_of(one.schedules[0], slot, **more), begun))


async def test_the_job_of_the_cron_job_is_followed_and_none_is_made(begin: Begin, world: SlotWorld) -> None:
    one = begin()
    slot = driving(one)
    await asyncio.sleep(0.05)
    one.jobs.appear(SCOUT, SlotJob(CRON_JOB, is_own=False), slot=SLOT)
    assert (await slot).state is SlotState.RAN
    assert one.jobs.made == []
    assert len(world.jobs) == 1


@pytest.mark.parametrize(("deadline", "after_secs"), [("20m", 30), ("10s", 5)])
async def test_where_no_cron_job_comes_the_operator_makes_the_slots_job(
    begin: Begin, deadline: str, after_secs: int
) -> None:
    one = begin(schedule(deadline=deadline))
    slot = driving(one)
    one.world.clock.advance(after_secs - 1)
    await asyncio.sleep(0.05)
    assert one.jobs.made == []
    one.world.clock.advance(1)
    assert (await slot).state is SlotState.RAN
    assert one.jobs.made == [SLOT]


async def test_a_moment_in_the_queue_makes_no_slot_late(begin: Begin) -> None:
    one = begin()
    slot = driving(one, give_up_at=kst("08:50") + timedelta(milliseconds=3))
    one.world.clock.advance(29)
    await asyncio.sleep(0.05)
    assert one.jobs.made == [], "its CronJob is waited for"
    one.jobs.appear(SCOUT, SlotJob(CRON_JOB, is_own=False), slot=SLOT)
    assert (await slot).state is SlotState.RAN


async def test_what_is_caught_up_waits_for_no_cron_job(begin: Begin) -> None:
    one = begin(now="08:55")
    assert (await driving(one, give_up_at=kst("09:15"))).state is SlotState.RAN
    assert one.jobs.made == [SLOT]


async def test_a_cron_job_that_comes_after_all_runs_the_slot_no_second_time(begin: Begin, world: SlotWorld) -> None:
    gate = Gate()
    world.behave = gate
    one = begin()
    slot = driving(one)
    one.world.clock.advance(30)
    await eventually(lambda: gate.inside == 1)
    one.jobs.appear(SCOUT, SlotJob(CRON_JOB, is_own=False), slot=SLOT)
    await asyncio.sleep(0.05)
    gate.opened.set()
    assert (await slot).attempts == 1
    await eventually(lambda: all(job.is_over for job in one.jobs.of(SCOUT).values()))
    assert len(world.jobs) == 1


async def test_in_a_virtual_day_the_job_is_made_at_once_and_the_day_waits_for_its_pod(
    begin: Begin, world: SlotWorld
) -> None:
    gate = Gate()
    world.behave = gate
    one = begin(virtual=True)
    one.jobs.runs_pods = False
    begun = asyncio.Event()
    slot = driving(one, begun=begun.set)
    await eventually(lambda: one.jobs.made == [SLOT])
    assert begun.is_set()
    await asyncio.sleep(0.05)
    assert one.world.clock.holding == [f"job:{SLOT}"], "a pod that starts is waited for"
    one.jobs.runs_pods = True
    one.jobs.appear(SCOUT, SlotJob(SLOT), slot=SLOT)
    await eventually(lambda: gate.inside == 1)
    await eventually(lambda: f"job:{SLOT}" not in one.world.clock.holding, what="the day to be let go by the operator")
    gate.opened.set()
    assert (await slot).state is SlotState.RAN


async def test_a_virtual_day_goes_on_without_a_pod_that_stays_away(begin: Begin) -> None:
    one = begin(virtual=True, patience_secs=0.1)
    one.jobs.runs_pods, one.jobs.waits = False, "ErrImagePull: no such image"
    slot = driving(one)
    await eventually(lambda: one.jobs.made == [SLOT] and not one.world.clock.holding)
    one.world.clock.set(kst("08:51:01"))
    found = await slot
    assert (found.state, found.reason) == (
        SlotState.MISSED,
        f"Job {SLOT} did not begin it within 20m: ErrImagePull: no such image",
    )
    assert one.jobs.of(SCOUT) == {}, "what would only come late is removed"


async def test_a_slot_that_was_moved_before_its_cron_line_is_the_operators_own(begin: Begin) -> None:
    """On a half day what is anchored to the close comes hours before the minute at which the CronJob wakes."""
    day = date(2025, 11, 28)
    close = schedule(
        "us-close",
        task="settlement",
        calendar="XNYS",
        timeZone="America/New_York",
        schedules=["15 16 * * 1-5"],
        anchor="close",
    )
    one = begin(close, now="03:15", day=day + timedelta(days=1))
    slot = driving(one, "settle-us-close-20251129-0315")
    assert (await slot).state is SlotState.RAN
    assert one.jobs.made == ["settle-us-close-20251129-0315"]


async def test_a_slot_that_was_moved_behind_its_cron_line_is_its_waiting_pods(begin: Begin) -> None:
    day = date(2024, 11, 14)
    one = begin(schedule(anchor="open"), now="09:30", day=day)
    [waiting] = cron_jobs_job_names(one.schedules[0], kst("08:30", day))
    one.jobs.appear(SCOUT, SlotJob(waiting, is_own=False), slot="scout-20241114-0930")
    assert (await driving(one, "scout-20241114-0930")).state is SlotState.RAN
    assert one.jobs.made == []


async def test_and_if_that_pod_was_never_made_the_operator_does_not_wait_for_it(begin: Begin) -> None:
    """Forbid keeps a CronJob from making a second pod while the first one waits for its minute."""
    one = begin(schedule(anchor="open"), now="09:30", day=date(2024, 11, 14))
    assert (await driving(one, "scout-20241114-0930")).state is SlotState.RAN
    assert one.jobs.made == ["scout-20241114-0930"]


async def test_a_job_that_fails_before_it_begins_the_slot_fails_it(begin: Begin) -> None:
    one = begin()
    one.jobs.runs_pods = False
    one.jobs.appear(SCOUT, SlotJob(CRON_JOB, is_own=False))
    slot = driving(one)
    await asyncio.sleep(0.05)
    one.jobs.end(SCOUT, CRON_JOB, "BackoffLimitExceeded: three pods were lost")
    found = await slot
    assert (found.state, found.reason) == (
        SlotState.FAILED,
        f"Job {CRON_JOB} failed: BackoffLimitExceeded: three pods were lost",
    )


async def test_a_job_without_pods_is_given_up_in_time_and_removed(begin: Begin) -> None:
    one = begin()
    one.jobs.runs_pods, one.jobs.waits = False, "it has no pod"
    slot = driving(one)
    one.world.clock.set(kst("08:30:30"))
    await eventually(lambda: one.jobs.made == [SLOT])
    one.world.clock.set(kst("08:51:00"))
    await asyncio.sleep(0.05)
    assert not slot.done(), "a pod that has begun in time ends by itself"
    one.world.clock.set(kst("08:51:01"))
    assert (await slot).reason == f"Job {SLOT} did not begin it within 20m: it has no pod"
    assert one.jobs.of(SCOUT) == {}


async def test_a_job_that_the_cluster_refuses_is_tried_again_and_told(begin: Begin) -> None:
    one = begin()
    one.jobs.refusal = QUOTA
    slot = driving(one)
    one.world.clock.set(kst("08:31"))
    await eventually(lambda: len(one.troubles) > 2)
    one.jobs.refusal = None
    assert (await slot).state is SlotState.RAN
    assert set(one.troubles[:-1]) == {"QuotaExceeded: exceeded quota: jobs"}
    assert one.troubles[-1] == "", "and the trouble is over"


async def test_a_refusal_that_lasts_is_the_reason_of_a_missed_slot(begin: Begin) -> None:
    one = begin()
    one.jobs.refusal = QUOTA
    slot = driving(one)
    one.world.clock.set(kst("08:31"))
    await eventually(lambda: one.troubles)
    one.world.clock.set(kst("08:50:01"))
    found = await slot
    assert (found.state, found.reason) == (
        SlotState.MISSED,
        "no Job was made for it within 20m: QuotaExceeded: exceeded quota: jobs",
    )


async def test_an_api_server_that_is_away_is_waited_for(begin: Begin) -> None:
    one = begin()
    one.jobs.outage = NoApiServer("the API server did not answer")
    slot = driving(one)
    one.world.clock.set(kst("08:31"))
    await asyncio.sleep(0.05)
    one.jobs.outage = None
    assert (await slot).state is SlotState.RAN
    assert one.troubles == [""], "an outage is nobody's refusal"


async def test_a_job_that_somebody_deletes_is_made_again_between_two_attempts(begin: Begin, world: SlotWorld) -> None:
    async def fails_first(job: Job) -> str:
        if job.attempt == 1:
            raise Unavailable("not yet")
        return "at last"

    world.behave = fails_first
    one = begin(schedule(retries={"limit": 2, "backoff": "10m"}))
    slot = driving(one)
    one.world.clock.set(kst("08:30:30"))
    await world.until_state(SLOT, SlotState.FAILED)
    await one.jobs.delete("default", SLOT)
    found = await slot
    assert (found.state, found.attempts) == (SlotState.RAN, 2)
    assert one.jobs.made == [SLOT, SLOT]


async def test_a_job_that_is_deleted_while_its_slot_runs_is_not_missed(begin: Begin, world: SlotWorld) -> None:
    gate = Gate()
    world.behave = gate
    one = begin()
    slot = driving(one)
    one.world.clock.set(kst("08:30:30"))
    await eventually(lambda: gate.inside == 1)
    await one.jobs.delete("default", SLOT)
    await asyncio.sleep(0.05)
    gate.opened.set()
    found = await slot
    assert (found.state, found.attempts) == (SlotState.RAN, 1)
    assert one.jobs.made == [SLOT]


async def test_a_job_of_that_name_from_another_day_of_the_same_name_makes_room(begin: Begin) -> None:
    one = begin(virtual=True)
    one.jobs.appear(SCOUT, SlotJob(SLOT, is_over=True))
    assert (await driving(one)).state is SlotState.RAN
    assert one.jobs.made == [SLOT]


async def test_a_job_that_is_leaving_is_waited_for(begin: Begin) -> None:
    one = begin(virtual=True)
    one.jobs.appear(SCOUT, SlotJob(SLOT, is_leaving=True))
    slot = driving(one)
    await asyncio.sleep(0.05)
    assert one.jobs.made == []
    one.jobs.jobs[SCOUT].clear()
    assert (await slot).state is SlotState.RAN


async def test_a_deleted_schedules_slot_is_skipped_and_says_so(begin: Begin) -> None:
    one = begin()
    slot = driving(one)
    await asyncio.sleep(0.03)
    one.known.clear()
    found = await slot
    assert (found.state, found.reason) == (SlotState.SKIPPED, "its schedule was deleted")


async def test_a_schedule_that_is_suspended_before_the_job_is_made_makes_none(begin: Begin) -> None:
    one = begin()
    slot = driving(one)
    await asyncio.sleep(0.03)
    one.known[SCOUT] = schedule(suspend=True)
    found = await slot
    assert (found.state, found.reason) == (SlotState.SKIPPED, "the schedule is suspended")
    assert one.jobs.made == []


async def test_while_reconciliation_is_paused_no_job_is_made(begin: Begin) -> None:
    one = begin(virtual=True)
    plain = one.known[SCOUT]
    paused = {"trading.prime-jennie.io/pause-reconciliation": "true"}
    one.known[SCOUT] = plain.model_copy(update={"metadata": plain.metadata.model_copy(update={"annotations": paused})})
    slot = driving(one)
    await asyncio.sleep(0.05)
    assert one.jobs.made == []
    one.known[SCOUT] = plain
    assert (await slot).state is SlotState.RAN


async def test_a_slot_that_waits_for_another_has_no_pod_meanwhile(begin: Begin, world: SlotWorld) -> None:
    one = begin(virtual=True)
    need = Need("macro-collect", "macro-20260219-0720")
    slot = driving(one, needs=(need,))
    await asyncio.sleep(0.15)
    assert one.jobs.made == []
    assert one.world.clock.holding == []
    key = SlotKey("default", need.slot, Task.MACRO_COLLECT, kst("07:20"), need.schedule)
    await world.slots.record(key, source=SlotSource.SCHEDULE, state=SlotState.RAN, reason="", now=kst("08:30"))
    assert (await slot).state is SlotState.RAN


async def test_what_it_waits_for_in_vain_is_the_reason(begin: Begin, world: SlotWorld) -> None:
    one = begin(virtual=True)
    need = Need("macro-collect", "macro-20260219-0720")
    key = SlotKey("default", need.slot, Task.MACRO_COLLECT, kst("07:20"), need.schedule)
    await world.slots.record(
        key, source=SlotSource.SCHEDULE, state=SlotState.MISSED, reason="an outage", now=kst("08:30")
    )
    found = await driving(one, needs=(need,))
    assert (found.state, found.reason) == (SlotState.SKIPPED, "macro-collect: macro-20260219-0720 Missed: an outage")
    assert one.jobs.made == []


async def test_a_driver_that_dies_is_followed_by_one_that_finds_the_job(begin: Begin, world: SlotWorld) -> None:
    gate = Gate()
    world.behave = gate
    one = begin()
    first = driving(one)
    one.world.clock.set(kst("08:30:30"))
    await eventually(lambda: gate.inside == 1)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    second = driving(one)
    await asyncio.sleep(0.05)
    gate.opened.set()
    assert (await second).attempts == 1
    assert one.jobs.made == [SLOT]
    assert len(world.jobs) == 1


async def test_two_drivers_run_a_slot_once(begin: Begin, world: SlotWorld) -> None:
    """Two operators that both take themselves for the leader."""
    one = begin(virtual=True)
    other = JobWorld(world, one.schedules)
    slots = await asyncio.gather(*(driving(driver) for driver in (one, other)))
    assert slots[0] == slots[1]
    assert len(world.jobs) == 1
    await other.jobs.stop()


async def test_news_of_a_job_are_looked_at_without_waiting(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_driver, "LOOK_SECS", 60.0)
    one = begin()
    slot = driving(one)
    await asyncio.sleep(0.05)
    one.jobs.runs_pods = False
    one.jobs.appear(SCOUT, SlotJob(CRON_JOB, is_own=False, is_over=True, failure="Gone: away"))
    one.driver.look(SCOUT)
    async with asyncio.timeout(5):
        assert (await slot).state is SlotState.FAILED


class TestBackfills:
    """Slots of the past, by Jobs of their own."""

    def begin(self, begin: Begin, **more: Any) -> JobWorld:
        return begin(schedule(), now="15:00", backfill=backfill(uid="uid-1", **more))

    def driving(self, one: JobWorld, **more: Any) -> Any:
        return driving(one, give_up_at=kst("15:20"), source=SlotSource.BACKFILL, backfill="uid-1", **more)

    async def end_before(self, world: SlotWorld, state: SlotState) -> None:
        key = SlotKey("default", SLOT, Task.SCOUT, kst("08:30"), "scout")
        await world.slots.record(key, source=SlotSource.SCHEDULE, state=state, reason="before", now=kst("08:30"))

    async def test_a_missed_slot_runs_after_all_at_once_and_never_live(self, begin: Begin, world: SlotWorld) -> None:
        one = self.begin(begin)
        await self.end_before(world, SlotState.MISSED)
        assert (await self.driving(one)).state is SlotState.BACKFILLED
        assert one.jobs.made == [SLOT]
        assert [job.newest for job in world.jobs] == [False]

    async def test_the_finished_job_of_the_schedules_own_run_makes_room(self, begin: Begin, world: SlotWorld) -> None:
        one = self.begin(begin)
        await self.end_before(world, SlotState.FAILED)
        one.jobs.appear(SCOUT, SlotJob(SLOT, is_over=True, failure="it failed"))
        assert (await self.driving(one)).state is SlotState.BACKFILLED

    async def test_a_job_at_work_for_the_schedule_is_never_removed(self, begin: Begin, world: SlotWorld) -> None:
        gate = Gate()
        world.behave = gate
        one = self.begin(begin)
        one.jobs.appear(SCOUT, SlotJob(SLOT), slot=SLOT)
        await eventually(lambda: gate.inside == 1)
        slot = self.driving(one)
        await asyncio.sleep(0.05)
        assert one.jobs.made == []
        gate.opened.set()
        assert (await slot).state is SlotState.RAN, "it is done: there is nothing to fill"

    async def test_a_job_of_the_schedule_that_has_not_begun_is_waited_for_and_its_end_is_not_ours(
        self, begin: Begin
    ) -> None:
        one = self.begin(begin)
        one.jobs.runs_pods = False
        one.jobs.appear(SCOUT, SlotJob(SLOT))
        slot = self.driving(one)
        await asyncio.sleep(0.05)
        assert list(one.jobs.of(SCOUT)) == [SLOT], "a pod may be about to begin"
        one.jobs.runs_pods = True
        one.jobs.end(SCOUT, SLOT, "BackoffLimitExceeded: its node was lost")
        assert (await slot).state is SlotState.BACKFILLED
        assert one.jobs.made == [SLOT]

    async def test_what_is_done_is_done_again_where_that_is_asked(self, begin: Begin, world: SlotWorld) -> None:
        one = self.begin(begin, strategy="completed")
        await self.end_before(world, SlotState.RAN)
        slot = await self.driving(one, redo=True)
        assert (slot.state, slot.backfill) == (SlotState.BACKFILLED, "uid-1")
        assert (await self.driving(one, redo=True)).attempts == slot.attempts, "once"

    async def test_a_job_that_fails_before_it_begins_is_noted_for_this_backfill(
        self, begin: Begin, world: SlotWorld
    ) -> None:
        one = self.begin(begin)
        one.jobs.runs_pods = False
        await self.end_before(world, SlotState.MISSED)
        slot = self.driving(one)
        await eventually(lambda: one.jobs.made == [SLOT])
        one.jobs.end(SCOUT, SLOT, "DeadlineExceeded: too long")
        found = await slot
        assert (found.state, found.backfill) == (SlotState.FAILED, "uid-1")

    async def test_a_need_that_nobody_has_run_is_not_waited_for(self, begin: Begin) -> None:
        one = self.begin(begin)
        found = await self.driving(one, needs=(Need("macro-collect", "macro-20260219-0720"),))
        assert (found.state, found.reason) == (SlotState.SKIPPED, "macro-collect: macro-20260219-0720 has not run")
