"""Schedules fire in a local run: each slot once with one outcome, through restarts, outages and changed files."""

import asyncio
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.sessions import KST
from prime_jennie.domain.slots import SlotSource, SlotState, Task, TriggerRequest
from prime_jennie.infra.clock import CONSUMED_ALL
from prime_jennie.infra.database.repositories.configs import ConfigRepository
from prime_jennie.infra.jobs import Job
from prime_jennie.infra.upcoming_slots import UpcomingSlots
from prime_jennie_operator.firing.decided import CONFIG_KEY
from prime_jennie_operator.loading import load_files
from tests.support.eventually import eventually
from tests.support.job_service import Gate
from tests.support.schedules import THURSDAY, kst, schedule
from tests.support.slot_world import Runner, SlotWorld, well

DAY = Path(__file__).parents[3] / "manifests" / "samples" / "02-day.yaml"
EXAM_DAY = date(2024, 11, 14)


async def lived(world: SlotWorld, runner: Runner, since: str, upto: str, day: date = THURSDAY) -> None:
    """Run from one KST time to another, then until nothing is at work."""
    world.clock.set(kst(since, day))
    await runner.start()
    await world.pass_time(kst(upto, day))
    await settled(world)


async def settled(world: SlotWorld) -> None:
    async def nothing_is_open() -> bool:
        return not world.clock.holding and not await world.slots.unfinished("default")

    await asyncio.sleep(0.02)
    await eventually(nothing_is_open, what="an outcome for every slot")


def ran(names: list[str]) -> dict[str, SlotState]:
    return dict.fromkeys(names, SlotState.RAN)


async def test_the_samples_day_fires_every_slot_once(world: SlotWorld) -> None:
    runner = Runner(world, load_files([DAY]).schedules)
    await lived(world, runner, "07:15", "17:30")
    outcomes = await world.outcomes()
    named = [name for name in outcomes if not name.startswith("throttle")]
    assert named == [
        "macro-20260219-0720",
        "council-20260219-0730",
        "scout-20260219-0830",
        "scout-20260219-0930",
        "scout-20260219-1030",
        "scout-20260219-1130",
        "macro-20260219-1140",
        "council-20260219-1150",
        "scout-20260219-1230",
        "scout-20260219-1330",
        "scout-20260219-1430",
        "settle-20260219-1545",
        "collect-20260219-1600",
        "briefing-20260219-1700",
    ]
    assert len(outcomes) - len(named) == 79, "every five minutes from 09:00 to 15:30"
    assert set(outcomes.values()) == {SlotState.RAN}
    assert sorted(job.slot for job in world.jobs) == sorted(outcomes)
    assert max(world.begun_at[job.slot] - job.at for job in world.jobs) <= timedelta(seconds=30)
    await runner.kill()


async def test_the_exam_days_slots_move_by_an_hour(world: SlotWorld) -> None:
    world.begin_at(kst("07:00", EXAM_DAY))
    runner = Runner(world, [one for one in load_files([DAY]).schedules if one.name != "throttle"])
    await lived(world, runner, "07:15", "18:30", EXAM_DAY)
    outcomes = await world.outcomes()
    assert {"macro-20241114-0820", "scout-20241114-0930", "settle-20241114-1645", "briefing-20241114-1800"} <= set(
        outcomes
    )
    assert "settle-20241114-1545" not in outcomes
    assert set(outcomes.values()) == {SlotState.RAN}
    await runner.kill()


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        (date(2024, 12, 25), "2024-12-25 has no session on XKRX"),
        (date(2026, 6, 3), "2026-06-03 has no session on XKRX"),
        (date(2028, 1, 3), "2028-01-03 lies outside the session table 2015-01-01…2027-12-31"),
    ],
)
async def test_on_a_day_without_a_session_every_slot_is_skipped_and_says_why(
    world: SlotWorld, day: date, reason: str
) -> None:
    world.begin_at(kst("07:00", day))
    runner = Runner(world, [schedule(), schedule("settlement", task="settlement", schedules=["45 15 * * *"])])
    await lived(world, runner, "07:00", "16:00", day)
    found = await world.slots.page("default")
    assert len(found) == 8
    assert {(slot.state, slot.reason) for slot in found} == {(SlotState.SKIPPED, reason)}
    assert world.jobs == []
    await runner.kill()


async def test_a_runner_that_starts_again_fires_nothing_twice(world: SlotWorld) -> None:
    runner = Runner(world, [schedule()])
    await lived(world, runner, "08:00", "09:40")
    await runner.kill()
    await runner.start()
    await world.pass_time(kst("09:45"))
    assert [job.slot for job in world.jobs] == ["scout-20260219-0830", "scout-20260219-0930"]
    await runner.kill()


