"""A slot begins once, ends once, and is never run again after that, on both databases."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import update

from prime_jennie.domain.sessions import KST
from prime_jennie.domain.slots import Slot, SlotSource, SlotState, Task, slot_name
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.slots import SlotClaim, SlotKey, SlotRepository, owner_of
from prime_jennie.infra.database.repositories.workers import RUNNING, WorkerRepository
from prime_jennie.infra.database.tables.lifecycle import WorkerProcessRow

AT = datetime(2026, 2, 19, 8, 30, tzinfo=KST)
NOW = AT + timedelta(seconds=2)


def key(at: datetime = AT, *, task: Task = Task.SCOUT, schedule: str = "scout", namespace: str = "default") -> SlotKey:
    return SlotKey(namespace=namespace, name=slot_name(task, at, schedule), task=task, at=at, schedule=schedule)


@pytest.fixture
def slots(db: Database) -> SlotRepository:
    return SlotRepository(db)


async def claim(
    slots: SlotRepository,
    wanted: SlotKey | None = None,
    *,
    source: SlotSource = SlotSource.SCHEDULE,
    owner: str = "one",
    attempts: int = 1,
    backfill: str = "",
    redo: bool = False,
) -> SlotClaim:
    return await slots.claim(
        wanted or key(),
        source=source,
        owner=owner,
        attempts_allowed=attempts,
        now=NOW,
        backfill=backfill,
        redo=redo,
    )


async def finish(
    slots: SlotRepository, state: SlotState, *, owner: str = "one", attempt: int = 1, wanted: SlotKey | None = None
) -> bool:
    name = (wanted or key()).name
    return await slots.finish("default", name, owner=owner, attempt=attempt, state=state, reason=f"{state}.", now=NOW)


async def stored(slots: SlotRepository) -> Slot:
    found = await slots.get("default", key().name)
    assert found is not None
    return found


async def test_the_first_who_asks_runs_the_slot(slots: SlotRepository) -> None:
    claimed = await claim(slots)
    assert claimed.won
    assert claimed.slot.state is SlotState.RUNNING
    assert claimed.slot.attempts == 1
    assert claimed.slot.at == AT
    assert not (await claim(slots, owner="two")).won


async def test_of_forty_who_ask_at_once_one_runs_the_slot(slots: SlotRepository) -> None:
    claims = await asyncio.gather(*(claim(slots, owner=str(number)) for number in range(40)))
    assert sum(one.won for one in claims) == 1
    assert {one.slot.state for one in claims} == {SlotState.RUNNING}


@pytest.mark.parametrize("state", [SlotState.RAN, SlotState.SKIPPED, SlotState.FAILED, SlotState.BACKFILLED])
async def test_a_finished_slot_never_runs_again(slots: SlotRepository, state: SlotState) -> None:
    await claim(slots)
    assert await finish(slots, state)
    for source in (SlotSource.SCHEDULE, SlotSource.MANUAL, SlotSource.AIRFLOW):
        again = await claim(slots, source=source, attempts=9 if state is not SlotState.FAILED else 1)
        assert not again.won
        assert again.slot.state is state
        assert again.slot.reason == f"{state}."


async def test_a_failed_attempt_is_followed_by_the_next_until_they_are_used_up(slots: SlotRepository) -> None:
    await claim(slots, attempts=2)
    await finish(slots, SlotState.FAILED)
    waiting = await stored(slots)
    assert (waiting.state, waiting.is_finished) == (SlotState.FAILED, False)
    second = await claim(slots, attempts=2, owner="two")
    assert second.won
    assert second.slot.attempts == 2
    await finish(slots, SlotState.FAILED, owner="two", attempt=2)
    assert (await stored(slots)).is_finished
    assert not (await claim(slots, attempts=3)).won


async def test_who_allows_fewer_attempts_than_there_were_begins_none(slots: SlotRepository) -> None:
    await claim(slots, attempts=3)
    await finish(slots, SlotState.FAILED)
    assert not (await claim(slots, attempts=1)).won
    assert (await claim(slots, attempts=2)).won


async def test_a_person_may_begin_the_next_attempt_of_a_slot_that_waits_for_it(slots: SlotRepository) -> None:
    await claim(slots, attempts=3)
    await finish(slots, SlotState.FAILED)
    assert (await claim(slots, source=SlotSource.MANUAL)).won


async def test_a_backfill_takes_up_what_was_missed_and_never_what_is_done(slots: SlotRepository) -> None:
    await slots.record(key(), source=SlotSource.SCHEDULE, state=SlotState.MISSED, reason="an outage", now=NOW)
    assert not (await claim(slots)).won
    taken = await claim(slots, source=SlotSource.BACKFILL)
    assert taken.won
    assert taken.slot.source is SlotSource.BACKFILL
    await finish(slots, SlotState.BACKFILLED)
    assert not (await claim(slots, source=SlotSource.BACKFILL)).won


class TestBackfills:
    """What a Backfill, known by its uid, may run: each slot once, whatever became of it before."""

    async def asks(self, slots: SlotRepository, uid: str, *, redo: bool = False, attempts: int = 1) -> SlotClaim:
        return await claim(slots, source=SlotSource.BACKFILL, backfill=uid, redo=redo, attempts=attempts)

    async def test_each_takes_up_a_failed_slot_once(self, slots: SlotRepository) -> None:
        await claim(slots)
        await finish(slots, SlotState.FAILED)
        assert (await self.asks(slots, "first")).won
        await finish(slots, SlotState.FAILED, attempt=2)
        again = await self.asks(slots, "first")
        assert not again.won
        assert again.slot.backfill == "first"
        assert (await self.asks(slots, "second")).won

    @pytest.mark.parametrize("state", [SlotState.RAN, SlotState.BACKFILLED])
    async def test_what_is_done_runs_again_only_to_redo_it_and_once(
        self, slots: SlotRepository, state: SlotState
    ) -> None:
        await claim(slots)
        await finish(slots, state)
        assert not (await self.asks(slots, "first")).won
        assert (await self.asks(slots, "first", redo=True)).won
        await finish(slots, SlotState.BACKFILLED, attempt=2)
        assert not (await self.asks(slots, "first", redo=True)).won

    async def test_its_attempts_count_from_where_the_slot_was_left(self, slots: SlotRepository) -> None:
        await claim(slots, attempts=2)
        await finish(slots, SlotState.FAILED)
        await claim(slots, attempts=2)
        await finish(slots, SlotState.FAILED, attempt=2)
        for attempt in (3, 4):
            taken = await self.asks(slots, "first", attempts=2)
            assert taken.won
            assert taken.slot.attempts == attempt
            await finish(slots, SlotState.FAILED, attempt=attempt)
        assert (await stored(slots)).is_finished
        assert not (await self.asks(slots, "first", attempts=2)).won

    async def test_a_slot_that_waits_for_its_schedule_is_taken_over(self, slots: SlotRepository) -> None:
        await claim(slots, attempts=2)
        await finish(slots, SlotState.FAILED)
        taken = await self.asks(slots, "first", attempts=2)
        assert taken.won
        await finish(slots, SlotState.FAILED, attempt=2)
        assert not (await stored(slots)).is_finished, "two attempts of its own"

    async def test_it_never_takes_up_what_runs(self, slots: SlotRepository) -> None:
        await claim(slots)
        assert not (await self.asks(slots, "first", redo=True)).won

    @pytest.mark.parametrize(
        ("state", "redo", "written"),
        [
            (SlotState.MISSED, False, True),
            (SlotState.FAILED, False, True),
            (SlotState.SKIPPED, False, True),
            (SlotState.RAN, False, False),
            (SlotState.RAN, True, True),
        ],
    )
    async def test_what_it_cannot_run_is_noted_over_the_old_outcome(
        self, slots: SlotRepository, state: SlotState, redo: bool, written: bool
    ) -> None:
        await slots.record(key(), source=SlotSource.SCHEDULE, state=state, reason="before", now=NOW)
        how = {"source": SlotSource.BACKFILL, "state": SlotState.FAILED, "now": NOW, "backfill": "first", "redo": redo}
        found = await slots.record(key(), reason="no pod", **how)  # type: ignore[arg-type]
        assert (found.state, found.reason) == ((SlotState.FAILED, "no pod") if written else (state, "before"))
        assert found.is_over_for(SlotSource.BACKFILL, "first", redo=redo)
        assert (await slots.record(key(), reason="again", **how)).reason == found.reason, "once"  # type: ignore[arg-type]

    async def test_its_note_leaves_a_running_slot_alone(self, slots: SlotRepository) -> None:
        await claim(slots)
        found = await slots.record(
            key(), source=SlotSource.BACKFILL, state=SlotState.FAILED, reason="no pod", now=NOW, backfill="first"
        )
        assert (found.state, found.source) == (SlotState.RUNNING, SlotSource.SCHEDULE)


async def test_only_the_attempt_that_runs_may_end_the_slot(slots: SlotRepository) -> None:
    await claim(slots, attempts=2)
    assert not await finish(slots, SlotState.RAN, owner="somebody else")
    await slots.close_interrupted("default", [Task.SCOUT], owner="one, restarted", now=NOW)
    await claim(slots, attempts=2)
    assert not await finish(slots, SlotState.RAN, attempt=1), "the first attempt is long over"
    assert await finish(slots, SlotState.RAN, attempt=2)
    assert not await finish(slots, SlotState.FAILED, attempt=2), "the first outcome stays"
    assert (await stored(slots)).state is SlotState.RAN


async def test_a_restart_closes_what_its_service_left_running_and_nothing_else(slots: SlotRepository) -> None:
    await claim(slots, attempts=2)
    last = key(AT + timedelta(hours=1))
    await claim(slots, last)
    mine = key(AT + timedelta(hours=2))
    await claim(slots, mine, owner="two")
    other = key(task=Task.MACRO_COUNCIL, schedule="council")
    await claim(slots, other)
    elsewhere = key(namespace="elsewhere")
    await claim(slots, elsewhere)

    closed = await slots.close_interrupted("default", [Task.SCOUT], owner="two", now=NOW)

    assert sorted(closed) == sorted([key().name, last.name])
    again, over = await stored(slots), await slots.get("default", last.name)
    assert over is not None
    assert "interrupted" in again.reason
    assert not again.is_finished, "a second attempt is allowed"
    assert over.is_finished, "no further attempt is allowed"
    running = [await slots.get("default", one.name) for one in (mine, other)]
    running.append(await slots.get("elsewhere", elsewhere.name))
    assert {one.state for one in running if one} == {SlotState.RUNNING}


async def heard(db: Database, worker_id: str, *, secs_ago: float, status: str = RUNNING) -> None:
    await WorkerRepository(db).beat(worker_id, service="scout-job", strategy="", status=status)
    said = update(WorkerProcessRow).where(WorkerProcessRow.worker_id == worker_id)
    at = datetime.now(UTC) - timedelta(seconds=secs_ago)
    await db.write(lambda session: session.execute(said.values(last_heartbeat_at=at)))


@pytest.mark.parametrize(
    ("worker", "secs_ago", "status", "is_left"),
    [
        ("scout-job@a:1", 60, RUNNING, True),
        ("scout-job@a:1", 100, RUNNING, False),
        ("scout-job@a:1", 1, "EXITING", False),
        ("scout-job@unheard:1", 1, RUNNING, False),
        ("scout-job@b:1", 1, RUNNING, False),
    ],
    ids=["alive", "silent", "ended in order", "never heard", "an earlier life of the same"],
)
async def test_what_another_copy_runs_is_left_to_it_while_its_heartbeat_is_heard(
    db: Database, slots: SlotRepository, worker: str, secs_ago: float, status: str, *, is_left: bool
) -> None:
    await heard(db, worker.replace("unheard", "another"), secs_ago=secs_ago, status=status)
    owner = owner_of(worker)
    await claim(slots, owner=owner, attempts=2)
    closed = await slots.close_interrupted("default", [Task.SCOUT], owner=owner_of("scout-job@b:1"), now=NOW)
    assert closed == ([] if is_left else [key().name])
    assert await slots.is_run_by("default", key().name, owner=owner, attempt=1) is is_left


async def test_a_slot_is_run_by_one_attempt_of_one_owner(slots: SlotRepository) -> None:
    await claim(slots)
    mine = [("one", 1), ("two", 1), ("one", 2)]
    found = [await slots.is_run_by("default", key().name, owner=owner, attempt=attempt) for owner, attempt in mine]
    assert found == [True, False, False]
    await finish(slots, SlotState.RAN)
    assert not await slots.is_run_by("default", key().name, owner="one", attempt=1)


async def test_an_outcome_is_written_for_what_never_ran_and_leaves_what_did(slots: SlotRepository) -> None:
    skipped = await slots.record(
        key(), source=SlotSource.SCHEDULE, state=SlotState.SKIPPED, reason="a holiday", now=NOW
    )
    assert (skipped.state, skipped.reason, skipped.attempts) == (SlotState.SKIPPED, "a holiday", 0)
    assert skipped.is_finished
    later = key(AT + timedelta(hours=1))
    await claim(slots, later)
    kept = await slots.record(later, source=SlotSource.SCHEDULE, state=SlotState.MISSED, reason="late", now=NOW)
    assert kept.state is SlotState.RUNNING


async def test_giving_up_closes_a_slot_that_waits_for_its_next_attempt(slots: SlotRepository) -> None:
    await claim(slots, attempts=3)
    await finish(slots, SlotState.FAILED)
    closed = await slots.record(key(), source=SlotSource.SCHEDULE, state=SlotState.FAILED, reason="too late", now=NOW)
    assert closed.is_finished
    assert (closed.attempts, closed.reason) == (1, "too late")


async def test_progress_is_kept_while_the_attempt_runs(slots: SlotRepository) -> None:
    await claim(slots)
    await slots.progress("default", key().name, owner="one", phase="quant_scoring", progress_pct=45)
    seen = await stored(slots)
    assert (seen.phase, seen.progress_pct) == ("quant_scoring", 45)
    await finish(slots, SlotState.RAN)
    await slots.progress("default", key().name, owner="one", phase="late", progress_pct=50)
    assert (await stored(slots)).progress_pct == 100


async def test_a_slot_is_the_newest_until_a_later_one_of_its_task_has_begun(slots: SlotRepository) -> None:
    later = key(AT + timedelta(hours=1), schedule="scout-late")
    assert await slots.is_newest("default", Task.SCOUT, AT)
    await slots.record(later, source=SlotSource.SCHEDULE, state=SlotState.SKIPPED, reason="", now=NOW)
    await claim(slots, key(AT + timedelta(hours=1), task=Task.NEWS, schedule="news"))
    assert await slots.is_newest("default", Task.SCOUT, AT), "a skipped one and another task's do not count"
    await claim(slots, key(AT + timedelta(hours=2)))
    assert not await slots.is_newest("default", Task.SCOUT, AT)
    assert await slots.is_newest("default", Task.SCOUT, AT + timedelta(hours=2))


async def test_the_newest_success_of_a_service_is_found(slots: SlotRepository) -> None:
    tasks = [Task.SCOUT]
    assert await slots.newest_done("default", tasks) is None
    await claim(slots)
    await finish(slots, SlotState.RAN)
    failed = key(AT + timedelta(hours=1))
    await claim(slots, failed)
    await finish(slots, SlotState.FAILED, wanted=failed)
    found = await slots.newest_done("default", tasks)
    assert found is not None
    assert found.name == key().name


async def test_slots_are_listed_by_day_schedule_and_task_page_by_page(slots: SlotRepository) -> None:
    for days in range(3):
        for hours in (0, 1):
            await claim(slots, key(AT + timedelta(days=days, hours=hours)))
    await claim(slots, key(task=Task.NEWS, schedule="news"))
    day = await slots.page("default", day=date(2026, 2, 20))
    assert [slot.at.astimezone(KST).hour for slot in day] == [9, 8]
    assert len(await slots.page("default", schedule="scout")) == 6
    assert [slot.name for slot in await slots.page("default", task=Task.NEWS)] == ["news-20260219-0830"]
    names = [slot.name for slot in await slots.page("default")]
    pages = [await slots.page("default", limit=3, offset=offset) for offset in (0, 3, 6, 9)]
    assert [slot.name for page in pages for slot in page] == names
    assert await slots.page("elsewhere") == []


async def test_a_day_begins_at_midnight_in_seoul(slots: SlotRepository) -> None:
    await claim(slots, key(datetime(2026, 2, 19, 0, 0, tzinfo=KST)))
    await claim(slots, key(datetime(2026, 2, 19, 23, 59, tzinfo=KST)))
    await claim(slots, key(datetime(2026, 2, 20, 0, 0, tzinfo=KST)))
    assert len(await slots.page("default", day=date(2026, 2, 19))) == 2


async def test_what_is_unfinished_is_found_oldest_first(slots: SlotRepository) -> None:
    await claim(slots, key(AT + timedelta(hours=1)), attempts=2)
    await finish(slots, SlotState.FAILED, wanted=key(AT + timedelta(hours=1)))
    await claim(slots)
    await slots.record(
        key(AT + timedelta(hours=2)), source=SlotSource.SCHEDULE, state=SlotState.MISSED, reason="", now=NOW
    )
    assert [slot.at for slot in await slots.unfinished("default")] == [AT, AT + timedelta(hours=1)]
