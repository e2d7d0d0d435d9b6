"""What one run knows of the ones before: the list that holds on, smoothing, ages, backfills, attempts."""

import asyncio
import threading
from datetime import date, timedelta
from typing import Any

import pytest

from prime_jennie.domain.errors import Unavailable
from prime_jennie.infra.database.repositories.scores import RunRows, ScoreRepository
from scout_job.live import LiveLists
from tests.support.eventually import eventually
from tests.support.scanning import DAY, at
from tests.support.scouting import KOSDAQ_STOCK, SESSIONS, STRONG_STOCKS, ScoutWorld, climbing, strong

STRONG = [strong(number) for number in range(STRONG_STOCKS)]
NEXT = SESSIONS.next(DAY).day


async def since(world: ScoutWorld) -> dict[str, date | None]:
    found = await world.watchlist()
    assert found is not None
    return {entry.stock_code: entry.since for entry in found.stocks}


async def lower(world: ScoutWorld, code: str, points: float, run_id: str) -> None:
    """Let a stored hybrid score have been so much lower."""

    def work(session: Any) -> None:
        for row in session.query(_row()).filter_by(stock_code=code, run_id=run_id):
            row.hybrid_score -= points

    await world.db.write(work)


def _row() -> Any:
    from prime_jennie.infra.database.tables.scouting import DailyQuantScoreRow

    return DailyQuantScoreRow


async def test_hourly_runs_keep_the_first_day_and_the_newest_is_active(either_world: ScoutWorld) -> None:
    world = either_world
    run = world.run()
    await run(world.job())
    await run(world.job("08:40"))
    assert set((await since(world)).values()) == {DAY}
    assert {row.is_active for row in (await world.scores("scout-20260219-0830")).values()} == {False}
    assert {row.is_active for row in await world.history("scout-20260219-0830")} == {False}
    assert {row.is_active for row in (await world.scores("scout-20260219-0840")).values()} == {True}


async def test_the_next_day_a_stock_that_stays_is_a_session_old(world: ScoutWorld) -> None:
    await world.run()(world.job())
    await world.prices.upsert_daily([one for code in STRONG for one in climbing(code, [DAY], start=90_000)])
    await world.run()(world.job(day=NEXT))
    ages = await since(world)
    assert {ages[code] for code in STRONG} == {DAY}
    assert KOSDAQ_STOCK not in ages  # it did not trade on the last session


async def test_who_was_dropped_and_comes_back_begins_anew(world: ScoutWorld) -> None:
    await world.run()(world.job())
    await world.run()(world.job("08:31", most=1))
    await world.prices.upsert_daily([one for code in STRONG for one in climbing(code, [DAY], start=90_000)])
    await world.run()(world.job(day=NEXT))
    ages = await since(world)
    assert ages[STRONG[0]] == DAY
    assert ages[STRONG[1]] == NEXT


async def test_a_listed_stock_stays_with_a_score_that_would_not_let_it_in(world: ScoutWorld) -> None:
    run = world.run()
    await run(world.job("08:30", turnoverFloorKrw=0))
    score = (await world.scores())[STRONG[0]].hybrid_score
    assert score is not None
    # Yesterday's low score pulls the mean of two dates below 62, and not below 55.
    await ScoreRepository(world.db).save(
        RunRows("scout-old", at("08:30", DAY - timedelta(days=6)), DAY - timedelta(days=6), [], [], []),
        keep_after=DAY - timedelta(days=99),
    )
    earlier = DAY - timedelta(days=6)
    await world.db.write(lambda session: _copy(session, STRONG[:2], earlier, 2 * 60.0 - score))
    await run(world.job("08:31"))
    rows = await world.scores("scout-20260219-0831")
    assert rows[STRONG[0]].smoothed_score == pytest.approx(60.0)
    assert STRONG[0] in await world.listed()
    await world.db.write(lambda session: session.connection().exec_driver_sql("DELETE FROM watchlist_history") and None)
    await run(world.job("08:32"))
    assert STRONG[0] not in await world.listed()


def _copy(session: Any, codes: list[str], day: date, score: float) -> None:
    table = _row()
    for row in session.query(table).filter(table.run_id == "scout-20260219-0830", table.stock_code.in_(codes)):
        values = {column.name: getattr(row, column.name) for column in table.__table__.columns if column.name != "id"}
        values |= {"score_date": day, "run_id": "scout-earlier", "hybrid_score": score, "scored_at": at("08:30", day)}
        session.add(table(**values))