async def test_a_runner_killed_in_the_middle_of_a_slot_finds_it_running_and_waits_for_it(world: SlotWorld) -> None:
    gate = Gate()
    world.behave = gate
    runner = Runner(world, [schedule()])
    world.clock.set(kst("08:29:59"))
    await runner.start()
    passing = asyncio.create_task(world.pass_time(kst("08:31")))
    await eventually(lambda: gate.inside == 1)
    await runner.kill()
    gate.opened.set()
    await runner.start()
    await passing
    await settled(world)
    slot = await world.slot("scout-20260219-0830")
    assert (slot.state, slot.attempts) == (SlotState.RAN, 1)
    assert len(world.jobs) == 1
    await runner.kill()


async def test_a_runner_killed_between_two_attempts_makes_the_next_one(world: SlotWorld) -> None:
    async def fails_first(job: Job) -> str:
        if job.attempt == 1:
            raise Unavailable("not yet")
        return "at last"

    world.behave = fails_first
    runner = Runner(world, [schedule(retries={"limit": 1, "backoff": "5m"})])
    world.clock.set(kst("08:29:59"))
    await runner.start()
    await world.pass_time(kst("08:31"))
    await runner.kill()
    assert not (await world.slot("scout-20260219-0830")).is_finished
    await runner.start()
    await world.pass_time(kst("08:40"))
    await settled(world)
    slot = await world.slot("scout-20260219-0830")
    assert (slot.state, slot.attempts) == (SlotState.RAN, 2)
    await runner.kill()


@pytest.mark.parametrize(
    ("catch_up", "expected"),
    [
        ("none", ["Missed", "Missed", "Missed"]),
        ("latest", ["Missed", "Missed", "Ran"]),
        ("all", ["Ran", "Ran", "Ran"]),
    ],
)
async def test_after_an_outage_slots_are_caught_up_or_missed(
    world: SlotWorld, catch_up: str, expected: list[str]
) -> None:
    runner = Runner(world, [schedule(catchUp=catch_up)])
    world.clock.set(kst("08:00"))
    await runner.start()
    await runner.kill()
    world.clock.positions.clear()
    world.clock.set(kst("11:00"))
    await runner.start()
    await settled(world)
    found = {slot.name[-4:]: slot for slot in await world.slots.page("default")}
    assert [found[clock].state for clock in ("0830", "0930", "1030")] == expected
    assert all(slot.reason for slot in found.values())
    if catch_up == "all":
        assert [job.slot[-4:] for job in world.jobs] == ["0830", "0930", "1030"], "oldest first, one after the other"
        assert [job.newest for job in world.jobs] == [True, True, True]
    await runner.kill()


async def test_a_new_schedule_begins_with_its_first_minute_and_not_before(world: SlotWorld) -> None:
    runner = Runner(world, [schedule(catchUp="all")])
    await lived(world, runner, "10:45", "11:35")
    assert list(await world.outcomes()) == ["scout-20260219-1130"]
    await runner.kill()


async def test_an_earlier_virtual_day_is_lived_as_if_the_later_one_had_not_been(world: SlotWorld) -> None:
    text = '{"default/scout": "2027-01-01T00:00:00+00:00"}'
    await ConfigRepository(world.db).put(CONFIG_KEY, text, who="schedules", at=world.clock.now())
    runner = Runner(world, [schedule()])
    await lived(world, runner, "08:31", "09:31")
    assert list(await world.outcomes()) == ["scout-20260219-0930"]
    await runner.kill()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"default/scout": 5}', '{"default/scout": "2026-02-19"}', "{broken"])
async def test_an_unreadable_note_of_an_earlier_runner_counts_as_none(world: SlotWorld, text: str) -> None:
    await ConfigRepository(world.db).put(CONFIG_KEY, text, who="somebody", at=world.clock.now())
    runner = Runner(world, [schedule()])
    await lived(world, runner, "08:31", "09:31")
    assert list(await world.outcomes()) == ["scout-20260219-0930"]
    await runner.kill()


