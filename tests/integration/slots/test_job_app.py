"""A service that runs slots: each once for ever, with an outcome, whatever is asked and whatever stops in between."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY

from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.slots import SlotSkipped, SlotSource, SlotState, Task, slot_name
from prime_jennie.infra.database.repositories.slots import SlotKey, SlotRepository
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.jobs import Job
from tests.support.eventually import eventually
from tests.support.job_service import Gate, ended, serving, slot_of, trigger
from tests.support.scanning import at
from tests.support.service_desk import ServiceDesk

HALF_PAST_EIGHT = "scout-20260219-0830"


async def done(_job: Job) -> str:
    return "20 stocks chosen"


async def test_the_seeds_trigger_is_answered_at_once_and_names_the_clocks_minute(desk: ServiceDesk) -> None:
    gate = Gate()
    desk.clock.set(at("08:50:59"))
    async with serving(desk, gate) as (client, scripted):
        answer = (await client.post("/trigger", json={"source": "airflow", "task": "scout"})).json()
        assert answer == {"job_id": "scout-20260219-0850", "status": "started"}
        gate.opened.set()
        slot = await ended(client, answer["job_id"])
        assert (slot.state, slot.source, slot.reason) == (SlotState.RAN, "airflow", "scout-20260219-0850 is done")
        assert slot.progress_pct == 100
        [job] = scripted.jobs
        assert (job.slot, job.day, job.newest, job.attempt) == (slot.name, at("08:50").date(), True, 1)


async def test_a_service_of_one_task_needs_no_more_than_the_seeds_body(desk: ServiceDesk) -> None:
    async with serving(desk, done) as (client, scripted):
        refused = await client.post("/trigger", json={"source": "manual"})
        assert refused.status_code == 400
        assert refused.json()["error"] == "BadInput"
        assert "task: name one of scout, news" in refused.json()["detail"]
        assert scripted.jobs == []


async def test_two_triggers_of_one_slot_at_once_run_it_once(desk: ServiceDesk) -> None:
    gate = Gate()
    async with serving(desk, gate) as (client, scripted):
        answers = await asyncio.gather(*(trigger(client, slot=HALF_PAST_EIGHT, source="schedule") for _ in range(12)))
        assert sorted(answer["status"] for answer in answers) == ["running"] * 11 + ["started"]
        assert {answer["job_id"] for answer in answers} == {HALF_PAST_EIGHT}
        assert gate.inside == 1
        gate.opened.set()
        await ended(client, HALF_PAST_EIGHT)
        assert len(scripted.jobs) == 1


async def test_a_finished_slot_never_runs_again_and_tells_how_it_ended(desk: ServiceDesk) -> None:
    async with serving(desk, done) as (client, scripted):
        await trigger(client, slot=HALF_PAST_EIGHT)
        await ended(client, HALF_PAST_EIGHT)
        again = await trigger(client, slot=HALF_PAST_EIGHT, source="schedule", attempts=5)
        assert again == {
            "job_id": HALF_PAST_EIGHT,
            "status": "finished",
            "outcome": "Ran",
            "reason": "20 stocks chosen",
        }
        assert len(scripted.jobs) == 1
    async with serving(desk, done) as (client, scripted):
        assert (await trigger(client, slot=HALF_PAST_EIGHT))["status"] == "finished"
        assert scripted.jobs == [], "not after a restart either"


async def test_another_slot_of_the_task_waits_for_nobody_and_is_refused_while_one_runs(desk: ServiceDesk) -> None:
    gate = Gate()
    async with serving(desk, gate) as (client, _):
        await trigger(client, slot=HALF_PAST_EIGHT)
        refused = await client.post("/trigger", json={"task": "scout", "slot": "scout-20260219-0840"})
        assert refused.status_code == 409
        assert refused.json()["detail"] == f"{HALF_PAST_EIGHT} still runs"
        assert (await client.get("/jobs/scout-20260219-0840")).status_code == 404
        assert (await trigger(client, task="news"))["status"] == "started", "another task is no obstacle"
        gate.opened.set()
        await ended(client, HALF_PAST_EIGHT)
        assert (await trigger(client, slot="scout-20260219-0840"))["status"] == "started"


async def test_two_different_slots_at_once_run_one_of_them(desk: ServiceDesk) -> None:
    gate = Gate()
    async with serving(desk, gate) as (client, _):
        bodies: list[dict[str, Any]] = [{"task": "scout", "slot": f"scout-20260219-08{m}"} for m in (10, 20, 30)]
        answers = await asyncio.gather(*(client.post("/trigger", json=body) for body in bodies))
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
        assert gate.inside == 1


async def test_slots_run_side_by_side_where_that_is_allowed(desk: ServiceDesk) -> None:
    gate = Gate()
    async with serving(desk, gate) as (client, _):
        await trigger(client, slot=HALF_PAST_EIGHT)
        await trigger(client, slot="scout-20260219-0840", concurrency="Allow")
        await eventually(lambda: gate.inside == 2)


async def test_a_slot_that_replaces_another_ends_it_for_good(desk: ServiceDesk) -> None:
    gate = Gate()
    async with serving(desk, gate) as (client, _):
        await trigger(client, slot=HALF_PAST_EIGHT, source="schedule", attempts=3)
        await trigger(client, slot="scout-20260219-0840", concurrency="Replace")
        replaced = await slot_of(client, HALF_PAST_EIGHT)
        assert (replaced.state, replaced.reason) == (SlotState.FAILED, "replaced by scout-20260219-0840")
        assert replaced.is_finished
        await eventually(lambda: gate.inside == 1)


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (SlotSkipped("no session today"), SlotState.SKIPPED, "no session today"),
        (Unavailable("the gateway did not answer"), SlotState.FAILED, "Unavailable: the gateway did not answer"),
        (httpx.ConnectError("refused"), SlotState.FAILED, "ConnectError: refused"),
        (KeyError("a bug"), SlotState.FAILED, "KeyError: 'a bug'"),
        (ValueError("two\nlines of " + "words " * 200), SlotState.FAILED, None),
    ],
)
async def test_every_end_has_its_outcome_and_a_reason_of_one_line(
    desk: ServiceDesk, error: Exception, state: SlotState, reason: str | None
) -> None:
    async def fails(_job: Job) -> str:
        raise error

    async with serving(desk, fails) as (client, _):
        await trigger(client, slot=HALF_PAST_EIGHT)
        slot = await ended(client, HALF_PAST_EIGHT)
        assert slot.state is state
        assert slot.reason == reason or (reason is None and len(slot.reason) <= 500)
        assert "\n" not in slot.reason
        assert (await trigger(client, slot="scout-20260219-0840"))["status"] == "started", "the neighbours go on"


async def test_a_secret_in_an_errors_text_is_in_no_reason(desk: ServiceDesk) -> None:
    async def fails(_job: Job) -> str:
        raise Unavailable(
            "GET https://api.example/?token=s3cr3t-value-1234567890 failed: Bearer abcdef0123456789abcdef"
        )

    async with serving(desk, fails) as (client, _):
        await trigger(client, slot=HALF_PAST_EIGHT)
        reason = (await ended(client, HALF_PAST_EIGHT)).reason
        assert "abcdef0123456789abcdef" not in reason


async def test_a_failed_attempt_is_repeated_as_often_as_the_asker_allows(desk: ServiceDesk) -> None:
    async def fails_twice(job: Job) -> str:
        if job.attempt < 3:
            raise Unavailable("not yet")
        return "at last"

    async with serving(desk, fails_twice) as (client, scripted):
        asked = {"slot": HALF_PAST_EIGHT, "source": "schedule", "attempts": 3}
        for attempt in (1, 2, 3):
            assert (await trigger(client, **asked))["status"] == "started"
            assert (await ended(client, HALF_PAST_EIGHT)).attempts == attempt
        assert (await slot_of(client, HALF_PAST_EIGHT)).state is SlotState.RAN
        assert len(scripted.jobs) == 3


async def test_attempts_that_are_used_up_end_the_slot(desk: ServiceDesk) -> None:
    async def fails(_job: Job) -> str:
        raise Unavailable("never")

    async with serving(desk, fails) as (client, _):
        await trigger(client, slot=HALF_PAST_EIGHT, source="schedule", attempts=1)
        assert (await ended(client, HALF_PAST_EIGHT)).is_finished
        again = await trigger(client, slot=HALF_PAST_EIGHT, source="schedule", attempts=1)
        assert (again["status"], again["outcome"]) == ("finished", "Failed")


async def test_a_service_that_stops_leaves_an_interrupted_attempt_and_the_next_one_ends_the_slot(
    desk: ServiceDesk,
) -> None:
    async with serving(desk, Gate()) as (client, _):
        await trigger(client, slot=HALF_PAST_EIGHT, source="schedule", attempts=2)
        await trigger(client, task="news", slot="news-20260219-0830", source="schedule", attempts=1)
    slots = SlotRepository(desk.db)
    left = await slots.get("default", HALF_PAST_EIGHT)
    assert left is not None
    assert left.state is SlotState.RUNNING, "nobody could say how it ended"

    async with serving(desk, done) as (client, _):
        closed = await slot_of(client, HALF_PAST_EIGHT)
        assert (closed.state, closed.is_finished) == (SlotState.FAILED, False)
        assert closed.reason == "attempt 1 was interrupted: its service stopped"
        assert (await slot_of(client, "news-20260219-0830")).is_finished, "it had no second attempt"
        assert (await trigger(client, slot=HALF_PAST_EIGHT, source="schedule", attempts=2))["status"] == "started"
        final = await ended(client, HALF_PAST_EIGHT)
        assert (final.state, final.attempts) == (SlotState.RAN, 2)


async def test_the_day_waits_while_a_slot_runs_and_not_longer(desk: ServiceDesk) -> None:
    gate = Gate()
    async with serving(desk, gate) as (client, _):
        await trigger(client, slot=HALF_PAST_EIGHT)
        assert desk.clock.holding == [f"slot:{HALF_PAST_EIGHT}"], "held before the asker knows that it has started"
        gate.opened.set()
        await ended(client, HALF_PAST_EIGHT)
        await eventually(lambda: desk.clock.holding == [])


async def test_who_asks_hears_of_the_beginning_once_the_day_is_held(
    desk: ServiceDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = []

    @asynccontextmanager
    async def slow_hold(name: str, real_secs: float = 5.0) -> AsyncIterator[None]:
        await asyncio.sleep(0.1)
        held.append(name)
        yield

    monkeypatch.setattr(desk.clock, "hold", slow_hold)
    async with serving(desk, done) as (client, _):
        await trigger(client, slot=HALF_PAST_EIGHT)
        assert held == [f"slot:{HALF_PAST_EIGHT}"]
        await ended(client, HALF_PAST_EIGHT)


async def test_status_tells_phase_progress_and_the_last_success(desk: ServiceDesk) -> None:
    gate = Gate()

    async def reports(job: Job) -> str:
        await job.report("quant_scoring", 45)
        await gate(job)
        await job.report("selection", 250)
        raise Unavailable("too bad") if job.slot.endswith("0840") else SlotSkipped("nothing")

    async with serving(desk, reports) as (client, _):
        idle = (await client.get("/status")).json()
        assert idle == {"current_phase": "idle", "progress_pct": 0, "last_completed_at": None}
        await trigger(client, slot=HALF_PAST_EIGHT)
        await eventually(lambda: gate.inside == 1)
        status = (await client.get("/status")).json()
        assert (status["current_phase"], status["progress_pct"]) == ("quant_scoring", 45)
        job = (await client.get(f"/jobs/{HALF_PAST_EIGHT}")).json()
        assert (job["phase"], job["progress_pct"], job["state"]) == ("quant_scoring", 45, "Running")
        health = (await client.get("/health")).json()
        assert health["running_slots"] == [HALF_PAST_EIGHT]
        assert health["jobs_seen"] == 1
        gate.opened.set()
        await ended(client, HALF_PAST_EIGHT)
        assert (await client.get("/status")).json()["last_completed_at"] is None, "a skipped slot completes nothing"


async def test_a_slot_that_has_ended_is_told_as_its_row_has_it(
    desk: ServiceDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the row's end and the hold's, the slot still counts as running in this process."""
    letting_go = asyncio.Event()

    @asynccontextmanager
    async def held_on(name: str, real_secs: float = 5.0) -> AsyncIterator[None]:
        yield
        await letting_go.wait()

    monkeypatch.setattr(desk.clock, "hold", held_on)
    async with serving(desk, done) as (client, _):
        await trigger(client, slot=HALF_PAST_EIGHT)
        assert (await ended(client, HALF_PAST_EIGHT)).progress_pct == 100
        letting_go.set()


