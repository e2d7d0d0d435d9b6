"""What a schedule's status says of its slots, and which ends are news."""

from datetime import date, datetime, timedelta

import pytest

from prime_jennie.domain.slots import Slot, SlotSource, SlotState, Task
from prime_jennie_operator.resources import ScoutScheduleStatus
from prime_jennie_operator.schedule.news import news_of
from prime_jennie_operator.schedule.status import minute_of, status_of
from tests.support.schedules import kst, schedule

DAY = date(2026, 2, 19)


def row(number: int, state: SlotState = SlotState.RAN, *, over: bool = True, began_at: datetime | None = None) -> Slot:
    at = kst("08:30") + timedelta(hours=number)
    return Slot(
        namespace="default",
        name=f"scout-{at:%Y%m%d-%H%M}",
        task=Task.SCOUT,
        schedule="scout",
        at=at,
        source=SlotSource.SCHEDULE,
        state=state,
        reason=f"{number} is {state}",
        attempts=1,
        started_at=began_at,
        finished_at=at + timedelta(minutes=1) if over else None,
    )


def test_the_newest_twenty_slots_are_shown_newest_first() -> None:
    status = status_of(4, (), [row(number) for number in range(25)], {}, kst("09:30"), None)
    assert len(status["slots"]) == 20
    assert [one["slot"] for one in status["slots"][:2]] == ["scout-20260220-0830", "scout-20260220-0730"]
    assert (status["lastSlot"], status["lastOutcome"]) == ("scout-20260220-0830", "Ran")
    assert (status["observedGeneration"], status["nextRun"]) == (4, "2026-02-19 09:30 KST")
    assert ScoutScheduleStatus.model_validate(status)


def test_what_is_not_over_runs_also_between_two_attempts() -> None:
    status = status_of(1, (), [row(0, SlotState.FAILED, over=False)], {}, None, None)
    assert status["slots"] == [{"slot": "scout-20260219-0830", "outcome": "Running", "reason": "0 is Failed"}]
    assert "nextRun" not in status


def test_who_ran_a_slot_is_remembered_when_its_job_is_gone() -> None:
    first = status_of(1, (), [row(0)], {"scout-20260219-0830": "hourly-0-29524290"}, None, None)
    before = ScoutScheduleStatus.model_validate(first)
    again = status_of(1, (), [row(1), row(0)], {"scout-20260219-0930": "hourly-0-29524350"}, None, before)
    assert [one["job"] for one in again["slots"]] == ["hourly-0-29524350", "hourly-0-29524290"]


def test_without_an_answer_from_the_database_what_was_known_stays() -> None:
    before = ScoutScheduleStatus.model_validate(status_of(1, (), [row(0)], {}, None, None))
    status = status_of(1, (), None, {}, kst("09:30"), before)
    assert status["lastSlot"] == "scout-20260219-0830"
    assert status["nextRun"] == "2026-02-19 09:30 KST"


def test_a_long_reason_is_cut_as_the_api_server_would_refuse_it() -> None:
    wordy = row(0).model_copy(update={"reason": "x" * 5000})
    assert len(status_of(1, (), [wordy], {}, None, None)["slots"][0]["reason"]) == 1000


def test_a_minute_is_told_in_seoul() -> None:
    assert minute_of(kst("08:30")) == "2026-02-19 08:30 KST"
    assert minute_of(None) is None


@pytest.mark.parametrize(
    ("slot", "expected"),
    [
        (row(0, SlotState.MISSED), ("Warning", "Missed", "scout-20260219-0830: 0 is Missed")),
        (row(0, SlotState.FAILED), ("Warning", "Failed", "scout-20260219-0830: 0 is Failed")),
        (row(0, SlotState.FAILED, over=False), None),
        (row(0, SlotState.SKIPPED), None),
        (row(0, began_at=kst("08:31")), None),
        (row(0, began_at=kst("08:50")), None),
        (
            row(0, began_at=kst("10:05")),
            ("Normal", "CaughtUp", "scout-20260219-0830 ran 95 minutes late (catchUp latest)"),
        ),
        (row(0, SlotState.BACKFILLED, began_at=kst("15:00")), None),
    ],
)
def test_only_what_did_not_run_or_ran_late_is_news(slot: Slot, expected: tuple[str, str, str] | None) -> None:
    news = news_of(slot, schedule())
    assert (None if news is None else (news.type, news.reason, news.message)) == expected