class TestChangedFiles:
    """Edits act while the run goes on."""

    async def test_a_suspended_schedule_starts_nothing_more(self, world: SlotWorld) -> None:
        runner = Runner(world, [schedule()])
        await lived(world, runner, "08:00", "08:40")
        runner.follow([schedule(suspend=True)])
        await world.pass_time(kst("10:40"))
        runner.follow([schedule()])
        await world.pass_time(kst("11:40"))
        await settled(world)
        found = {slot.name[-4:]: (slot.state, slot.reason) for slot in await world.slots.page("default")}
        assert found["0830"][0] is SlotState.RAN
        assert found["0930"] == found["1030"] == (SlotState.SKIPPED, "the schedule is suspended")
        assert found["1130"][0] is SlotState.RAN
        await runner.kill()

    async def test_a_new_line_fires_from_now_on_and_not_for_the_past(self, world: SlotWorld) -> None:
        runner = Runner(world, [schedule(schedules=["30 8 * * *"])])
        await lived(world, runner, "08:00", "08:40:20")
        runner.follow([schedule(schedules=["30 8 * * *", "35,40,45 8 * * *"])])
        await world.pass_time(kst("08:50"))
        await settled(world)
        assert list(await world.outcomes()) == ["scout-20260219-0830", "scout-20260219-0845"]
        await runner.kill()

    async def test_a_schedule_that_is_gone_fires_no_more(self, world: SlotWorld) -> None:
        runner = Runner(world, [schedule()])
        await lived(world, runner, "08:00", "08:40")
        runner.follow([])
        await eventually(lambda: world.clock.positions["schedules"] == CONSUMED_ALL)
        await world.pass_time(kst("09:40"))
        assert list(await world.outcomes()) == ["scout-20260219-0830"]
        await runner.kill()


class TestConcurrency:
    """What a slot does while the one before is at work."""

    async def overlapping(self, world: SlotWorld, policy: str) -> tuple[Runner, Gate]:
        gate = Gate()

        async def behave(job: Job) -> str:
            if job.at == kst("08:30"):
                # The slot takes long by the clock, which its hold would stop: so it is let go here.
                world.clock.holding.clear()
                world.clock.holding += ["long slot", f"drive:{job.slot}", f"slot:{job.slot}"]
                return await gate(job)
            return await well(job)

        world.behave = behave
        runner = Runner(world, [schedule(schedules=["30,32 8 * * *"], concurrencyPolicy=policy)])
        world.clock.set(kst("08:29:59"))
        await runner.start()
        world.clock.set(kst("08:30"))
        await eventually(lambda: gate.inside == 1)
        world.clock.set(kst("08:32"))
        return runner, gate

    async def test_forbid_skips_the_new_one(self, world: SlotWorld) -> None:
        runner, gate = await self.overlapping(world, "Forbid")
        await world.until_state("scout-20260219-0832", SlotState.SKIPPED)
        assert (await world.slot("scout-20260219-0832")).reason == (
            "scout-20260219-0830 has not ended (concurrencyPolicy Forbid)"
        )
        gate.opened.set()
        await world.until_state("scout-20260219-0830", SlotState.RAN)
        await runner.kill()

    async def test_allow_lets_both_run(self, world: SlotWorld) -> None:
        runner, gate = await self.overlapping(world, "Allow")
        await world.until_state("scout-20260219-0832", SlotState.RAN)
        assert gate.inside == 1
        gate.opened.set()
        await world.until_state("scout-20260219-0830", SlotState.RAN)
        await runner.kill()

    async def test_replace_ends_the_old_one(self, world: SlotWorld) -> None:
        runner, gate = await self.overlapping(world, "Replace")
        await world.until_state("scout-20260219-0832", SlotState.RAN)
        replaced = await world.slot("scout-20260219-0830")
        assert (replaced.state, replaced.reason) == (SlotState.FAILED, "replaced by scout-20260219-0832")
        assert replaced.is_finished
        assert gate.inside == 0
        await runner.kill()


class TestNeeds:
    """A schedule that waits for another one's slot of the same day."""

    BRIEFING = (
        "daily-briefing",
        {"task": "daily-briefing", "schedules": ["0 17 * * 1-5"], "dependsOn": ["settlement"]},
    )

    def schedules(self, settlement_line: str) -> list[Any]:
        name, spec = self.BRIEFING
        return [schedule("settlement", task="settlement", schedules=[settlement_line]), schedule(name, **spec)]

    async def test_it_runs_after_that(self, world: SlotWorld) -> None:
        runner = Runner(world, self.schedules("45 15 * * 1-5"))
        await lived(world, runner, "15:00", "17:10")
        assert await world.outcomes() == ran(["settle-20260219-1545", "briefing-20260219-1700"])
        await runner.kill()

    async def test_it_waits_for_one_of_the_same_minute(self, world: SlotWorld) -> None:
        runner = Runner(world, self.schedules("0 17 * * 1-5"))
        await lived(world, runner, "16:00", "17:10")
        # Between the two no slot is open: what waits has no row yet.
        await eventually(lambda: len(world.jobs) == 2, what="the slot that waited")
        await settled(world)
        assert [job.slot[:6] for job in world.jobs] == ["settle", "briefi"]
        await runner.kill()

    async def test_it_is_skipped_when_that_failed(self, world: SlotWorld) -> None:
        async def settlement_fails(job: Job) -> str:
            if job.slot.startswith("settle"):
                raise Unavailable("no figures")
            return "told"

        world.behave = settlement_fails
        first, second = self.schedules("45 15 * * 1-5")
        first = schedule("settlement", task="settlement", schedules=["45 15 * * 1-5"], retries={"limit": 0})
        runner = Runner(world, [first, second])
        await lived(world, runner, "15:00", "17:10")
        briefing = await world.slot("briefing-20260219-1700")
        assert briefing.state is SlotState.SKIPPED
        assert briefing.reason == "settlement: settle-20260219-1545 Failed: Unavailable: no figures"
        await runner.kill()

    async def test_it_is_skipped_when_that_has_no_slot_before(self, world: SlotWorld) -> None:
        runner = Runner(world, self.schedules("30 17 * * 1-5"))
        await lived(world, runner, "16:00", "17:10")
        assert (await world.slot("briefing-20260219-1700")).reason == "settlement: no slot on 2026-02-19 up to 17:00"
        await runner.kill()

    async def test_it_is_skipped_when_there_is_no_such_schedule(self, world: SlotWorld) -> None:
        runner = Runner(world, self.schedules("45 15 * * 1-5")[1:])
        await lived(world, runner, "16:00", "17:10")
        assert (await world.slot("briefing-20260219-1700")).reason == "settlement: there is no such schedule"
        await runner.kill()


