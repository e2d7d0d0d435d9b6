"""Which slots a backfill runs, in which order, and what its status says of them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from prime_jennie.domain.slots import Slot, SlotSource, SlotState, Task, parse_slot_name
from prime_jennie_operator.resources import Backfill, BackfillStatus
from prime_jennie_operator.resources.backfill import BackfillPhase
from prime_jennie_operator.schedule.backfill import BackfillPlan, is_done, phase_of, plan_backfill, status_of
from tests.support.backfills import backfill as a_backfill
from tests.support.schedules import SESSIONS, kst, schedule

SCOUT = schedule(schedules=["30 8,9 * * *"])
MONDAY, FRIDAY = date(2026, 2, 2), date(2026, 2, 6)
NOW = kst("10:00", date(2026, 3, 2))


def backfill(*, made_at: datetime | None = None, **spec: Any) -> Backfill:
    made = a_backfill(**spec)
    return made.model_copy(update={"metadata": made.metadata.model_copy(update={"creation_timestamp": made_at})})


def row(
    name: str,
    state: SlotState = SlotState.RAN,
    *,
    over: bool = True,
    uid: str = "",
    ended_at: datetime | None = None,
) -> Slot:
    at = parse_slot_name(name).at
    return Slot(
        namespace="default",
        name=name,
        task=Task.SCOUT,
        schedule="scout",
        at=at,
        source=SlotSource.BACKFILL if uid else SlotSource.SCHEDULE,
        backfill=uid,
        state=state,
        reason=f"{state.value}.",
        attempts=1,
        finished_at=(ended_at or at + timedelta(minutes=1)) if over else None,
    )


def by_name(*rows: Slot) -> dict[str, Slot]:
    return {one.name: one for one in rows}


def planned(filled: Backfill, *rows: Slot, now: datetime = NOW, scout: Any = SCOUT) -> list[str]:
    return [slot.name[6:] for slot in plan_backfill(filled, scout, by_name(*rows), now, SESSIONS).slots]


WEEK = [f"202602{day:02}-{clock}" for day in range(2, 7) for clock in ("0830", "0930")]


def test_a_week_is_its_sessions_slots_oldest_first() -> None:
    assert planned(backfill()) == WEEK
    assert planned(backfill(reverse=True)) == WEEK[::-1]
    assert planned(backfill(**{"from": "2026-02-06", "to": "2026-02-09"})) == [
        *WEEK[-2:],
        "20260209-0830",
        "20260209-0930",
    ]


def test_both_days_are_whole_days_in_seoul() -> None:
    midnight = schedule(schedules=["0 0 * * *", "59 23 * * *"], calendar="none", sessionsOnly=False)
    one_day = backfill(**{"from": "2026-02-02", "to": "2026-02-02"})
    assert planned(one_day, scout=midnight) == ["20260202-0000", "20260202-2359"]


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("none", ["0930"]),
        ("failed", ["0930", "1030", "1130"]),
        ("completed", ["0830", "0930", "1030", "1130", "1230", "1330"]),
    ],
)
def test_what_has_a_row_runs_again_as_the_strategy_says(strategy: str, expected: list[str]) -> None:
    hourly = schedule(schedules=["30 8-14 * * *"])
    one_day = backfill(strategy=strategy, **{"from": "2026-02-02", "to": "2026-02-02"})
    rows = [
        row("scout-20260202-0830", SlotState.RAN),
        row("scout-20260202-1030", SlotState.FAILED),
        row("scout-20260202-1130", SlotState.MISSED),
        row("scout-20260202-1230", SlotState.SKIPPED),
        row("scout-20260202-1330", SlotState.BACKFILLED),
        row("scout-20260202-1430", SlotState.RUNNING, over=False),
    ]
    assert [name[-4:] for name in planned(one_day, *rows, scout=hourly)] == expected


def test_holidays_have_no_slots_to_fill() -> None:
    new_year = backfill(**{"from": "2026-02-16", "to": "2026-02-19"})
    assert planned(new_year) == ["20260219-0830", "20260219-0930"]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ("08:30", []),
        ("08:50", []),
        ("08:50:01", ["0830"]),
        ("09:40", ["0830"]),
        ("09:50:01", ["0830", "0930"]),
    ],
)
def test_what_the_schedule_may_still_start_is_left_to_it(made: str, expected: list[str]) -> None:
    """A slot that a backfill took would write no live keys, and today would trade on yesterday's list."""
    today = backfill(made_at=kst(made, FRIDAY), **{"from": "2026-02-06", "to": "2026-02-06"})
    assert [name[-4:] for name in planned(today, now=kst(made, FRIDAY))] == expected
    assert [name[-4:] for name in planned(today, now=NOW)] == expected, "nor later, when their minutes have come"


def test_days_to_come_hold_nothing() -> None:
    assert planned(backfill(**{"from": "2026-03-03", "to": "2026-03-06"})) == []


