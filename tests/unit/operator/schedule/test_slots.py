"""Which minutes a schedule names, what they are called, and which the exchange's calendar skips."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prime_jennie.domain.sessions import KST
from prime_jennie_operator.schedule.cron import parse_cron
from prime_jennie_operator.schedule.slots import next_slot, slot_name_of, slots_between
from tests.support.schedules import LINES, SESSIONS, THURSDAY, kst, schedule

EXAM_DAY = date(2024, 11, 14)
HOLIDAY = date(2024, 12, 25)


def clocks(name: str, day: date, **spec: object) -> list[str]:
    """List a day's slots as HH:MM, those that are skipped in brackets."""
    found = slots_between(schedule(name, **spec), kst("00:00", day) - timedelta(seconds=1), kst("23:59", day), SESSIONS)
    texts = [f"{slot.at.astimezone(KST):%H:%M}" for slot in found]
    return [f"({text})" if slot.skip else text for text, slot in zip(texts, found, strict=True)]


def test_an_ordinary_day_has_the_seeds_slots() -> None:
    found = slots_between(schedule(), kst("08:00"), kst("10:00"), SESSIONS)
    assert [slot.name for slot in found] == ["scout-20260219-0830", "scout-20260219-0930"]
    assert clocks("scout", THURSDAY) == ["08:30", "09:30", "10:30", "11:30", "12:30", "13:30", "14:30"]


def test_a_slot_is_after_the_first_moment_and_up_to_the_last() -> None:
    assert slots_between(schedule(), kst("08:30"), kst("08:31"), SESSIONS) == []
    assert len(slots_between(schedule(), kst("08:29"), kst("08:30"), SESSIONS)) == 1


def test_two_lines_that_name_one_minute_make_one_slot() -> None:
    assert clocks("scout", THURSDAY, schedules=["30 8 * * *", "*/30 8 * * *"]) == ["08:00", "08:30"]


def test_a_holidays_slots_are_skipped_with_the_reason() -> None:
    found = slots_between(schedule(), kst("00:00", HOLIDAY), kst("23:59", HOLIDAY), SESSIONS)
    assert len(found) == 7
    assert {slot.skip for slot in found} == {"2024-12-25 has no session on XKRX"}


def test_an_extra_closure_of_the_override_table_is_a_holiday() -> None:
    assert set(clocks("scout", date(2026, 6, 3))) == {f"({hour:02}:30)" for hour in range(8, 15)}


def test_without_sessions_only_a_holiday_is_a_day_like_any_other() -> None:
    assert clocks("scout", HOLIDAY, sessionsOnly=False)[0] == "08:30"
    assert clocks("scout", HOLIDAY, sessionsOnly=False, calendar="none")[0] == "08:30"


@pytest.mark.parametrize(
    ("anchor", "line", "expected"),
    [("clock", "45 15 * * *", "15:45"), ("close", "45 15 * * *", "16:45"), ("open", "20 7 * * *", "08:20")],
)
def test_on_the_exam_day_anchored_slots_move_with_the_session(anchor: str, line: str, expected: str) -> None:
    assert clocks("settlement", EXAM_DAY, task="settlement", schedules=[line], anchor=anchor) == [expected]
    assert clocks("settlement", THURSDAY, task="settlement", schedules=[line], anchor=anchor) != ["16:45"]


def test_a_moved_slot_is_named_by_the_minute_at_which_it_runs() -> None:
    settle = schedule("settlement", task="settlement", schedules=["45 15 * * *"], anchor="close")
    [slot] = slots_between(settle, kst("00:00", EXAM_DAY), kst("23:59", EXAM_DAY), SESSIONS)
    assert slot.name == "settle-20241114-1645"


def test_the_years_first_session_opens_late_and_closes_as_usual() -> None:
    first = date(2025, 1, 2)
    assert clocks("scout", first, anchor="open", schedules=["20 7 * * *"]) == ["08:20"]
    assert clocks("settlement", first, task="settlement", anchor="close", schedules=["45 15 * * *"]) == ["15:45"]


def test_a_day_beyond_the_table_is_unknown_and_skipped_never_run() -> None:
    day = date(2028, 1, 3)
    found = slots_between(schedule(anchor="open"), kst("08:00", day), kst("09:00", day), SESSIONS)
    assert [slot.skip for slot in found] == ["2028-01-03 lies outside the session table 2015-01-01…2027-12-31"]
    assert clocks("scout", day, sessionsOnly=False)[0] == "08:30", "who does not ask for sessions needs none"


