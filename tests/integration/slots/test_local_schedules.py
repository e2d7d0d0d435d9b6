"""A local run of real processes fires its schedules on a led clock, through SIGKILL of its service and its runner."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from prime_jennie.domain.slots import Slot, SlotState
from prime_jennie.infra.clock import ClockLeader, ClockSession
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.slots import SlotRepository
from prime_jennie.infra.redis.connection import connect
from tests.support.eventually import eventually
from tests.support.redis_server import free_port
from tests.support.schedule_run import database_url, run_of, scout_job
from tests.support.schedules import THURSDAY, kst, schedule
from tests.support.stand_in_objects import redis_store

ROOT = Path(__file__).parents[3]
SCOUT = schedule(schedules=["30 8-10 * * 1-5"])


@asynccontextmanager
async def leading(port: int) -> AsyncIterator[Callable[[str], Awaitable[None]]]:
    """Lead a virtual day from 08:25 on, as fast as it goes; give the way to let it come to a time."""
    redis = connect(f"redis://127.0.0.1:{port}/0")
    session = ClockSession(day=THURSDAY, opens_at=kst("09:00"), closes_at=kst("15:30"), start_at=kst("08:25"))
    leader = ClockLeader(redis, session)
    until = asyncio.Queue[str]()
    arrived = asyncio.Event()

    async def lead() -> None:
        await leader.start()

        async def on_step(_now: Any) -> None:
            return

        while True:
            await leader.run(on_step, kst(await until.get()))
            arrived.set()

    async def upto(clock: str) -> None:
        arrived.clear()
        await until.put(clock)
        await arrived.wait()

    task = asyncio.create_task(lead())
    try:
        yield upto
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await redis.aclose()


class Rows:
    """The slots as the database has them."""

    def __init__(self, folder: Path) -> None:
        self.db = Database(database_url(folder))
        self.slots = SlotRepository(self.db)

    async def get(self, name: str) -> Slot:
        found = await self.slots.get("default", name)
        assert found is not None, name
        return found

    async def until(self, name: str, state: SlotState, *, attempts: int = 1) -> Slot:
        async def is_so() -> bool:
            found = await self.slots.get("default", name)
            return found is not None and found.state is state and found.attempts == attempts

        await eventually(is_so, within_secs=40, what=f"{name} {state} after {attempts} attempts")
        return await self.get(name)


def begun(folder: Path) -> list[str]:
    file = folder / "jobs"
    return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
async def port() -> int:
    return free_port()


async def test_the_day_waits_at_each_slot_and_none_begins_late(tmp_path: Path, port: int) -> None:
    said: list[str] = []
    async with (
        leading(port) as upto,
        run_of(tmp_path, port, (SCOUT,), work_secs=0.5, report=lambda _, text: said.append(text)),
    ):
        await upto("10:40")
        rows = Rows(tmp_path)
        for hour in (8, 9, 10):
            slot = await rows.until(f"scout-20260219-{hour:02}30", SlotState.RAN)
            assert slot.started_at is not None
            assert slot.finished_at is not None
            assert timedelta(0) <= slot.started_at - slot.at < timedelta(seconds=45)
            assert slot.finished_at - slot.started_at < timedelta(seconds=20), "the clock was held while it ran"
        await rows.db.close()
    assert begun(tmp_path) == [f"scout-20260219-{hour:02}30 1" for hour in (8, 9, 10)]
    assert "scout-20260219-0830 Ran: scout-20260219-0830 is done" in said


async def test_a_service_killed_in_the_middle_of_its_slot_ends_it_with_the_second_attempt(
    tmp_path: Path, port: int
) -> None:
    async with leading(port) as upto, run_of(tmp_path, port, (SCOUT,), work_secs=2.0) as run:
        passing = asyncio.create_task(upto("08:45"))
        await eventually(lambda: begun(tmp_path), within_secs=20)
        run.kill("scout-job", signal.SIGKILL)
        await passing
        rows = Rows(tmp_path)
        slot = await rows.until("scout-20260219-0830", SlotState.RAN, attempts=2)
        assert slot.started_at is not None
        assert slot.started_at - slot.at < timedelta(minutes=3), "the day waited for the service's restart"
        await rows.db.close()
    assert begun(tmp_path) == ["scout-20260219-0830 1", "scout-20260219-0830 2"]


async def test_a_runner_killed_in_the_middle_of_a_slot_ends_it_once_when_it_is_back(tmp_path: Path, port: int) -> None:
    file = tmp_path / "scout.yaml"
    file.write_text(yaml.safe_dump(SCOUT.model_dump(mode="json", exclude_none=True)))
    program = [sys.executable, "-m", "tests.support.schedule_run", str(tmp_path), str(port), str(file)]
    async with leading(port) as upto:
        first = started(program)
        passing = asyncio.create_task(upto("08:45"))
        try:
            await eventually(lambda: begun(tmp_path), within_secs=40)
        finally:
            first.kill()
            first.wait()
        second = started(program)
        try:
            rows = Rows(tmp_path)
            slot = await rows.until("scout-20260219-0830", SlotState.RAN, attempts=2)
            assert "is done" in slot.reason
            await passing
            await rows.db.close()
        finally:
            second.terminate()
            second.wait()
    assert begun(tmp_path) == ["scout-20260219-0830 1", "scout-20260219-0830 2"]


async def test_schedules_that_come_and_change_while_the_run_goes_on_act(tmp_path: Path, port: int) -> None:
    objects = [*redis_store(), *scout_job(tmp_path, 0.0)]
    async with leading(port) as upto, run_of(tmp_path, port, ()) as run:
        await upto("08:26")
        assert await run.apply(objects, [schedule(schedules=["28,40 8 * * *"])]) == []
        await upto("08:30")
        assert await run.apply(objects, [schedule(schedules=["28,40 8 * * *", "32 8 * * *"], suspend=False)]) == []
        await upto("08:35")
        await run.apply(objects, [schedule(schedules=["28,40 8 * * *"], suspend=True)])
        await upto("08:45")
        rows = Rows(tmp_path)
        for minute, state in (("0828", SlotState.RAN), ("0832", SlotState.RAN)):
            await rows.until(f"scout-20260219-{minute}", state)
        await rows.until("scout-20260219-0840", SlotState.SKIPPED, attempts=0)
        await rows.db.close()


async def test_a_person_runs_a_slot_and_sees_it(tmp_path: Path, port: int) -> None:
    async with leading(port) as upto, run_of(tmp_path, port, (SCOUT,), work_secs=0.5):
        await upto("08:26")
        asked = await jennie("trigger", "scout", "--folder", str(tmp_path))
        assert asked.returncode == 0, asked.stderr
        name = asked.stdout.split(":")[0]
        assert name.startswith("scout-20260219-08")
        assert f"{name}: started" in asked.stdout
        assert f"{name}: working, 50 %" in asked.stdout
        assert f"{name}: Ran: {name} is done" in asked.stdout

        again = await jennie("trigger", "scout", "--slot", name, "--json", "--folder", str(tmp_path))
        assert json.loads(again.stdout) == {
            "job_id": name,
            "status": "finished",
            "outcome": "Ran",
            "reason": f"{name} is done",
        }
        early = await jennie("trigger", "scout", "--slot", "scout-20260219-1430", "--folder", str(tmp_path))
        assert early.returncode == 2
        assert "is yet to come" in early.stderr
        other = await jennie("trigger", "settlement", "--folder", str(tmp_path))
        assert other.returncode == 1
        assert "data-collector, which runs settlement, is not part of this run" in other.stderr

        status = json.loads((await jennie("status", "--json", "--folder", str(tmp_path))).stdout)
        [shown] = status["schedules"]
        assert (shown["schedule"], shown["next_slot"]) == ("scout", "scout-20260219-0830")
        table = (await jennie("status", "--folder", str(tmp_path))).stdout
        assert "02-19 08:30" in table
        await upto("08:45")
        rows = Rows(tmp_path)
        await rows.until("scout-20260219-0830", SlotState.RAN)
        await rows.db.close()
        table = (await jennie("status", "--folder", str(tmp_path))).stdout
        assert "02-19 09:30" in table
        assert "scout-20260219-0830" in table


async def test_ctrl_c_leaves_the_slot_running_and_says_so(tmp_path: Path, port: int) -> None:
    async with leading(port) as upto, run_of(tmp_path, port, (), work_secs=4.0):
        await upto("08:26")
        program = [sys.executable, "-m", "jennie", "trigger", "scout", "--folder", str(tmp_path)]
        asking = started(program)
        await eventually(lambda: begun(tmp_path), within_secs=30)
        await asyncio.sleep(0.3)
        asking.send_signal(signal.SIGINT)
        said, _ = await asyncio.to_thread(asking.communicate)
        name = said.split(":")[0]
        assert asking.returncode == 130
        assert f"{name} goes on in scout-job; see it with: jennie trigger scout --slot {name}" in said
        rows = Rows(tmp_path)
        await rows.until(name, SlotState.RAN)
        await rows.db.close()


def started(program: list[str]) -> "subprocess.Popen[str]":
    """Start a program whose output the test may read."""
    return subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, text=True)


async def jennie(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command as a person does."""
    program = [sys.executable, "-m", "jennie", *arguments]
    return await asyncio.to_thread(
        subprocess.run, program, cwd=ROOT, text=True, capture_output=True, check=False, timeout=60
    )
