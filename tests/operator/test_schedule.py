"""Schedules on a real control plane: every slot once, with one outcome that its owner can read, whatever stops."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.slots import SlotState
from prime_jennie.infra.jobs import Job
from prime_jennie_operator.firing import desks
from prime_jennie_operator.kube.kinds import CRON_JOB, JOB, SCHEDULE
from tests.support.api_proxy import ApiProxy
from tests.support.cluster_access import Refused
from tests.support.control_plane import ControlPlane
from tests.support.database import migrate_empty
from tests.support.eventually import eventually
from tests.support.job_service import Gate
from tests.support.redis_server import RedisServer
from tests.support.schedule_cluster import ScheduleCluster, killed_operator, minutes, shown
from tests.support.schedules import kst

pytestmark = pytest.mark.timeout(300)
FIRST, SECOND = "scout-20260219-0830", "scout-20260219-0930"


async def done(job: Job) -> str:
    return f"{job.slot} is done"


@pytest.fixture
async def cluster(
    control_plane: ControlPlane, namespace: str, mortal_redis: RedisServer, tmp_path: Path
) -> AsyncIterator[ScheduleCluster]:
    """A virtual Thursday at 08:25."""
    async with (
        ApiProxy(control_plane) as proxy,
        ScheduleCluster(control_plane, namespace, proxy, mortal_redis, tmp_path, done) as made,
    ):
        yield made


class TestVirtualDay:
    """The operator makes the slots' Jobs itself, on the exchange's clock."""

    async def test_a_slot_is_a_job_of_its_name_and_the_status_tells_it(self, cluster: ScheduleCluster) -> None:
        async with cluster.operator():
            await cluster.schedule()
            status = await cluster.until(Ready="True", Suspended="False")
            assert status["nextRun"] == "2026-02-19 08:30 KST"
            assert status["observedGeneration"] == 1
            [cron_job] = (await cluster.cron_jobs()).values()
            assert cron_job["suspend"] is True
            assert (cron_job["timeZone"], cron_job["startingDeadlineSeconds"]) == ("Asia/Seoul", 1200)
            assert (cron_job["concurrencyPolicy"], cron_job["successfulJobsHistoryLimit"]) == ("Forbid", 3)
            await cluster.clock("2026-02-19 08:30")
            slot = await cluster.until_slot(FIRST)
            assert (slot.state, slot.attempts) == (SlotState.RAN, 1)

            async def is_told() -> bool:
                return (await cluster.status()).get("lastOutcome") == "Ran"

            await eventually(is_told, within_secs=20)
            status = await cluster.status()
            assert shown(status) == [(FIRST, "Ran")]
            assert status["slots"][0]["job"] == FIRST
            assert (status["nextRun"], status["lastSlot"]) == ("2026-02-19 09:30 KST", FIRST)
        assert cluster.node.ran == [FIRST]
        assert [event for event in await cluster.events() if event[1] not in ("Ready",)] == [], "nothing is news"

    async def test_kubectl_shows_it_in_a_line_and_prometheus_in_numbers(self, cluster: ScheduleCluster) -> None:
        async with cluster.operator():
            await cluster.schedule()
            await cluster.until(Ready="Scheduled")
            assert await cluster.line("scoutschedules", "NEXT", "SUSPENDED") == ["2026-02-19 08:30 KST", "false"]
            assert metric("next_run_timestamp_seconds", cluster) == kst("08:30").timestamp()
            await cluster.clock("2026-02-19 08:30")
            await eventually(lambda: _is_told(cluster, FIRST), within_secs=30)
            row = await cluster.line("scoutschedules")
            assert row[:-1] == ["scout", "scout", "30 8-14 * * 1-5", "2026-02-19 09:30 KST", FIRST, "Ran", "false"]
            assert metric("last_outcome", cluster, outcome="Ran") == 1
            assert metric("slots", cluster, outcome="Ran") == 1
            assert metric("slots", cluster, outcome="Missed") == 0
            await cluster.schedule(suspend=True)
            await cluster.until(Suspended="True")
            assert await cluster.line("scoutschedules", "SUSPENDED") == ["true"]
            await eventually(lambda: metric("suspended", cluster) == 1 and _next_run(cluster) is None)
        assert metric("suspended", cluster) is None, "who does not lead shows nothing"

    async def test_a_day_of_two_schedules_leaves_one_outcome_a_slot_and_few_jobs(
        self, cluster: ScheduleCluster
    ) -> None:
        """A leader leads; it waits at each slot until its pod has begun, so that none is late."""
        begun_at: dict[str, str] = {}

        async def note(job: Job) -> str:
            assert cluster.scripted.desk is not None
            now = cluster.scripted.desk.clock.now()
            begun_at[job.slot] = f"{(now - job.at).total_seconds():.0f}"
            return "well"

        cluster.scripted.behave = note
        await cluster.schedule(schedules=["30 8-11 * * 1-5"], successfulHistoryLimit=2)
        await cluster.schedule("after", schedules=["0 9,10 * * 1-5"], dependsOn=["scout"], successfulHistoryLimit=0)
        async with cluster.operator():
            await cluster.until("scout", Ready="True")
            await cluster.until("after", Ready="True")
            await cluster.lead("11:40")
            last = await cluster.until_slot("scout-20260219-1130")
            assert last.state is SlotState.RAN
            expected = [f"scout-20260219-{clock}" for clock in ("0830", "0930", "1030", "1130")]
            expected += ["scout-after-20260219-0900", "scout-after-20260219-1000"]
            assert sorted(cluster.begun()) == sorted(expected)
            assert sorted(cluster.node.ran) == sorted(expected)
            assert all(int(late) <= 60 for late in begun_at.values()), begun_at

            async def is_pruned() -> bool:
                return await cluster.jobs() == {"scout-20260219-1030", "scout-20260219-1130"}

            await eventually(is_pruned, within_secs=30, what="the history's limits")

            async def is_told() -> bool:
                return len((await cluster.status()).get("slots", ())) == 4

            await eventually(is_told, within_secs=30)
            assert [one["job"] for one in (await cluster.status())["slots"]] == expected[3::-1], "pruned ones, too"

    async def test_a_suspended_schedule_skips_its_slots_and_goes_on_where_it_is_told(
        self, cluster: ScheduleCluster
    ) -> None:
        async with cluster.operator():
            await cluster.schedule(suspend=True)
            status = await cluster.until(Ready="Suspended", Suspended="True")
            assert "nextRun" not in status
            await cluster.clock("2026-02-19 08:30")
            slot = await cluster.until_slot(FIRST)
            assert (slot.state, slot.reason) == (SlotState.SKIPPED, "the schedule is suspended")
            await cluster.schedule(suspend=False)
            await cluster.until(Suspended="False", Ready="Scheduled")
            await cluster.clock("2026-02-19 09:30")
            assert (await cluster.until_slot(SECOND)).state is SlotState.RAN
        assert cluster.begun() == [SECOND]

    async def test_days_are_closed_by_configuration_while_the_operator_runs(self, cluster: ScheduleCluster) -> None:
        async with cluster.operator():
            await cluster.schedule()
            await cluster.until(Ready="True")
            cluster.close_days("2026-02-19")
            await cluster.clock("2026-02-19 08:30")
            slot = await cluster.until_slot(FIRST)
            assert (slot.state, slot.reason) == (SlotState.SKIPPED, "2026-02-19 has no session on XKRX")

            async def is_told() -> bool:
                return (await cluster.status()).get("nextRun") == "2026-02-20 08:30 KST"

            await eventually(is_told, within_secs=20)
            cluster.close_days()
            await cluster.clock("2026-02-19 09:30")
            assert (await cluster.until_slot(SECOND)).state is SlotState.RAN

    async def test_closed_days_that_cannot_be_read_stop_every_decision_until_they_can(
        self, cluster: ScheduleCluster
    ) -> None:
        async with cluster.operator() as operator:
            await cluster.schedule()
            await cluster.until(Ready="True")
            cluster.closures.write_text("XKRX is closed on Thursday\n")
            operator.look_at_all()
            status = await cluster.until(Ready="UnknownCalendar")
            assert "closures.csv: line 1: must be exchange,date,open,close,reason" in str(status["conditions"])
            await cluster.clock("2026-02-19 08:30")
            await asyncio.sleep(2)
            assert await cluster.slots.get(cluster.namespace, FIRST) is None
            cluster.close_days()
            assert (await cluster.until_slot(FIRST)).state is SlotState.RAN
            await cluster.until(Ready="True")

    async def test_what_failed_before_it_skips_the_slot_that_depends_on_it(self, cluster: ScheduleCluster) -> None:
        async def fails(job: Job) -> str:
            raise Unavailable("no figures")

        cluster.scripted.behave = fails
        async with cluster.operator():
            await cluster.schedule(retries={"limit": 0})
            await cluster.schedule("after", schedules=["0 9 * * 1-5"], dependsOn=["scout"])
            await cluster.until("after", Ready="True")
            await cluster.clock("2026-02-19 08:30")
            assert (await cluster.until_slot(FIRST)).state is SlotState.FAILED
            assert await cluster.until_event("Failed") == f"{FIRST}: Unavailable: no figures"
            await cluster.clock("2026-02-19 09:00")
            slot = await cluster.until_slot("scout-after-20260219-0900")
            assert (slot.state, slot.reason) == (
                SlotState.SKIPPED,
                f"scout: {FIRST} Failed: Unavailable: no figures",
            )
        assert cluster.begun() == [FIRST]

    async def test_a_paused_schedule_is_left_alone_and_decided_afterwards(self, cluster: ScheduleCluster) -> None:
        paused = {"trading.prime-jennie.io/pause-reconciliation": "true"}
        async with cluster.operator():
            await cluster.schedule(catchUp="none")
            await cluster.until(Ready="True")
            await cluster.schedule(catchUp="none", annotations=paused)
            await cluster.until(ReconciliationPaused="True")
            await cluster.delete(CRON_JOB, "scout-0")
            await cluster.clock("2026-02-19 08:30")
            await asyncio.sleep(2)
            assert await cluster.cron_jobs() == {}
            assert await cluster.slots.get(cluster.namespace, FIRST) is None
            await cluster.clock("2026-02-19 08:55")
            await cluster.schedule(catchUp="none")
            slot = await cluster.until_slot(FIRST)
            assert (slot.state, slot.reason) == (
                SlotState.MISSED,
                "nobody was there to start it within 20m (catchUp none)",
            )
            assert await cluster.until_event("Missed") == f"{FIRST}: {slot.reason}"
            await eventually(lambda: _has_cron_job(cluster), within_secs=20, what="the CronJob to be back")

    async def test_a_cron_job_that_somebody_changes_is_as_before(self, cluster: ScheduleCluster) -> None:
        async with cluster.operator():
            await cluster.schedule()
            await cluster.until(Ready="True")
            change = {"spec": {"schedule": "* * * * *", "suspend": False}}
            await cluster.ask(
                "PATCH", CRON_JOB.path(cluster.namespace, "scout-0"), change, content="application/merge-patch+json"
            )

            async def is_healed() -> bool:
                spec = (await cluster.cron_jobs())["scout-0"]
                return (spec["schedule"], spec["suspend"]) == ("30 8-14 * * 1-5", True)

            await eventually(is_healed, within_secs=20)
            await cluster.until_event("Healed")

    async def test_a_line_less_is_a_cron_job_less(self, cluster: ScheduleCluster) -> None:
        async with cluster.operator():
            await cluster.schedule(schedules=["30 8 * * 1-5", "45 8 * * 1-5"])
            await cluster.until(Ready="True")
            assert set(await cluster.cron_jobs()) == {"scout-0", "scout-1"}
            await cluster.schedule(schedules=["45 8 * * 1-5"])

            async def is_pruned() -> bool:
                found = await cluster.cron_jobs()
                return {name: spec["schedule"] for name, spec in found.items()} == {"scout-0": "45 8 * * 1-5"}

            await eventually(is_pruned, within_secs=20)

    async def test_when_nothing_changes_nothing_is_written(self, cluster: ScheduleCluster) -> None:
        async with cluster.operator() as operator:
            await cluster.schedule()
            await cluster.clock("2026-02-19 08:30")
            await cluster.until_slot(FIRST)

            async def is_told() -> bool:
                return shown(await cluster.status()) == [(FIRST, "Ran")]

            await eventually(is_told, within_secs=20)
            await eventually(lambda: operator.is_idle)
            cluster.proxy.asked.clear()
            for _ in range(5):
                operator.look_at_all()
                await asyncio.sleep(0.2)
            await eventually(lambda: operator.is_idle)
            assert [asked for asked in cluster.proxy.asked if asked.is_write] == []

    async def test_a_deleted_schedule_takes_its_cron_jobs_along_and_fires_no_more(
        self, cluster: ScheduleCluster
    ) -> None:
        async with cluster.operator():
            await cluster.schedule()
            await cluster.until(Ready="True")
            await cluster.delete(SCHEDULE, "scout")

            async def are_gone() -> bool:
                return not await cluster.cron_jobs()

            await eventually(are_gone, within_secs=60)
            await cluster.clock("2026-02-19 08:30")
            await asyncio.sleep(1)
        assert cluster.node.ran == []


class TestTroubles:
    """What is wrong is said with its reason, is nobody else's trouble, and ends without a restart."""

    @pytest.mark.parametrize(
        ("spec", "reason", "says"),
        [
            ({"schedules": ["0 9 1 1 *"]}, "NeverFires", "spec.schedules[0]: '0 9 1 1 *' never fires: no session"),
            ({"timeZone": "Mars/Olympus"}, "InvalidSpec", "spec.timeZone: 'Mars/Olympus' is no time zone"),
            ({"task": "news"}, "NoService", "spec.task: no service of this platform runs news yet"),
            ({"dependsOn": ["settlement"]}, "UnknownDependency", "there is no ScoutSchedule settlement"),
        ],
    )
    async def test_a_wrong_schedule_is_told_and_recovers(
        self, cluster: ScheduleCluster, spec: dict[str, object], reason: str, says: str
    ) -> None:
        async with cluster.operator():
            await cluster.schedule("other", schedules=["40 8 * * 1-5"])
            await cluster.schedule(**spec)
            status = await cluster.until(Ready=reason)
            [ready] = [one for one in status["conditions"] if one["type"] == "Ready"]
            assert says in ready["message"]
            assert says in await cluster.until_event(reason)
            await cluster.until("other", Ready="True")
            await cluster.schedule()
            await cluster.until(Ready="Scheduled")
            await cluster.clock("2026-02-19 08:30")
            assert (await cluster.until_slot(FIRST)).state is SlotState.RAN
            await cluster.clock("2026-02-19 08:40")
            assert (await cluster.until_slot("scout-other-20260219-0840")).state is SlotState.RAN

    @pytest.mark.parametrize(
        "spec",
        [
            {"calendar": "XTKS"},
            {"schedules": ["61 8 * * *"]},
            {"schedules": []},
            {"deadline": "1s"},
            {"calendar": "none"},
        ],
    )
    async def test_what_the_api_server_can_judge_it_refuses(
        self, cluster: ScheduleCluster, spec: dict[str, object]
    ) -> None:
        with pytest.raises(Refused) as refused:
            await cluster.schedule(**spec)
        assert refused.value.code == 422

    async def test_a_circle_is_told_to_both_and_its_end_frees_both(self, cluster: ScheduleCluster) -> None:
        async with cluster.operator():
            await cluster.schedule("one", dependsOn=["two"])
            await cluster.schedule("two", dependsOn=["one"])
            await cluster.until("one", Ready="CircularDependency")
            await cluster.until("two", Ready="CircularDependency")
            await cluster.schedule("two")
            await cluster.until("one", Ready="Scheduled")
            await cluster.until("two", Ready="Scheduled")

    async def test_the_older_of_two_with_one_name_for_their_slots_keeps_it(self, cluster: ScheduleCluster) -> None:
        async with cluster.operator():
            await cluster.schedule("late")
            await cluster.until("late", Ready="Scheduled")
            await asyncio.sleep(1.1)  # creation is dated in seconds
            await cluster.schedule("scout-late")
            await cluster.until("scout-late", Ready="NameTaken")
            await cluster.until("late", Ready="Scheduled")

    async def test_a_job_of_the_slots_name_that_is_not_ours_is_left_alone_and_told(
        self, cluster: ScheduleCluster
    ) -> None:
        pod = {"containers": [{"name": "theirs", "image": "theirs"}], "restartPolicy": "Never"}
        body = {"metadata": {"name": FIRST}, "spec": {"suspend": True, "template": {"spec": pod}}}
        await cluster.ask("POST", JOB.path(cluster.namespace), {"apiVersion": "batch/v1", "kind": "Job", **body})
        async with cluster.operator():
            await cluster.schedule()
            await cluster.clock("2026-02-19 08:30")
            await cluster.until(Ready="JobNameTaken")
            told = await cluster.until_event("JobNameTaken")
            assert told == f"slots cannot start: Job {FIRST} exists and was not made for this schedule"
            await cluster.delete(JOB, FIRST)
            assert (await cluster.until_slot(FIRST)).state is SlotState.RAN
            await cluster.until(Ready="Scheduled")

    async def test_a_quota_that_takes_no_job_is_told_and_its_end_is_used(self, cluster: ScheduleCluster) -> None:
        quotas = f"/api/v1/namespaces/{cluster.namespace}/resourcequotas"
        quota = {"metadata": {"name": "no-jobs"}, "spec": {"hard": {"count/jobs.batch": "0"}}}
        await cluster.ask("POST", quotas, {"apiVersion": "v1", "kind": "ResourceQuota", **quota})

        async def counts() -> bool:
            return "used" in (await cluster.ask("GET", f"{quotas}/no-jobs")).get("status", {})

        await eventually(counts, within_secs=30)
        async with cluster.operator():
            await cluster.schedule()
            await cluster.until(Ready="Scheduled")
            await cluster.clock("2026-02-19 08:30")
            await cluster.until(Ready="QuotaExceeded")
            assert "exceeded quota: no-jobs" in await cluster.until_event("QuotaExceeded")
            await cluster.ask("DELETE", f"{quotas}/no-jobs")
            assert (await cluster.until_slot(FIRST)).state is SlotState.RAN
            await cluster.until(Ready="Scheduled")

    async def test_an_image_that_cannot_be_pulled_is_the_reason_of_a_missed_slot(
        self, cluster: ScheduleCluster
    ) -> None:
        cluster.node.waiting = {"reason": "ErrImagePull", "message": "no such tag"}
        async with cluster.operator():
            await cluster.schedule()
            await cluster.clock("2026-02-19 08:30")
            await eventually(lambda: _has_job(cluster, FIRST), within_secs=30)
            await asyncio.sleep(1.5)  # its pod comes, and says what it waits for
            await cluster.clock("2026-02-19 08:51:01")
            slot = await cluster.until_slot(FIRST)
            assert (slot.state, slot.reason) == (
                SlotState.MISSED,
                f"Job {FIRST} did not begin it within 20m: ErrImagePull: no such tag",
            )
            cluster.node.waiting = {}
            await cluster.clock("2026-02-19 09:30")
            assert (await cluster.until_slot(SECOND)).state is SlotState.RAN
            assert await cluster.until_event("Missed") == f"{FIRST}: {slot.reason}"

    async def test_a_database_that_is_away_is_told_and_waited_for(self, cluster: ScheduleCluster) -> None:
        """The CronJobs are there all the same: they need no ledger to wake."""
        away = f"sqlite:///{cluster.closures.parent / 'elsewhere' / 'slots.db'}"
        async with cluster.operator(database_url=away):
            await cluster.schedule()
            await cluster.until(Ready="DatabaseUnreachable")
            assert set(await cluster.cron_jobs()) == {"scout-0"}
            await cluster.clock("2026-02-19 08:30")
            (cluster.closures.parent / "elsewhere").mkdir()
            migrate_empty(away)
            await cluster.until(Ready="Scheduled")

    async def test_without_a_database_the_cron_jobs_are_made_and_that_is_said(self, cluster: ScheduleCluster) -> None:
        async with cluster.operator(database_url=None):
            await cluster.schedule()
            status = await cluster.until(Ready="DatabaseUnreachable")
            assert "DATABASE_URL is not set" in str(status["conditions"])
            assert set(await cluster.cron_jobs()) == {"scout-0"}