def test_new_yorks_session_is_that_of_its_own_day() -> None:
    # Saturday 07:00 in Seoul is Friday evening in New York, an hour after the close of winter time.
    after_close = schedule("overnight", calendar="XNYS", schedules=["0 7 * * *"])
    found = slots_between(after_close, kst("00:00"), kst("00:00", date(2026, 2, 26)), SESSIONS)
    assert [f"{slot.at.astimezone(KST):%a}" for slot in found if not slot.skip] == ["Thu", "Fri", "Sat", "Tue", "Wed"]
    assert [slot.skip for slot in found if slot.skip] == [
        "2026-02-21 has no session on XNYS",
        "2026-02-22 has no session on XNYS",
    ]


def test_new_yorks_half_day_moves_what_is_anchored_to_its_close() -> None:
    day = date(2025, 11, 28)
    settle = schedule(
        "us-close",
        task="settlement",
        calendar="XNYS",
        timeZone="America/New_York",
        schedules=["15 16 * * 1-5"],
        anchor="close",
    )
    [slot] = slots_between(
        settle, datetime(day.year, day.month, day.day, tzinfo=UTC), datetime(2025, 11, 29, tzinfo=UTC), SESSIONS
    )
    assert slot.at == datetime(2025, 11, 28, 18, 15, tzinfo=UTC), "13:15 in New York"


def test_new_yorks_clock_changes_skip_and_repeat_no_slot() -> None:
    spring = schedule("dst", calendar="none", sessionsOnly=False, timeZone="America/New_York", schedules=["30 2 * * *"])
    found = slots_between(spring, datetime(2026, 3, 7, tzinfo=UTC), datetime(2026, 3, 10, tzinfo=UTC), SESSIONS)
    assert [f"{slot.at:%d %H:%M}" for slot in found] == ["07 07:30", "08 07:30", "09 06:30"]
    autumn = schedule("dst", calendar="none", sessionsOnly=False, timeZone="America/New_York", schedules=["30 1 * * *"])
    found = slots_between(autumn, datetime(2026, 10, 31, tzinfo=UTC), datetime(2026, 11, 3, tzinfo=UTC), SESSIONS)
    assert [f"{slot.at:%d %H:%M}" for slot in found] == ["31 05:30", "01 05:30", "02 06:30"]


def test_the_next_slot_is_found_over_a_weekend_and_over_holidays() -> None:
    friday = kst("15:00", date(2026, 2, 13))
    ahead = next_slot(schedule(schedules=["30 8 * * *"]), friday, SESSIONS)
    assert ahead is not None
    assert (ahead.at, ahead.skip) == (kst("08:30", date(2026, 2, 14)), "2026-02-14 has no session on XKRX")
    running = next_slot(schedule(schedules=["30 8 * * *"]), friday, SESSIONS, runs=True)
    assert running is not None
    assert running.at == kst("08:30", THURSDAY), "16 to 18 February 2026 are the lunar new year"


def test_a_schedule_beyond_the_table_has_no_next_slot_that_runs() -> None:
    assert next_slot(schedule(), kst("15:00", date(2027, 12, 31)), SESSIONS, runs=True) is None


@pytest.mark.parametrize(
    ("name", "task", "slot"),
    [
        ("scout", "scout", "scout-20260219-0830"),
        ("macro-council", "macro-council", "council-20260219-0830"),
        ("council", "macro-council", "council-20260219-0830"),
        ("scout-late", "scout", "scout-late-20260219-0830"),
        ("late", "scout", "scout-late-20260219-0830"),
        ("hourly", "scout", "scout-hourly-20260219-0830"),
        ("t" * 40, "throttle", f"throttle-{'t' * 40}-20260219-0830"),
    ],
)
def test_a_slots_name_is_that_of_task_and_schedule_and_of_nothing_else(name: str, task: str, slot: str) -> None:
    one = schedule(name, task=task)
    assert slot_name_of(one, kst("08:30")) == slot
    assert len(slot) <= 63, "a Job's name is a label of its pods"


@settings(max_examples=60, deadline=None)
@given(line=LINES, cut=st.integers(1, 47), anchor=st.sampled_from(["clock", "open", "close"]))
def test_slots_of_a_stretch_are_those_of_its_parts(line: str, cut: int, anchor: str) -> None:
    """No slot is lost or found twice wherever a restart cuts the time, the exam day included."""
    every = schedule("s", schedules=sorted({"0 0 * * *", line} if _fires(line) else {"0 0 * * *"}), anchor=anchor)
    since = kst("00:00", EXAM_DAY - timedelta(days=1))
    middle, upto = since + timedelta(hours=cut, minutes=17), since + timedelta(days=2)
    whole = slots_between(every, since, upto, SESSIONS)
    assert whole == slots_between(every, since, middle, SESSIONS) + slots_between(every, middle, upto, SESSIONS)
    assert len({slot.name for slot in whole}) == len(whole)


def _fires(line: str) -> bool:
    return parse_cron(line).why_never(sessions_only=True) is None
