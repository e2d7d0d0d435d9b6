"""Faults that only show beside the calendar and the other schedules."""

import pytest

from prime_jennie.domain.errors import BadInput
from prime_jennie_operator.desired.platform import SERVICES
from prime_jennie_operator.resources import ScoutSchedule
from prime_jennie_operator.schedule.faults import check_schedules, faults_of
from tests.support.schedules import SESSIONS, schedule


def complaint(*schedules: ScoutSchedule) -> str:
    with pytest.raises(BadInput) as refused:
        check_schedules(schedules, SESSIONS, SERVICES)
    return str(refused.value)


def test_good_schedules_pass() -> None:
    check_schedules(
        [
            schedule("settlement", task="settlement"),
            schedule("briefing", task="daily-briefing", dependsOn=["settlement"]),
            schedule("another", dependsOn=["settlement", "briefing"]),
            schedule("overnight", task="macro-collect", calendar="XNYS", schedules=["0 7 * * 2-6"]),
        ],
        SESSIONS,
        SERVICES,
    )


def test_a_line_that_only_meets_holidays_is_refused() -> None:
    said = complaint(schedule(schedules=["30 8 * * *", "0 9 1 1 *"]))
    assert said.startswith("ScoutSchedule scout: spec.schedules[1]: '0 9 1 1 *' never fires: no session of XKRX")
    assert "2015 to 2027" in said


def test_the_same_line_is_fine_where_sessions_do_not_count() -> None:
    check_schedules([schedule(schedules=["0 9 1 1 *"], sessionsOnly=False)], SESSIONS, SERVICES)
    check_schedules([schedule(schedules=["0 9 1 1 *"], sessionsOnly=False, calendar="none")], SESSIONS, SERVICES)


def test_a_morning_in_seoul_is_an_evening_in_new_york() -> None:
    # 2 January, 07:00 in Seoul, is New Year's Day in New York; 1 January is the year's last session there.
    assert "never fires" in complaint(schedule(calendar="XNYS", schedules=["0 7 2 1 *"]))
    check_schedules([schedule(calendar="XNYS", schedules=["0 7 1 1 *"])], SESSIONS, SERVICES)


def test_a_circle_is_told_as_the_way_it_goes() -> None:
    said = complaint(
        schedule("a", dependsOn=["b"]),
        schedule("b", task="macro-council", dependsOn=["x", "c"]),
        schedule("c", task="settlement", dependsOn=["a"]),
        schedule("x", task="throttle"),
    )
    assert said == "ScoutSchedule a: spec.dependsOn: a circle: a waits for b waits for c waits for a"


def test_the_same_name_elsewhere_is_no_circle() -> None:
    check_schedules(
        [schedule("a", dependsOn=["b"]), schedule("b", namespace="elsewhere", dependsOn=["a"])], SESSIONS, SERVICES
    )


def test_a_dense_web_of_waiting_is_checked_at_once() -> None:
    layers = [
        schedule(f"s{layer}-{n}", dependsOn=[f"s{layer + 1}-{m}" for m in range(10)])
        for layer in range(8)
        for n in range(10)
    ]
    check_schedules(layers, SESSIONS, SERVICES)


def test_two_schedules_whose_slots_would_have_one_name_are_refused() -> None:
    said = complaint(schedule("scout"), schedule("late"), schedule("scout-late"))
    assert said.startswith("ScoutSchedule scout-late: metadata.name: its slots would have the names of late's")


def test_a_task_that_no_service_runs_is_refused() -> None:
    assert complaint(schedule("news", task="news")) == (
        "ScoutSchedule news: spec.task: no service of this platform runs news yet"
    )


def test_every_faulty_schedule_is_told_its_own_fault_and_the_others_none() -> None:
    found = faults_of(
        [
            schedule("scout"),
            schedule("late"),
            schedule("scout-late"),
            schedule("new-year", schedules=["0 9 1 1 *"]),
            schedule("a", task="throttle", dependsOn=["b"]),
            schedule("b", task="macro-council", dependsOn=["a"]),
            schedule("headlines", task="news"),
        ],
        SESSIONS,
        SERVICES,
    )
    assert {key[1]: (fault.reason, fault.field) for key, fault in found.items()} == {
        "scout-late": ("NameTaken", "metadata.name"),
        "new-year": ("NeverFires", "spec.schedules[0]"),
        "a": ("CircularDependency", "spec.dependsOn"),
        "b": ("CircularDependency", "spec.dependsOn"),
        "headlines": ("NoService", "spec.task"),
    }
    assert str(found["default", "b"]) == "spec.dependsOn: a circle: b waits for a waits for b"
