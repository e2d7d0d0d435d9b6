"""The pod of a CronJob brings its one slot to an outcome: over real HTTP, by the Job's name, on the calendar."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from prime_jennie.domain.errors import BadInput, Unavailable
from prime_jennie.domain.slots import Slot, SlotSource, SlotState, Task
from prime_jennie.infra.database.repositories.slots import SlotKey, SlotRepository
from prime_jennie.infra.job_app import job_app
from prime_jennie.infra.jobs import Job
from prime_jennie.infra.settings import ServiceSettings
from prime_jennie_operator.desired.schedule import schedule_objects, slot_job
from prime_jennie_operator.fire import FireSettings, fire, main
from prime_jennie_operator.loading import load_values
from prime_jennie_operator.resources import Backfill, ScoutSchedule
from prime_jennie_operator.schedule.slots import slot_name_of
from tests.support.backfills import backfill
from tests.support.eventually import eventually
from tests.support.http_served import http_served
from tests.support.job_service import Scripted
from tests.support.schedules import kst, schedule
from tests.support.service_desk import ServiceDesk

ROOT = Path(__file__).parents[3]


def environment(
    at: datetime, url: str, database_url: str, name: str = "scout", beside: Sequence[ScoutSchedule] = (), **spec: Any
) -> dict[str, str]:
    """Return what the rendered CronJob tells the pod of a minute, Secrets and labels filled in."""
    [cron_job] = schedule_objects(schedule(name, **spec), load_values(), beside)
    pod = cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    told = {entry["name"]: entry.get("value", "") for entry in pod["containers"][0]["env"]}
    del told["JENNIE_CLOSURES"]  # nothing is mounted here
    job_name = f"{cron_job['metadata']['name']}-{int(at.timestamp()) // 60}"
    return told | {"JENNIE_JOB_NAME": job_name, "JENNIE_SERVICE_URL": url, "DATABASE_URL": database_url}


def settings(told: dict[str, str]) -> FireSettings:
    return FireSettings.model_validate(
        {name: value for name, value in told.items() if name.startswith("JENNIE_")}
        | {"database_url": told["DATABASE_URL"]}
    )


class Service:
    """scout-job with a behaviour, over HTTP."""

    def __init__(self, desk: ServiceDesk, url: str, scripted: Scripted) -> None:
        self.desk = desk
        self.url = url
        self.scripted = scripted

    async def fire(self, at: datetime, name: str = "scout", beside: Sequence[ScoutSchedule] = (), **spec: Any) -> Slot:
        told = environment(at, self.url, self.desk.database_url, name, beside, **spec)
        return await fire(settings(told), self.desk.clock)


async def done(job: Job) -> str:
    return f"{job.slot} is done"


@pytest.fixture
async def service(desk: ServiceDesk) -> AsyncIterator[Service]:
    scripted = Scripted(done)
    app = job_app(
        ServiceSettings(redis_url=desk.redis_url, database_url=desk.database_url), "scout-job", scripted.work_of
    )
    async with http_served(app) as url:
        await eventually(lambda: scripted.desk is not None)
        yield Service(desk, url, scripted)


async def test_the_slot_of_the_jobs_minute_runs(service: Service) -> None:
    slot = await service.fire(kst("08:30"))
    assert (slot.name, slot.state, slot.schedule) == ("scout-20260219-0830", SlotState.RAN, "scout")
    again = await service.fire(kst("08:30"))
    assert again == slot
    assert len(service.scripted.jobs) == 1, "a second Job of the minute finds it done"


async def test_the_slots_of_a_schedule_with_its_own_name_carry_it(service: Service) -> None:
    assert (await service.fire(kst("08:30"), "hourly")).name == "scout-hourly-20260219-0830"


async def test_a_job_made_for_one_slot_has_its_name(service: Service) -> None:
    told = environment(kst("08:30"), service.url, service.desk.database_url)
    told["JENNIE_JOB_NAME"] = "scout-20260219-0830"
    assert (await fire(settings(told), service.desk.clock)).state is SlotState.RAN
    told["JENNIE_JOB_NAME"] = "scout-20260219-0845"
    with pytest.raises(BadInput, match="is no slot of ScoutSchedule scout"):
        await fire(settings(told), service.desk.clock)


async def test_a_holiday_is_skipped_without_asking_anybody(service: Service) -> None:
    slot = await service.fire(kst("08:30", date(2024, 12, 25)))
    assert (slot.state, slot.reason) == (SlotState.SKIPPED, "2024-12-25 has no session on XKRX")
    assert service.scripted.jobs == []


async def test_a_job_that_starts_too_late_misses_its_slot_unless_it_is_caught_up(service: Service) -> None:
    missed = await service.fire(kst("07:30"), schedules=["30 7-8 * * *"], catchUp="none")
    assert missed.state is SlotState.MISSED
    caught_up = await service.fire(kst("08:10"), schedules=["10 8 * * *"])
    assert caught_up.state is SlotState.RAN


async def test_on_the_exam_day_the_pod_waits_for_the_later_minute(service: Service) -> None:
    day = date(2024, 11, 14)
    service.desk.clock._now = kst("15:45", day)
    firing = asyncio.create_task(service.fire(kst("15:45", day), schedules=["45 15 * * *"], anchor="close"))
    await asyncio.sleep(0.2)
    assert service.scripted.jobs == []
    service.desk.clock.set(kst("16:45", day))
    assert (await firing).name == "scout-20241114-1645"


async def test_it_waits_for_the_schedule_that_it_depends_on(service: Service) -> None:
    collect = schedule("macro-collect", task="macro-collect", schedules=["20 7,8 * * *"])
    spec = {"schedules": ["0 8 * * *"], "dependsOn": ["macro-collect"]}
    service.desk.clock._now = kst("08:00")
    firing = asyncio.create_task(service.fire(kst("08:00"), beside=[collect, schedule("late")], **spec))
    await asyncio.sleep(0.2)
    assert service.scripted.jobs == []
    key = SlotKey("default", "macro-20260219-0720", Task.MACRO_COLLECT, kst("07:20"), "macro-collect")
    await SlotRepository(service.desk.db).record(
        key, source=SlotSource.SCHEDULE, state=SlotState.RAN, reason="done", now=kst("08:00")
    )
    assert (await firing).state is SlotState.RAN


async def test_it_waits_for_the_latest_slot_before_its_own_and_for_none_older(service: Service) -> None:
    """The older one is done already: to run on its figures would be to run on stale ones."""
    collect = schedule("macro-collect", task="macro-collect", schedules=["20 7,8 * * *"])
    rows = SlotRepository(service.desk.db)
    for clock in ("07:20", "08:20"):
        name = f"macro-20260219-{clock.replace(':', '')}"
        key = SlotKey("default", name, Task.MACRO_COLLECT, kst(clock), "macro-collect")
        if clock == "08:20":
            firing = asyncio.create_task(service.fire(kst("08:30"), beside=[collect], dependsOn=["macro-collect"]))
            await asyncio.sleep(0.2)
            assert service.scripted.jobs == []
        await rows.record(key, source=SlotSource.SCHEDULE, state=SlotState.RAN, reason="done", now=kst("08:30"))
    assert (await firing).state is SlotState.RAN


async def test_what_it_depends_on_must_be_a_schedule(service: Service) -> None:
    slot = await service.fire(kst("08:30"), dependsOn=["settlement"])
    assert (slot.state, slot.reason) == (SlotState.SKIPPED, "settlement: there is no such schedule")


async def test_a_closure_of_this_installation_skips_the_slot(service: Service, tmp_path: Path) -> None:
    closures = tmp_path / "closures.csv"
    closures.write_text("exchange,date,open,close,reason\nXKRX,2026-02-19,,,typhoon\n", encoding="utf-8")
    told = environment(kst("08:30"), service.url, service.desk.database_url) | {"JENNIE_CLOSURES": str(closures)}
    slot = await fire(settings(told), service.desk.clock)
    assert (slot.state, slot.reason) == (SlotState.SKIPPED, "2026-02-19 has no session on XKRX")
    assert service.scripted.jobs == []


async def test_a_pod_that_takes_a_lost_ones_place_goes_on_with_the_slot(service: Service) -> None:
    """Its minute is long past, and it was begun in time: it is neither late nor missed."""

    async def fails_first(job: Job) -> str:
        if job.attempt == 1:
            raise Unavailable("not yet")
        return "at last"

    service.scripted.behave = fails_first
    spec: dict[str, Any] = {"schedules": ["45 8 * * *"], "catchUp": "none", "retries": {"limit": 1, "backoff": "10m"}}
    first = asyncio.create_task(service.fire(kst("08:45"), **spec))
    await eventually(lambda: len(service.scripted.jobs) == 1)
    await eventually(lambda: service.desk.clock.sleeping > 0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    slot = await service.fire(kst("08:45"), **spec)
    assert (slot.state, slot.attempts) == (SlotState.RAN, 2)


def asked_by(backfill: Backfill, at: datetime, service: Service, **spec: Any) -> FireSettings:
    """Return what the Job of a backfill tells its pod."""
    scout = schedule(**spec)
    job = slot_job(scout, load_values(), slot_name_of(scout, at), backfill=backfill)
    [container] = job["spec"]["template"]["spec"]["containers"]
    told = {entry["name"]: entry.get("value", "") for entry in container["env"]}
    del told["JENNIE_CLOSURES"]
    told |= {"JENNIE_JOB_NAME": job["metadata"]["name"], "JENNIE_SERVICE_URL": service.url}
    return settings(told | {"DATABASE_URL": service.desk.database_url})


async def test_a_backfill_runs_a_slot_of_long_ago_whatever_the_schedule_makes_of_late_ones(service: Service) -> None:
    day = date(2026, 2, 5)
    told = asked_by(backfill(parameters={"top": 5}), kst("08:30", day), service, catchUp="none", suspend=True)
    slot = await fire(told, service.desk.clock)
    assert (slot.state, slot.source, slot.backfill) == (SlotState.BACKFILLED, SlotSource.BACKFILL, "uid-1")
    [job] = service.scripted.jobs
    assert (job.newest, job.parameters, job.day) == (False, {"top": 5}, day)
    assert await fire(told, service.desk.clock) == slot, "once, whoever comes after a lost pod"
    assert len(service.scripted.jobs) == 1


async def test_a_backfill_of_all_runs_again_what_is_done(service: Service) -> None:
    day = date(2026, 2, 5)
    await fire(asked_by(backfill(), kst("08:30", day), service), service.desk.clock)
    again = backfill(uid="uid-2", strategy="completed")
    slot = await fire(asked_by(again, kst("08:30", day), service), service.desk.clock)
    assert (slot.backfill, slot.attempts) == ("uid-2", 2)
    third = await fire(asked_by(backfill(uid="uid-3"), kst("08:30", day), service), service.desk.clock)
    assert third.backfill == "uid-2", "it leaves alone what is done"


async def test_a_holiday_is_no_day_to_fill(service: Service) -> None:
    told = asked_by(backfill(), kst("08:30", date(2024, 12, 25)), service)
    slot = await fire(told, service.desk.clock)
    assert (slot.state, slot.reason) == (SlotState.SKIPPED, "2024-12-25 has no session on XKRX")


async def test_attempts_live_inside_one_pod(service: Service) -> None:
    async def fails(_job: Job) -> str:
        raise Unavailable("not today")

    service.scripted.behave = fails
    slot = await service.fire(kst("08:45"), schedules=["45 8 * * *"], retries={"limit": 2, "backoff": "0s"})
    assert (slot.state, slot.attempts, slot.reason) == (SlotState.FAILED, 3, "Unavailable: not today")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"JENNIE_JOB_NAME": "hourly"}, "slot: hourly: is none of briefing"),
        ({"JENNIE_SCHEDULE": "{broken"}, "environment: JENNIE_SCHEDULE: is no JSON"),
        ({"JENNIE_SCHEDULE": "[]"}, "environment: JENNIE_SCHEDULE: must be a mapping"),
        ({"JENNIE_NEEDED": "{}"}, "environment: JENNIE_NEEDED: is no list"),
        ({"JENNIE_NEEDED": "[1]"}, "environment: JENNIE_NEEDED: must be a mapping"),
        ({"JENNIE_CLOSURES": "/nowhere/closures.csv"}, "closures.csv: cannot be read: No such file"),
        ({"JENNIE_SERVICE_URL": ""}, "environment: JENNIE_SERVICE_URL: Field required"),
        ({"DATABASE_URL": "nonsense"}, "DATABASE_URL: url: not a database URL"),
    ],
)
def test_a_pod_that_is_told_nonsense_ends_with_2_and_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, str],
    says: str,
) -> None:
    told = environment(kst("08:30"), "http://127.0.0.1:1", f"sqlite:///{tmp_path / 'x.db'}") | changed
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("prime_jennie_operator.fire.configure_logging", lambda *_, **__: None)
    assert main() == 2
    complaint = capsys.readouterr().err
    assert says in complaint
    assert complaint.count("\n") == 1


async def test_the_programs_exit_status_tells_the_outcome(service: Service) -> None:
    """The real program on the real clock: a past minute is missed, a holiday has nothing to do."""
    url = service.desk.database_url
    missed = environment(kst("08:30", date(2024, 2, 20)), service.url, url, catchUp="none")
    holiday = environment(kst("08:30", date(2024, 12, 25)), service.url, url)
    assert (await asyncio.to_thread(command, missed)).returncode == 1
    assert (await asyncio.to_thread(command, holiday)).returncode == 0
    slots = await SlotRepository(service.desk.db).page("default")
    assert {slot.name: slot.state for slot in slots} == {
        "scout-20240220-0830": SlotState.MISSED,
        "scout-20241225-0830": SlotState.SKIPPED,
    }


def command(told: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    program = [sys.executable, "-m", "prime_jennie_operator.fire"]
    return subprocess.run(
        program, env={**os.environ, **told}, cwd=ROOT, text=True, capture_output=True, check=False, timeout=60
    )