async def test_the_last_success_is_known_after_a_restart(desk: ServiceDesk) -> None:
    async with serving(desk, done) as (client, _):
        await trigger(client, slot=HALF_PAST_EIGHT)
        await ended(client, HALF_PAST_EIGHT)
    desk.clock.advance(600)
    async with serving(desk, done) as (client, _):
        completed = (await client.get("/status")).json()["last_completed_at"]
        assert completed == "2026-02-18T23:50:00+00:00"
        health = (await client.get("/health")).json()
        assert (health["last_slot"], health["last_outcome"]) == (HALF_PAST_EIGHT, "Ran")


async def test_only_the_newest_slot_of_today_may_write_live_keys(desk: ServiceDesk) -> None:
    async with serving(desk, done) as (client, scripted):
        for body in (
            {"slot": HALF_PAST_EIGHT},
            {"slot": "scout-20260219-0820"},
            {"slot": "scout-20260219-0845"},
            {"slot": "scout-20260219-0848", "source": "backfill"},
            {"slot": "scout-20260218-1430"},
        ):
            await ended(client, (await trigger(client, **body))["job_id"])
        newest = {job.slot[-4:]: job.newest for job in scripted.jobs}
        assert newest == {"0830": True, "0820": False, "0845": True, "0848": False, "1430": False}