class TestOnce:
    """Whoever stops, and whoever asks beside: a slot runs once."""

    async def test_an_operator_that_is_killed_anywhere_finds_its_slots_again(self, cluster: ScheduleCluster) -> None:
        """Before it has made the Job, as soon as that is there, and while its pod works."""
        gate = Gate()
        cluster.scripted.behave = gate
        await cluster.schedule()
        moments: list[Callable[[], Awaitable[bool] | bool]] = [
            lambda: True,
            lambda: _has_job(cluster, FIRST),
            lambda: gate.inside == 1,
        ]
        for moment in moments:
            async with killed_operator(cluster) as process:
                await cluster.until_lease_is_held()
                await cluster.until(Ready="True")
                await cluster.clock("2026-02-19 08:30")
                await eventually(moment, within_secs=60)
                process.kill()
        gate.opened.set()
        async with cluster.operator():
            slot = await cluster.until_slot(FIRST)
            await eventually(lambda: _is_told(cluster, FIRST), within_secs=30)
        assert (slot.state, slot.attempts) == (SlotState.RAN, 1)
        assert cluster.begun() == cluster.node.ran == [FIRST]

    async def test_slots_of_an_outage_are_missed_but_for_the_newest(self, cluster: ScheduleCluster) -> None:
        async with cluster.operator():
            await cluster.schedule()
            await cluster.clock("2026-02-19 08:30")
            await cluster.until_slot(FIRST)
            await eventually(lambda: _is_told(cluster, FIRST), within_secs=20)
        await cluster.clock("2026-02-19 11:55")
        async with cluster.operator():
            assert (await cluster.until_slot("scout-20260219-1130")).state is SlotState.RAN
            await eventually(lambda: _is_told(cluster, "scout-20260219-1130"), within_secs=20)
            outcomes = minutes(shown(await cluster.status()))
            assert outcomes == {"0830": "Ran", "0930": "Missed", "1030": "Missed", "1130": "Ran"}
            assert await cluster.until_event("CaughtUp") == "scout-20260219-1130 ran 25 minutes late (catchUp latest)"
        assert cluster.begun() == [FIRST, "scout-20260219-1130"]

    async def test_two_operators_that_both_lead_run_a_slot_once(self, cluster: ScheduleCluster) -> None:
        """Each has a lease of its own: nothing but the rows and the Jobs' names stands between them."""
        async with cluster.operator(), cluster.operator(lease_name="another", instance="another"):
            await cluster.schedule()
            await cluster.until(Ready="True")
            for clock in ("08:30", "09:30", "10:30"):
                await cluster.clock(f"2026-02-19 {clock}")
                slot = await cluster.until_slot(f"scout-20260219-{clock.replace(':', '')}")
                assert (slot.state, slot.attempts) == (SlotState.RAN, 1)
        assert len(cluster.begun()) == len(set(cluster.begun())) == 3
        assert cluster.node.ran == cluster.begun(), "nor does it have a second pod"

    async def test_a_job_that_is_deleted_while_its_slot_runs_costs_nothing(self, cluster: ScheduleCluster) -> None:
        gate = Gate()
        cluster.scripted.behave = gate
        async with cluster.operator():
            await cluster.schedule()
            await cluster.clock("2026-02-19 08:30")
            await eventually(lambda: gate.inside == 1, within_secs=30)
            await cluster.delete(JOB, FIRST)
            await eventually(lambda: cluster.node.at_work == 0, within_secs=30)
            gate.opened.set()
            slot = await cluster.until_slot(FIRST)
        assert (slot.state, slot.attempts) == (SlotState.RAN, 1)
        assert cluster.node.ran == [FIRST]

    async def test_a_pod_that_is_lost_between_two_attempts_has_a_successor(self, cluster: ScheduleCluster) -> None:
        async def fails_first(job: Job) -> str:
            if job.attempt == 1:
                raise Unavailable("not yet")
            return "at last"

        cluster.scripted.behave = fails_first
        async with cluster.operator():
            await cluster.schedule(retries={"limit": 2, "backoff": "10m"})
            await cluster.clock("2026-02-19 08:30")
            await eventually(lambda: len(cluster.begun()) == 1, within_secs=30)
            await cluster.delete(JOB, FIRST)
            slot = await cluster.until_slot(FIRST)
        assert (slot.state, slot.attempts) == (SlotState.RAN, 2)
        assert cluster.node.ran == [FIRST, FIRST]