async def test_a_backfilled_slot_leaves_rows_and_no_live_key(world: ScoutWorld) -> None:
    told = await world.run()(world.job(day=NEXT - timedelta(days=7), newest=False))
    assert told.endswith("; kept as history only")
    assert await world.watchlist() is None
    assert not await world.redis.exists("regime:current", "budget:sector:active")
    rows = await world.scores("scout-20260213-0830")
    assert {row.is_active for row in rows.values()} == {True}  # it is the only run of that day


async def test_an_earlier_slot_that_runs_later_does_not_take_the_days_place(world: ScoutWorld) -> None:
    run = world.run()
    await run(world.job("08:40"))
    listed = await world.watchlist()
    await run(world.job("08:30", newest=False))
    assert {row.is_active for row in (await world.scores("scout-20260219-0840")).values()} == {True}
    assert {row.is_active for row in (await world.scores("scout-20260219-0830")).values()} == {False}
    assert await world.watchlist() == listed


async def test_the_same_slot_again_leaves_the_same(either_world: ScoutWorld) -> None:
    world = either_world
    await world.run()(world.job("08:20"))
    await world.run()(world.job())
    first, rows = await world.watchlist(), await world.history("scout-20260219-0830")
    await world.run()(world.job())
    assert await world.watchlist() == first
    again = await world.history("scout-20260219-0830")
    assert [(row.stock_code, row.rank, row.since) for row in again] == [
        (row.stock_code, row.rank, row.since) for row in rows
    ]
    assert len(await world.scores("scout-20260219-0830")) == 13
    assert len(await world.decisions()) == 14


class Killed(BaseException):
    """Ends a run where it stands."""


@pytest.mark.parametrize("report", range(6))
async def test_a_run_that_ends_anywhere_leaves_all_or_nothing_and_can_be_repeated(
    world: ScoutWorld, report: int
) -> None:
    await world.run()(world.job("08:20", top=2))
    before = await world.watchlist()
    seen = 0

    async def kill_at(_phase: str, _progress: int) -> None:
        nonlocal seen
        seen += 1
        if seen > report:
            raise Killed

    with pytest.raises(Killed):
        await world.run()(world.job(report=kill_at))
    assert await world.watchlist() == before
    rows = await world.scores("scout-20260219-0830")
    assert len(rows) in (0, 13)
    assert len(await world.history("scout-20260219-0830")) == (7 if rows else 0)
    world.lists = LiveLists(world.redis)
    await world.run()(world.job())
    assert await world.listed() == [*STRONG, KOSDAQ_STOCK]
    assert len(await world.scores("scout-20260219-0830")) == 13


async def test_a_run_that_is_cancelled_while_it_stores_leaves_a_whole_run(
    world: ScoutWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    storing, write_now = threading.Event(), world.db.write_now

    def slow_write(work: Any) -> Any:
        storing.set()
        return write_now(work)

    monkeypatch.setattr(world.db, "write_now", slow_write)
    task = asyncio.create_task(world.run()(world.job()))
    await asyncio.to_thread(storing.wait)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    async def stored() -> bool:
        return len(await world.scores("scout-20260219-0830")) == 13

    await eventually(stored)
    assert len(await world.history("scout-20260219-0830")) == 7
    assert await world.watchlist() is None


async def test_a_redis_that_is_away_fails_the_attempt_after_the_rows(
    world: ScoutWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise Unavailable("redis: ConnectionError")

    monkeypatch.setattr(world.lists, "publish", away)
    with pytest.raises(Unavailable):
        await world.run()(world.job())
    assert len(await world.scores("scout-20260219-0830")) == 13
    world.lists = LiveLists(world.redis)
    await world.run()(world.job())
    assert await world.listed() == [*STRONG, KOSDAQ_STOCK]


async def test_lists_that_an_emptied_redis_lost_are_written_again_on_their_day_only(world: ScoutWorld) -> None:
    await world.run()(world.job())
    found = await world.watchlist()
    await world.redis.flushall()
    await world.lists.restore(NEXT)
    assert await world.watchlist() is None
    await world.lists.restore(DAY)
    assert await world.watchlist() == found
    assert await world.budget()
    await LiveLists(world.redis).restore(DAY)  # a process that published nothing has nothing to restore


async def test_scores_older_than_the_kept_days_are_forgotten(world: ScoutWorld) -> None:
    await world.run()(world.job())
    old = DAY - timedelta(days=181)
    await world.db.write(lambda session: _copy(session, STRONG, old, 50.0))
    await world.run()(world.job("08:31"))
    assert await world.scores("scout-earlier") == {}