async def test_yesterdays_slot_writes_no_live_keys_even_if_none_came_after_it(desk: ServiceDesk) -> None:
    async with serving(desk, done) as (client, scripted):
        await ended(client, (await trigger(client, slot="scout-20260218-1430"))["job_id"])
        assert [job.newest for job in scripted.jobs] == [False]


async def test_a_backfill_is_called_so(desk: ServiceDesk) -> None:
    slots = SlotRepository(desk.db)
    async with serving(desk, done) as (client, scripted):
        key = SlotKey("default", HALF_PAST_EIGHT, Task.SCOUT, at("08:30"))
        await slots.record(
            key, source=SlotSource.SCHEDULE, state=SlotState.MISSED, reason="an outage", now=desk.clock.now()
        )
        assert (await trigger(client, slot=HALF_PAST_EIGHT))["outcome"] == "Missed"
        assert (await trigger(client, slot=HALF_PAST_EIGHT, source="backfill"))["status"] == "started"
        assert (await ended(client, HALF_PAST_EIGHT)).state is SlotState.BACKFILLED
        assert (await trigger(client, slot=HALF_PAST_EIGHT, source="backfill"))["outcome"] == "Backfilled"
        assert len(scripted.jobs) == 1


async def test_a_backfill_runs_beside_a_live_slot_and_never_costs_one(desk: ServiceDesk) -> None:
    gate = Gate()
    async with serving(desk, gate) as (client, scripted):
        for slot in ("scout-20260217-0830", "scout-20260218-0830"):
            assert (await trigger(client, slot=slot, source="backfill", backfill="uid"))["status"] == "started"
        for concurrency in ("Forbid", "Replace"):
            minute = {"Forbid": "0849", "Replace": "0850"}[concurrency]
            live = await trigger(client, slot=f"scout-20260219-{minute}", concurrency=concurrency)
            assert live["status"] == "started"
        await eventually(lambda: len(scripted.jobs) == 4)
        gate.opened.set()
        ends = [(await ended(client, job.slot)).state for job in scripted.jobs]
    assert ends.count(SlotState.BACKFILLED) == 2, "a live slot takes the place of a live one alone"
    assert [job.newest for job in scripted.jobs] == [False, False, True, True]