class TestRealClock:
    """The cluster's own clock counts: CronJobs wake the slots, the operator stands beside."""

    EVERY_MINUTE = {"schedules": ["* * * * *"], "calendar": "none", "sessionsOnly": False}  # noqa: RUF012

    @pytest.fixture
    async def real(
        self, control_plane: ControlPlane, namespace: str, mortal_redis: RedisServer, tmp_path: Path
    ) -> AsyncIterator[ScheduleCluster]:
        async with (
            ApiProxy(control_plane) as proxy,
            ScheduleCluster(control_plane, namespace, proxy, mortal_redis, tmp_path, done, virtual=False) as made,
        ):
            yield made

    async def test_a_cron_job_that_is_made_again_runs_no_slot_a_second_time(self, real: ScheduleCluster) -> None:
        async with real.operator():
            await real.schedule(**self.EVERY_MINUTE, successfulHistoryLimit=10)
            await real.until(Ready="Scheduled")
            slot = await real.until_next_minute()
            assert (await real.until_slot(slot)).state is SlotState.RAN
            await eventually(lambda: _is_told(real, slot), within_secs=30)
            told = {one["slot"]: one["job"] for one in (await real.status())["slots"]}
            made_by_kubernetes = told[slot]
            assert made_by_kubernetes.startswith("scout-0-")
            template = (await real.get(CRON_JOB, "scout-0"))["spec"]["jobTemplate"]
            await real.delete(CRON_JOB, "scout-0")
            await eventually(lambda: _has_cron_job(real), within_secs=30, what="the CronJob to be back")

            async def is_gone() -> bool:
                return made_by_kubernetes not in await real.jobs()

            await eventually(is_gone, within_secs=60)
            await real.make_job(made_by_kubernetes, template, of=await real.get(CRON_JOB, "scout-0"))
            await eventually(lambda: real.node.ran.count(made_by_kubernetes) == 2, within_secs=30)
            await eventually(lambda: real.node.at_work == 0, within_secs=30)
            assert real.begun().count(slot) == 1
            assert (await real.until_slot(slot)).attempts == 1
        assert slot not in real.node.ran, "the operator had no Job of its own to make"

    async def test_slots_run_without_an_operator_and_the_next_one_tells_them(self, real: ScheduleCluster) -> None:
        async with real.operator():
            await real.schedule(**self.EVERY_MINUTE)
            await real.until(Ready="Scheduled")
            assert await real.events() == []
        alone = await real.until_next_minute()
        assert (await real.until_slot(alone)).state is SlotState.RAN
        async with real.operator():
            await eventually(lambda: _is_told(real, alone), within_secs=30)
            await real.until(Ready="Scheduled")
        assert real.begun().count(alone) == 1


