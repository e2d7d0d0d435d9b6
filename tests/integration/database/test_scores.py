"""Runs by their slots: which list came before, which run is a day's, what earlier dates said."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from prime_jennie.domain.sessions import KST
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.scores import RunRows, ScoreRepository
from prime_jennie.infra.database.tables.scouting import DailyQuantScoreRow

DAY = date(2025, 2, 14)
LONG_AGO = DAY - timedelta(days=900)
FACTORS = ("momentum", "quality", "value", "technical", "news", "supply_demand", "sector_momentum")


@pytest.fixture
def scores(db: Database) -> ScoreRepository:
    return ScoreRepository(db)


def moment(clock: str, day: date = DAY) -> datetime:
    return datetime.combine(day, datetime.strptime(clock, "%H:%M").time(), KST)  # noqa: DTZ007


def run(clock: str, listed: dict[str, date | None], day: date = DAY, **hybrids: float | None) -> RunRows:
    """Return a run that listed these stocks, each with the first day of its stay, and gave these hybrid scores."""
    at = moment(clock, day)
    name = f"scout-{at:%Y%m%d-%H%M}"
    codes = {*listed, *(code.removeprefix("s") for code in hybrids)} or {"000010"}
    return RunRows(
        name,
        at,
        day,
        [_score(name, at, day, code, hybrids) for code in sorted(codes)],
        _list(name, at, day, listed),
        [],
    )


def _score(name: str, at: datetime, day: date, code: str, hybrids: dict[str, float | None]) -> dict[str, Any]:
    return {
        "score_date": day,
        "run_id": name,
        "stock_code": code,
        "stock_name": code,
        "total_quant_score": 50.0,
        **{f"{factor}_score": 5.0 for factor in FACTORS},
        "hybrid_score": hybrids.get(f"s{code}"),
        "scored_at": at,
    }


def _list(name: str, at: datetime, day: date, listed: dict[str, date | None]) -> list[dict[str, Any]]:
    return [
        {
            "snapshot_date": day,
            "stock_code": code,
            "run_id": name,
            "stock_name": code,
            "llm_score": 70.0,
            "hybrid_score": 70.0,
            "quant_score": 70.0,
            "is_tradable": True,
            "trade_tier": "TIER1",
            "risk_tag": "NEUTRAL",
            "rank": rank,
            "market_regime": "BULL",
            "since": since,
            "created_at": at,
        }
        for rank, (code, since) in enumerate(listed.items(), 1)
    ]


async def save(scores: ScoreRepository, *runs: RunRows) -> list[bool]:
    return [await scores.save(one, keep_after=LONG_AGO) for one in runs]


async def test_the_list_before_a_slot_is_that_of_the_last_slot_before_it(scores: ScoreRepository) -> None:
    yesterday = DAY - timedelta(days=1)
    await save(
        scores,
        run("14:30", {"000010": yesterday}, day=yesterday),
        run("08:30", {"000020": DAY}),
        run("09:30", {"000030": None}),
    )
    assert await scores.listed_before(DAY, moment("08:30")) == {"000010": yesterday}
    # An attempt that is repeated does not take its own list for the one before.
    assert await scores.listed_before(DAY, moment("09:30")) == {"000020": DAY}
    assert await scores.listed_before(DAY, moment("10:30")) == {"000030": DAY}


async def test_an_empty_list_is_a_list_too(scores: ScoreRepository) -> None:
    yesterday = DAY - timedelta(days=1)
    await save(scores, run("14:30", {"000010": yesterday}, day=yesterday), run("08:30", {}))
    assert await scores.listed_before(DAY, moment("09:30")) == {}


async def test_of_an_earlier_day_the_last_slot_counts_whenever_it_ran(scores: ScoreRepository) -> None:
    yesterday = DAY - timedelta(days=1)
    late, early = run("14:30", {"000010": yesterday}, day=yesterday), run("08:30", {"000020": None}, day=yesterday)
    assert await save(scores, late, early) == [True, False]
    assert await scores.listed_before(DAY, moment("08:30")) == {"000010": yesterday}


async def test_a_list_of_two_weeks_ago_says_nothing(scores: ScoreRepository) -> None:
    old = DAY - timedelta(days=11)
    await save(scores, run("08:30", {"000010": old}, day=old, s000010=70.0))
    assert await scores.listed_before(DAY, moment("08:30")) == {}
    assert await scores.earlier_scores(DAY, 2) == {}


async def test_before_the_first_run_nothing_is_listed(scores: ScoreRepository) -> None:
    assert await scores.listed_before(DAY, moment("08:30")) == {}


async def test_earlier_scores_are_those_of_the_last_dates_newest_first(scores: ScoreRepository) -> None:
    days = [DAY - timedelta(days=back) for back in (4, 3, 2, 1)]
    await save(
        scores,
        run("08:30", {}, day=days[0], s000010=10.0),
        run("08:30", {}, day=days[2], s000010=30.0, s000020=31.0, s000030=None),
        run("08:30", {}, day=days[3], s000010=99.0),
        run("14:30", {}, day=days[3], s000010=40.0),
        run("08:20", {}, s000010=77.0),
    )
    found = await scores.earlier_scores(DAY, 2)
    assert found == {"000010": [40.0, 30.0], "000020": [31.0]}


async def test_a_run_again_replaces_itself_and_the_later_slot_stays_active(
    db: Database, scores: ScoreRepository
) -> None:
    first, later = run("08:30", {"000010": DAY}), run("09:30", {"000010": DAY})
    assert await save(scores, first, later, first, later) == [True, True, False, True]
    rows = await db.read(lambda session: session.scalars(select(DailyQuantScoreRow)).all())
    assert sorted((row.run_id, row.is_active) for row in rows) == [
        ("scout-20250214-0830", False),
        ("scout-20250214-0930", True),
    ]


async def test_old_scores_are_forgotten_and_lists_are_kept(db: Database, scores: ScoreRepository) -> None:
    old = DAY - timedelta(days=9)
    await save(scores, run("08:30", {"000010": old}, day=old, s000010=70.0))
    await scores.save(run("08:30", {}), keep_after=DAY)
    dates = await db.read(lambda session: session.scalars(select(DailyQuantScoreRow.score_date)).all())
    assert set(dates) == {DAY}