def test_what_it_has_begun_stays_planned_whatever_became_of_it() -> None:
    rows = [
        row("scout-20260202-0830", SlotState.BACKFILLED, uid="uid-1"),
        row("scout-20260202-0930", SlotState.FAILED, uid="uid-1"),
        row("scout-20260203-0830", SlotState.RUNNING, over=False, uid="uid-1"),
        row("scout-20260203-0930", SlotState.RAN),
    ]
    plan = plan_backfill(backfill(), SCOUT, by_name(*rows), NOW, SESSIONS)
    assert len(plan.slots) == 9
    assert [one.name[6:] for one in plan.over] == ["20260202-0830", "20260202-0930"]
    assert [slot.name[6:] for slot in plan.pending] == [name for name in WEEK[2:] if name != "20260203-0930"]


def test_two_backfills_of_the_same_days_do_not_run_them_in_turns_for_ever() -> None:
    made_at = datetime(2026, 3, 2, tzinfo=UTC)
    filled_before, filled_since = made_at - timedelta(hours=1), made_at + timedelta(minutes=1)
    again = backfill(made_at=made_at, strategy="completed")
    name = "scout-20260202-0830"
    assert "20260202-0830" in planned(again, row(name, SlotState.BACKFILLED, uid="other", ended_at=filled_before))
    assert "20260202-0830" not in planned(again, row(name, SlotState.BACKFILLED, uid="other", ended_at=filled_since))


def plan_of(filled: Backfill, *rows: Slot) -> BackfillPlan:
    return plan_backfill(filled, SCOUT, by_name(*rows), NOW, SESSIONS)


def ends(state: SlotState) -> list[Slot]:
    return [row(f"scout-{name}", state, uid="uid-1") for name in WEEK]


@pytest.mark.parametrize(
    ("rows", "how", "phase"),
    [
        ([], {"may_run": True}, BackfillPhase.RUNNING),
        ([], {"may_run": False}, BackfillPhase.PENDING),
        ([], {"dry_run": True}, BackfillPhase.PLANNED),
        (ends(SlotState.BACKFILLED), {}, BackfillPhase.FINISHED),
        (ends(SlotState.SKIPPED), {}, BackfillPhase.FINISHED),
        ([*ends(SlotState.BACKFILLED)[1:], *ends(SlotState.FAILED)[:1]], {}, BackfillPhase.FAILED),
        ([*ends(SlotState.BACKFILLED)[1:], *ends(SlotState.MISSED)[:1]], {}, BackfillPhase.FAILED),
    ],
)
def test_the_phase_is_the_whole_in_one_word(rows: list[Slot], how: dict[str, bool], phase: BackfillPhase) -> None:
    assert phase_of(plan_of(backfill(), *rows), **{"dry_run": False, "may_run": True, **how}) is phase


def test_nothing_to_run_is_finished() -> None:
    nothing = plan_of(backfill(**{"from": "2026-02-16", "to": "2026-02-16"}))
    assert phase_of(nothing, dry_run=False, may_run=True) is BackfillPhase.FINISHED


def test_an_end_holds_for_its_spec_only() -> None:
    ended = BackfillStatus(observed_generation=2, phase=BackfillPhase.FAILED)
    assert is_done(ended, 2)
    assert not is_done(ended, 3)
    assert not is_done(BackfillStatus(observed_generation=2, phase=BackfillPhase.PLANNED), 2)
    assert not is_done(None, 1)


def test_the_status_counts_and_shows_what_is_at_work_first() -> None:
    rows = [
        row("scout-20260202-0830", SlotState.BACKFILLED, uid="uid-1"),
        row("scout-20260202-0930", SlotState.FAILED, uid="uid-1"),
        row("scout-20260203-0830", SlotState.SKIPPED, uid="uid-1"),
        row("scout-20260203-0930", SlotState.RUNNING, over=False, uid="uid-1"),
    ]
    active = {"scout-20260203-0930"}
    jobs = {"scout-20260203-0930": "scout-20260203-0930"}
    status = status_of(3, (), BackfillPhase.RUNNING, plan_of(backfill(), *rows), active, jobs, None)
    slots = status.pop("slots")
    assert status == {
        "observedGeneration": 3,
        "conditions": [],
        "phase": "Running",
        "planned": 10,
        "active": 1,
        "succeeded": 1,
        "failed": 1,
        "skipped": 1,
        "progress": "3/10",
    }
    assert [(one["slot"][6:], one["outcome"]) for one in slots[:5]] == [
        ("20260203-0930", "Running"),
        ("20260203-0830", "Skipped"),
        ("20260202-0930", "Failed"),
        ("20260202-0830", "Backfilled"),
        ("20260204-0830", "Planned"),
    ]
    assert slots[0]["job"] == "scout-20260203-0930"


def test_of_a_long_plan_twenty_slots_are_shown() -> None:
    month = backfill(dryRun=True, **{"from": "2026-01-01", "to": "2026-01-31"})
    status = status_of(1, (), BackfillPhase.PLANNED, plan_of(month), (), {}, None)
    assert len(status["slots"]) == 20
    assert {one["outcome"] for one in status["slots"]} == {"Planned"}
    assert status["planned"] > 20
    assert BackfillStatus.model_validate(status).phase is BackfillPhase.PLANNED


def test_without_an_answer_from_the_database_the_figures_stay() -> None:
    before = BackfillStatus(planned=10, progress="3/10", phase=BackfillPhase.RUNNING)
    status = status_of(1, (), BackfillPhase.RUNNING, None, (), {}, before)
    assert (status["planned"], status["progress"]) == (10, "3/10")
