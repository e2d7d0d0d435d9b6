"""Whatever lines, outages, kills and failures there are: every slot ends with exactly one outcome and runs once."""

import asyncio
import random
import shutil
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.slots import SlotSkipped, SlotState
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.jobs import Job
from prime_jennie.infra.outages import Backoff
from prime_jennie_operator.resources import ScoutSchedule
from prime_jennie_operator.schedule.slots import slots_between
from tests.support.database import migrate_empty
from tests.support.eventually import eventually
from tests.support.schedules import SESSIONS, kst, schedule
from tests.support.slot_world import Runner, SlotWorld

BEGIN, END = kst("08:00"), kst("10:30")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrate once; every example begins with a copy."""
    file = tmp_path_factory.mktemp("slots") / "template.db"
    migrate_empty(f"sqlite:///{file}")
    return file


EVENTS = st.lists(
    st.tuples(
        st.integers(1, 140),
        st.sampled_from(["kill runner", "start runner", "kill service", "start service", "suspend", "resume"]),
    ),
    max_size=8,
).map(sorted)
SPECS = st.fixed_dictionaries(
    {
        "schedules": st.lists(
            st.sampled_from(["30 8-9 * * *", "*/15 8 * * *", "0,10,20 9 * * 4", "7 * * * 1-5", "*/40 * * * *"]),
            min_size=1,
            max_size=3,
            unique=True,
        ),
        "catchUp": st.sampled_from(["none", "latest", "all"]),
        "concurrencyPolicy": st.sampled_from(["Forbid", "Allow", "Replace"]),
        "deadline": st.sampled_from(["1m", "5m", "20m"]),
        "retries": st.fixed_dictionaries({"limit": st.integers(0, 2), "backoff": st.sampled_from(["10s", "3m"])}),
    }
)


@pytest.fixture(autouse=True)
def quick_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Backoff, "FIRST_SECS", 0.02)
    monkeypatch.setattr(Backoff, "LONGEST_SECS", 0.05)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scout=SPECS, council=SPECS, depends=st.booleans(), events=EVENTS, seed=st.integers(0, 1_000_000))
def test_every_slot_ends_with_exactly_one_outcome(
    template: Path, tmp_path: Path, scout: Any, council: Any, depends: bool, events: Any, seed: int
) -> None:
    file = tmp_path / "slots.db"
    for old in tmp_path.glob("slots.db*"):
        old.unlink()
    shutil.copy(template, file)
    schedules = [
        schedule("scout", **scout),
        schedule("council", task="macro-council", **council, **({"dependsOn": ["scout"]} if depends else {})),
    ]
    asyncio.run(live(Database(f"sqlite:///{file}"), schedules, events, random.Random(seed)))


async def live(
    db: Database, schedules: list[ScoutSchedule], events: list[tuple[int, str]], chance: random.Random
) -> None:
    succeeded: Counter[str] = Counter()

    async def behave(job: Job) -> str:
        await asyncio.sleep(chance.choice([0, 0.01, 0.05]))
        if chance.random() < 0.3:
            raise chance.choice([Unavailable("no luck"), KeyError("a bug"), SlotSkipped("nothing to do")])
        succeeded[job.slot] += 1
        return "done"

    world = SlotWorld(db, ManualClock(BEGIN), behave, patience_secs=0.05)
    await world.start_service()
    runner = Runner(world, schedules)
    await runner.start()
    for minute, event in events:
        await world.pass_time(BEGIN + timedelta(minutes=minute), step_secs=45)
        await happen(world, runner, schedules, event)
    if world.client.board is None:
        await world.start_service()
    if not runner.is_up:
        await runner.start()
    world.clock.positions.setdefault("schedules", BEGIN)
    await world.pass_time(END + timedelta(hours=1), step_secs=45)

    async def all_over() -> bool:
        return not world.clock.holding and not await world.slots.unfinished("default")

    await eventually(all_over, within_secs=30)
    await runner.kill()
    await world.kill_service()
    await world.client.__aexit__(None, None, None)
    found = await world.slots.page("default", limit=500)
    db.close_now()

    expected = {
        slot.name for one in schedules for slot in slots_between(one, BEGIN, END + timedelta(hours=1), SESSIONS)
    }
    names = [slot.name for slot in found if slot.at > BEGIN]
    assert set(names) == expected
    assert len(names) == len(set(names))
    assert all(slot.is_finished and slot.state is not SlotState.RUNNING and slot.reason for slot in found)
    assert all(count == 1 for count in succeeded.values()), "a slot was run again after it had succeeded"
    ran = {slot.name for slot in found if slot.state is SlotState.RAN}
    assert ran <= set(succeeded)
    assert all(slot.attempts <= 3 for slot in found)


async def happen(world: SlotWorld, runner: Runner, schedules: list[ScoutSchedule], event: str) -> None:
    if event == "kill runner":
        await runner.kill()
        world.clock.positions.clear()  # a leader waits 20 real seconds for a dead consumer, then no more
    elif event == "start runner" and not runner.is_up:
        await runner.start()
    elif event == "kill service":
        await world.kill_service()
    elif event == "start service" and world.client.board is None:
        await world.start_service()
    elif event in ("suspend", "resume"):
        suspended = {"suspend": event == "suspend"}
        runner.follow([one.model_copy(update={"spec": one.spec.model_copy(update=suspended)}) for one in schedules])
