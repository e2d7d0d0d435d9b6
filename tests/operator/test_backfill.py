"""Backfills on a real control plane: slots of the past run after all, so many at once, each once, never live."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.slots import SlotSource, SlotState, Task, parse_slot_name
from prime_jennie.infra.database.repositories.slots import SlotKey
from prime_jennie.infra.jobs import Job
from prime_jennie_operator.kube.kinds import BACKFILL, SCHEDULE
from tests.support.api_proxy import ApiProxy
from tests.support.cluster_access import Refused
from tests.support.control_plane import ControlPlane
from tests.support.eventually import eventually
from tests.support.job_service import Gate
from tests.support.redis_server import RedisServer
from tests.support.schedule_cluster import ScheduleCluster, shown

pytestmark = pytest.mark.timeout(300)
MONDAY = date(2026, 2, 2)
WEEK = [f"scout-{MONDAY + timedelta(days=day):%Y%m%d}-0830" for day in range(5)]
DAYS = {"from": "2026-02-02", "to": "2026-02-06"}
PAUSED = {"trading.prime-jennie.io/pause-reconciliation": "true"}


async def done(job: Job) -> str:
    return f"{job.slot} is done"


@pytest.fixture
async def cluster(
    control_plane: ControlPlane, namespace: str, mortal_redis: RedisServer, tmp_path: Path
) -> AsyncIterator[ScheduleCluster]:
    """A virtual Thursday two weeks later, with a schedule of one slot a day."""
    async with (
        ApiProxy(control_plane) as proxy,
        ScheduleCluster(control_plane, namespace, proxy, mortal_redis, tmp_path, done) as made,
    ):
        await made.schedule(schedules=["30 8 * * 1-5"], retries={"limit": 0})
        yield made


async def ended(cluster: ScheduleCluster, slot: str, state: SlotState) -> None:
    """Let a slot have ended long ago."""
    at = parse_slot_name(slot).at
    key = SlotKey(cluster.namespace, slot, Task.SCOUT, at, "scout")
    await cluster.slots.record(key, source=SlotSource.SCHEDULE, state=state, reason="before", now=at)


async def test_a_week_runs_two_at_once_and_writes_no_live_key(cluster: ScheduleCluster) -> None:
    most = 0

    async def count(job: Job) -> str:
        nonlocal most
        most = max(most, len(cluster.begun()) - len(await _over(cluster)))
        await asyncio.sleep(0.3)
        return "filled"

    cluster.scripted.behave = count
    async with cluster.operator():
        await cluster.backfill(maxActive=2, **DAYS)
        status = await cluster.until_phase("Finished")
        assert (status["planned"], status["succeeded"], status["progress"]) == (5, 5, "5/5")
        assert (status["failed"], status["skipped"], status["active"]) == (0, 0, 0)
        assert sorted(shown(status)) == [(slot, "Backfilled") for slot in WEEK]
        assert await cluster.until_event("BackfillFinished", "week") == "5 of 5 slots ran"
        row = await cluster.line("backfills")
        assert row[:-1] == ["week", "scout", "2026-02-02", "2026-02-06", "Finished", "5/5"]
        rows = [await cluster.until_slot(slot, SlotState.BACKFILLED) for slot in WEEK]
    uid = (await cluster.get(BACKFILL, "week"))["metadata"]["uid"]
    assert {(row.source, row.backfill) for row in rows} == {(SlotSource.BACKFILL, uid)}
    assert most == 2, "as many as may be, and no more"
    assert {job.newest for job in cluster.scripted.jobs} == {False}, "yesterday's list never becomes today's"
    assert sorted(cluster.begun()) == WEEK
    assert cluster.node.ran[:2] == WEEK[:2] or cluster.node.ran[:2] == WEEK[1::-1], "the oldest first"


async def test_the_newest_first_where_that_is_wanted(cluster: ScheduleCluster) -> None:
    async with cluster.operator():
        await cluster.backfill(reverse=True, **DAYS)
        await cluster.until_phase("Finished")
    assert cluster.begun() == WEEK[::-1]


async def test_only_what_failed_runs_again(cluster: ScheduleCluster) -> None:
    for slot, state in zip(WEEK, (SlotState.RAN, SlotState.FAILED, SlotState.MISSED, SlotState.SKIPPED), strict=False):
        await ended(cluster, slot, state)
    async with cluster.operator():
        await cluster.backfill("gaps", **DAYS)
        await cluster.until_phase("Finished", "gaps")
        assert cluster.begun() == WEEK[4:]
        await cluster.backfill("failures", strategy="failed", **DAYS)
        await cluster.until_phase("Finished", "failures")
        assert cluster.begun() == [WEEK[4], WEEK[1], WEEK[2]]
        await cluster.backfill("again", strategy="completed", **DAYS)
        status = await cluster.until_phase("Finished", "again")
        assert status["planned"] == 5
    assert sorted(cluster.begun()[3:]) == WEEK


async def test_a_dry_run_only_tells_and_then_runs_when_it_is_told_to(cluster: ScheduleCluster) -> None:
    async with cluster.operator():
        await cluster.backfill(dryRun=True, **DAYS)
        status = await cluster.until_phase("Planned")
        assert (status["planned"], status["progress"]) == (5, "0/5")
        assert shown(status) == [(slot, "Planned") for slot in WEEK]
        assert await cluster.jobs() == set()
        await cluster.backfill(dryRun=False, **DAYS)
        await cluster.until_phase("Finished")
        with pytest.raises(Refused, match="dryRun cannot be set later"):
            await cluster.backfill(dryRun=True, **DAYS)
        with pytest.raises(Refused, match="are immutable"):
            await cluster.backfill(**{**DAYS, "to": "2026-02-05"})
    assert cluster.begun() == WEEK


async def test_what_may_change_reaches_the_slots_that_are_yet_to_begin(cluster: ScheduleCluster) -> None:
    gate = Gate()
    cluster.scripted.behave = gate
    async with cluster.operator():
        await cluster.backfill(parameters={"depth": 1}, **DAYS)
        await eventually(lambda: gate.inside == 1, within_secs=30)
        await cluster.backfill(parameters={"depth": 2}, maxActive=2, **DAYS)
        await eventually(lambda: gate.inside == 2, within_secs=30)
        gate.opened.set()
        await cluster.until_phase("Finished")
    assert [(job.slot, dict(job.parameters)) for job in cluster.scripted.jobs[:2]] == [
        (WEEK[0], {"depth": 1}),
        (WEEK[1], {"depth": 2}),
    ]
    assert sorted(cluster.begun()) == sorted(cluster.node.ran) == WEEK
    assert {job.parameters["depth"] for job in cluster.scripted.jobs[2:]} == {2}


async def test_an_operator_that_restarts_goes_on_where_it_was(cluster: ScheduleCluster) -> None:
    gate = Gate()
    cluster.scripted.behave = gate
    async with cluster.operator():
        await cluster.backfill(maxActive=2, **DAYS)
        await eventually(lambda: gate.inside == 2, within_secs=30)
    assert len(cluster.begun()) == 2
    async with cluster.operator():
        await asyncio.sleep(2)
        assert len(cluster.begun()) == 2, "what runs counts, whoever began it"
        gate.opened.set()
        status = await cluster.until_phase("Finished")
        assert status["progress"] == "5/5"
    assert sorted(cluster.begun()) == WEEK
    assert sorted(cluster.node.ran) == WEEK, "each once"


async def test_a_finished_backfill_is_over_for_every_operator_to_come(cluster: ScheduleCluster) -> None:
    """Also when another one has run its slots since: they are not its own any more, and it has told what it did."""
    async with cluster.operator():
        await cluster.backfill(strategy="completed", **DAYS)
        status = await cluster.until_phase("Finished")
        await cluster.backfill("again", strategy="completed", **DAYS)
        await cluster.until_phase("Finished", "again")
    async with cluster.operator() as operator:
        operator.look_at_all()
        await eventually(lambda: operator.is_idle, within_secs=30)
        await asyncio.sleep(1)
    assert await cluster.status("week", BACKFILL) == status
    assert sorted(cluster.begun()) == sorted([*WEEK, *WEEK]), "each of them once"
    assert [event[1] for event in await cluster.events("week")] == ["BackfillFinished"]


async def test_a_deleted_backfill_begins_nothing_more_and_lets_what_runs_end(cluster: ScheduleCluster) -> None:
    gate = Gate()
    cluster.scripted.behave = gate
    async with cluster.operator():
        await cluster.backfill(**DAYS)
        await eventually(lambda: gate.inside == 1, within_secs=30)
        await cluster.delete(BACKFILL, "week")
        await asyncio.sleep(1)
        gate.opened.set()
        assert (await cluster.until_slot(WEEK[0])).state is SlotState.BACKFILLED
        await asyncio.sleep(2)
    assert cluster.begun() == WEEK[:1]


async def test_a_failed_slot_is_counted_named_and_not_tried_for_ever(cluster: ScheduleCluster) -> None:
    async def fails_on_tuesday(job: Job) -> str:
        if job.slot == WEEK[1]:
            raise Unavailable("no prices of that day")
        return "filled"

    cluster.scripted.behave = fails_on_tuesday
    async with cluster.operator():
        await cluster.backfill(**DAYS)
        status = await cluster.until_phase("Failed")
        assert (status["succeeded"], status["failed"], status["progress"]) == (4, 1, "5/5")
        assert await cluster.until_event("BackfillFinished", "week") == f"4 of 5 slots ran, 1 failed: {WEEK[1]}"
    assert cluster.begun() == WEEK


async def test_a_live_slot_does_not_wait_for_a_backfill(cluster: ScheduleCluster) -> None:
    gate = Gate()

    async def live_at_once(job: Job) -> str:
        return "live" if job.source is not SlotSource.BACKFILL else await gate(job)

    cluster.scripted.behave = live_at_once
    async with cluster.operator():
        await cluster.backfill(**DAYS)
        await eventually(lambda: gate.inside == 1, within_secs=30)
        await cluster.clock("2026-02-19 08:30")
        today = await cluster.until_slot("scout-20260219-0830")
        assert today.state is SlotState.RAN
        gate.opened.set()
        await cluster.until_phase("Finished")
    newest = {job.slot: job.newest for job in cluster.scripted.jobs}
    assert newest == {**dict.fromkeys(WEEK, False), "scout-20260219-0830": True}


async def test_a_schedule_that_comes_later_is_waited_for(cluster: ScheduleCluster) -> None:
    async with cluster.operator():
        await cluster.backfill(**{**DAYS, "schedule": "later", "to": "2026-02-02"})
        status = await cluster.until("week", BACKFILL, Ready="UnknownSchedule")
        assert status["phase"] == "Pending"
        assert "there is no ScoutSchedule later" in str(status["conditions"])
        await cluster.schedule("later", schedules=["30 8 * * 1-5"])
        await cluster.until_phase("Finished")
    assert cluster.begun() == ["scout-later-20260202-0830"]


async def test_a_suspended_schedules_past_may_be_filled(cluster: ScheduleCluster) -> None:
    await cluster.schedule(schedules=["30 8 * * 1-5"], suspend=True, catchUp="none")
    async with cluster.operator():
        await cluster.backfill(**DAYS)
        await cluster.until_phase("Finished")
    assert cluster.begun() == WEEK


async def test_a_paused_backfill_begins_nothing_until_it_is_let_go(cluster: ScheduleCluster) -> None:
    async with cluster.operator():
        await cluster.backfill(annotations=PAUSED, **DAYS)
        status = await cluster.until("week", BACKFILL, ReconciliationPaused="True")
        assert status["phase"] == "Pending"
        await asyncio.sleep(1)
        assert cluster.begun() == []
        await cluster.backfill(**DAYS)
        await cluster.until_phase("Finished")


async def test_a_schedule_that_is_deleted_takes_the_rest_of_its_backfill_along(cluster: ScheduleCluster) -> None:
    gate = Gate()
    cluster.scripted.behave = gate
    async with cluster.operator():
        await cluster.backfill(**DAYS)
        await eventually(lambda: gate.inside == 1, within_secs=30)
        await cluster.delete(SCHEDULE, "scout")
        await cluster.until("week", BACKFILL, Ready="UnknownSchedule")
        gate.opened.set()
        await cluster.until_slot(WEEK[0])
        await asyncio.sleep(1)
    assert cluster.begun() == WEEK[:1]


async def _over(cluster: ScheduleCluster) -> list[str]:
    rows = await cluster.slots.of_names(cluster.namespace, WEEK)
    return [name for name, row in rows.items() if row.is_finished]