class TestEveryNamespace:
    """One operator for a whole cluster: each namespace's slots stand in the database of its own platform."""

    async def test_another_namespaces_database_is_found_by_its_secret_also_when_that_is_mended(
        self,
        mortal_control_plane: ControlPlane,
        mortal_redis: RedisServer,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(desks, "LOOK_AGAIN_SECS", 0.5)
        plane = mortal_control_plane
        plane.new_namespace("operators")
        namespace = plane.new_namespace("desk-seoul")
        async with (
            ApiProxy(plane) as proxy,
            ScheduleCluster(plane, namespace, proxy, mortal_redis, tmp_path, done) as cluster,
            cluster.operator(namespace="operators", scope="cluster", database_url=None),
        ):
            for number in range(4):  # side by side
                await cluster.schedule(f"extra-{number}", task="scout", concurrencyPolicy="Allow")
            await cluster.schedule(concurrencyPolicy="Allow")
            status = await cluster.until(Ready="DatabaseUnreachable")
            assert "there is no Secret prime-jennie-database with a key url" in str(status["conditions"])
            await cluster.database_secret(f"sqlite:///{tmp_path / 'nowhere' / 'slots.db'}")
            await eventually(lambda: _says(cluster, "unable to open database file"), within_secs=30)
            await cluster.clock("2026-02-19 08:30")
            await cluster.database_secret(cluster.database_url)
            await cluster.until(Ready="Scheduled")
            await cluster.clock("2026-02-19 09:30")
            assert (await cluster.until_slot(SECOND)).state is SlotState.RAN
        assert cluster.begun().count(SECOND) == 1


async def _says(cluster: ScheduleCluster, words: str) -> bool:
    return words in str((await cluster.status()).get("conditions"))


def metric(name: str, cluster: ScheduleCluster, schedule: str = "scout", **labels: str) -> float | None:
    """Read a number of a schedule as Prometheus would."""
    told = {"namespace": cluster.namespace, "schedule": schedule, **labels}
    return REGISTRY.get_sample_value(f"jennie_schedule_{name}", told)


def _next_run(cluster: ScheduleCluster) -> float | None:
    return metric("next_run_timestamp_seconds", cluster)


async def _has_cron_job(cluster: ScheduleCluster) -> bool:
    return "scout-0" in await cluster.cron_jobs()


async def _has_job(cluster: ScheduleCluster, name: str) -> bool:
    return name in await cluster.jobs()


async def _is_told(cluster: ScheduleCluster, slot: str) -> bool:
    return (slot, "Ran") in shown(await cluster.status())