async def test_a_backfill_that_redoes_what_is_done_does_so_once(desk: ServiceDesk) -> None:
    async with serving(desk, done) as (client, scripted):
        await ended(client, (await trigger(client, slot=HALF_PAST_EIGHT))["job_id"])
        ask = {"slot": HALF_PAST_EIGHT, "source": "backfill", "backfill": "uid"}
        assert (await trigger(client, **ask))["outcome"] == "Ran"
        assert (await trigger(client, **ask, redo=True))["status"] == "started"
        assert (await ended(client, HALF_PAST_EIGHT)).state is SlotState.BACKFILLED
        assert (await trigger(client, **ask, redo=True))["outcome"] == "Backfilled"
    assert [job.newest for job in scripted.jobs] == [True, False]


async def test_parameters_reach_the_task_as_they_are(desk: ServiceDesk) -> None:
    async with serving(desk, done) as (client, scripted):
        await ended(client, (await trigger(client, parameters={"top": 5, "names": ["a"]}))["job_id"])
        assert scripted.jobs[0].parameters == {"top": 5, "names": ["a"]}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"source": "cron"}, "source"),
        ({"task": "lunch"}, "task"),
        ({"task": "settlement"}, "task: settlement is not run by scout-job"),
        ({"slot": "scout-20260219-2530"}, "no minute of a calendar"),
        ({"slot": "../../etc/passwd"}, "is none of briefing"),
        ({"slot": "news-20260219-0830", "task": "scout"}, "is a slot of news, not of scout"),
        ({"slot": "council-20260219-0730"}, "macro-council is not run by scout-job"),
        ({"slot": "scout-20260219-0930"}, "is yet to come: it is 20260219-0850"),
        ({"slot": "scout-20990219-0830"}, "is yet to come"),
        ({"task": "scout", "attempts": 0}, "attempts"),
        ({"task": "scout", "attempts": 1000}, "attempts"),
        ({"task": "scout", "concurrency": "Maybe"}, "concurrency"),
        ({"task": "scout", "speed": "fast"}, "speed"),
        ({"task": "scout", "parameters": [1]}, "parameters"),
        ([], "body"),
        ("scout", "body"),
    ],
)
async def test_a_wrong_trigger_is_400_with_its_reason_and_runs_nothing(desk: ServiceDesk, body: Any, says: str) -> None:
    async with serving(desk, done) as (client, scripted):
        answer = await client.post("/trigger", json=body)
        assert answer.status_code == 400, answer.text
        assert answer.json()["error"] == "BadInput"
        assert says in answer.json()["detail"]
        assert scripted.jobs == []
        assert await SlotRepository(desk.db).page("default") == []