async def test_the_clock_is_told_where_the_next_slot_is_and_cannot_run_past_it(world: SlotWorld) -> None:
    runner = Runner(world, [schedule()])
    world.clock.set(kst("08:00"))
    await runner.start()
    assert world.clock.positions["schedules"] == kst("08:30")
    await world.pass_time(kst("08:31"))
    await settled(world)
    assert world.clock.positions["schedules"] == kst("09:30")
    assert "schedules" in world.clock.held
    await runner.kill()


async def test_what_comes_next_is_noted_for_those_who_only_tell(world: SlotWorld) -> None:
    runner = Runner(world, [schedule()])
    world.clock.set(kst("08:00"))
    await runner.start()
    assert await UpcomingSlots(world.db).after(kst("08:00")) == [("scout-20260219-0830", kst("08:30"))]
    assert await UpcomingSlots(world.db).after(kst("08:30")) == []
    await runner.kill()


async def test_a_database_that_is_away_puts_the_slot_off_and_loses_none(
    world: SlotWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = Runner(world, [schedule()])
    world.clock.set(kst("08:00"))
    await runner.start()
    turns = runner._turns
    assert turns is not None
    real, failures = turns._slots.of_names, 2

    async def of_names(namespace: str, names: Any) -> Any:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise Unavailable("database: gone")
        return await real(namespace, names)

    monkeypatch.setattr(turns._slots, "of_names", of_names)
    await world.pass_time(kst("08:31"))
    await settled(world)
    assert await world.outcomes() == ran(["scout-20260219-0830"])
    assert [line for line in world.told if "gone" in line] == ["waiting: Unavailable: database: gone"]
    await runner.kill()


async def test_a_slot_that_a_person_has_run_is_not_run_again(world: SlotWorld) -> None:
    world.clock.set(kst("08:30"))
    await world.client.trigger("", TriggerRequest(task=Task.SCOUT))
    await world.until_state("scout-20260219-0830", SlotState.RAN)
    runner = Runner(world, [schedule()])
    await lived(world, runner, "08:30", "08:40")
    assert len(world.jobs) == 1
    assert (await world.slot("scout-20260219-0830")).source is SlotSource.MANUAL
    await runner.kill()


async def test_a_bug_in_driving_costs_its_slot_and_is_told(world: SlotWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = Runner(world, [schedule()])
    world.clock.set(kst("08:00"))
    await runner.start()

    async def trigger(*_: Any) -> Any:
        raise KeyError("a bug")

    monkeypatch.setattr(world.client, "trigger", trigger)
    await world.pass_time(kst("08:31"))
    await settled(world)
    slot = await world.slot("scout-20260219-0830")
    assert (slot.state, slot.reason) == (SlotState.FAILED, "could not be driven: KeyError: 'a bug'")
    await runner.kill()


async def test_every_outcome_is_told(world: SlotWorld) -> None:
    runner = Runner(world, [schedule()])
    await lived(world, runner, "08:00", "08:40")
    assert world.told == ["scout-20260219-0830 Ran: scout-20260219-0830 is done"]
    await runner.kill()


async def test_a_day_in_seoul_and_its_names_agree(world: SlotWorld) -> None:
    runner = Runner(world, [schedule(schedules=["0 0 * * *"], sessionsOnly=False)])
    world.clock.set(kst("23:50"))
    await runner.start()
    await world.pass_time(kst("23:50") + timedelta(minutes=20))
    await settled(world)
    [slot] = await world.slots.page("default")
    assert slot.name == "scout-20260220-0000"
    assert slot.at.astimezone(KST).date() == date(2026, 2, 20)
    await runner.kill()