async def test_text_that_is_no_json_is_400(desk: ServiceDesk) -> None:
    async with serving(desk, done) as (client, _):
        answer = await client.post("/trigger", content=b"{not json", headers={"content-type": "application/json"})
        assert answer.status_code == 400


async def test_an_unknown_job_is_404(desk: ServiceDesk) -> None:
    async with serving(desk, done) as (client, _):
        answer = await client.get("/jobs/scout-20200101-0830")
        assert answer.status_code == 404
        assert answer.json()["error"] == "NotFound"
        assert (await client.get("/jobs/" + "a-" * 40)).status_code == 404


async def test_a_jobs_name_that_no_slot_can_have_is_refused_unread(desk: ServiceDesk) -> None:
    async with serving(desk, done) as (client, _):
        began_at = time.process_time()
        answer = await client.get("/jobs/" + "a-" * 20_000)
        assert time.process_time() - began_at < 1
        assert answer.status_code == 400
        assert len(answer.content) < 1_000


async def test_a_service_whose_clock_has_no_leader_yet_is_alive_and_says_so(
    desk: ServiceDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    leads = asyncio.Event()

    @asynccontextmanager
    async def open_clock(_url: str | None) -> AsyncIterator[ManualClock]:
        await leads.wait()
        yield desk.clock

    monkeypatch.setattr("prime_jennie.infra.job_app.open_clock", open_clock)
    async with serving(desk, done, wait=False) as (client, _):
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/readyz")).status_code == 503
        for answer in (await client.post("/trigger", json={}), await client.get("/status")):
            assert answer.status_code == 503
        assert (await client.get("/health")).json()["jobs_seen"] == 0
        leads.set()
        await eventually(lambda: _is_ready(client))


async def _is_ready(client: httpx.AsyncClient) -> bool:
    return (await client.get("/readyz")).status_code == 200


async def test_an_outcome_is_written_however_long_the_database_is_away(
    desk: ServiceDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = 3
    real = SlotRepository.finish

    async def finish(self: SlotRepository, *args: Any, **kwargs: Any) -> bool:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise Unavailable("database: gone")
        return await real(self, *args, **kwargs)

    monkeypatch.setattr(SlotRepository, "finish", finish)
    async with serving(desk, done) as (client, scripted):
        await trigger(client, slot=HALF_PAST_EIGHT)
        assert (await ended(client, HALF_PAST_EIGHT)).state is SlotState.RAN
        assert len(scripted.jobs) == 1


async def test_a_report_that_cannot_be_written_costs_nothing(
    desk: ServiceDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def progress(self: SlotRepository, *_args: Any, **_kwargs: Any) -> None:
        raise Unavailable("database: gone")

    async def reports(job: Job) -> str:
        await job.report("selection", 10)
        return "done"

    monkeypatch.setattr(SlotRepository, "progress", progress)
    async with serving(desk, reports) as (client, _):
        await trigger(client, slot=HALF_PAST_EIGHT)
        assert (await ended(client, HALF_PAST_EIGHT)).state is SlotState.RAN


async def test_attempts_are_counted_by_task_and_outcome(desk: ServiceDesk) -> None:
    def count() -> float:
        return REGISTRY.get_sample_value("jennie_slots_total", {"task": "scout", "outcome": "Ran"}) or 0.0

    before = count()
    async with serving(desk, done) as (client, _):
        await ended(client, (await trigger(client))["job_id"])
        await eventually(lambda: count() == before + 1)
        assert "jennie_slot_seconds_bucket" in (await client.get("/metrics")).text


async def test_slot_names_agree_with_the_clock_at_the_turn_of_the_day(desk: ServiceDesk) -> None:
    desk.clock.set(at("08:50") + timedelta(hours=15, minutes=9, seconds=59))
    async with serving(desk, done) as (client, _):
        assert (await trigger(client))["job_id"] == "scout-20260219-2359"
        await ended(client, "scout-20260219-2359")
        desk.clock.advance(1)
        assert (await trigger(client))["job_id"] == slot_name(Task.SCOUT, desk.clock.now()) == "scout-20260220-0000"


async def test_a_slot_whose_minute_this_process_has_not_heard_of_yet_is_waited_for(desk: ServiceDesk) -> None:
    """In a virtual day a busy process lags behind the one that asks by virtual minutes."""
    async with serving(desk, done) as (client, _):
        asking = asyncio.create_task(trigger(client, slot="scout-20260219-0855", source="schedule"))
        await asyncio.sleep(0.05)
        assert not asking.done()
        desk.clock.set(at("08:55:01"))
        assert (await asking)["status"] == "started"
        await ended(client, "scout-20260219-0855")


async def test_a_claim_whose_answer_is_lost_leaves_no_slot_running_for_nobody(
    desk: ServiceDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, losses = SlotRepository.claim, 1

    async def claim(self: SlotRepository, *args: Any, **kwargs: Any) -> Any:
        nonlocal losses
        claimed = await real(self, *args, **kwargs)
        losses -= 1
        if losses >= 0:
            raise Unavailable("database: lost connection during query")
        return claimed

    monkeypatch.setattr(SlotRepository, "claim", claim)
    async with serving(desk, done) as (client, scripted):
        asked: dict[str, Any] = {"task": "scout", "slot": HALF_PAST_EIGHT, "source": "schedule", "attempts": 2}
        assert (await client.post("/trigger", json=asked)).status_code == 503
        left = await ended(client, HALF_PAST_EIGHT)
        assert (left.state, left.is_finished) == (SlotState.FAILED, False)
        assert left.reason == "attempt 1 did not begin: the database's answer was lost"
        assert (await trigger(client, slot=HALF_PAST_EIGHT, source="schedule", attempts=2))["status"] == "started"
        assert (await ended(client, HALF_PAST_EIGHT)).state is SlotState.RAN
        assert len(scripted.jobs) == 1
