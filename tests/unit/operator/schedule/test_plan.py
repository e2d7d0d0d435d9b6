"""What becomes of slots whose minute has come: in time, late, skipped, missed."""

from datetime import date, timedelta

import pytest

from prime_jennie.domain.slots import SlotState
from prime_jennie_operator.schedule.plan import Decision, decide
from prime_jennie_operator.schedule.slots import slots_between
from tests.support.schedules import SESSIONS, kst, schedule


def decided(now: str, since: str = "08:00", **spec: object) -> dict[str, Decision]:
    """Decide about the slots after a time, by their clock."""
    one = schedule(**spec)
    due = slots_between(one, kst(since), kst(now), SESSIONS)
    return {decision.slot.name[-4:]: decision for decision in decide(one, due, kst(now))}


def running(decisions: dict[str, Decision]) -> list[str]:
    return [clock for clock, decision in decisions.items() if decision.outcome is None]


def test_a_slot_in_time_runs_until_its_deadline() -> None:
    decisions = decided("08:50")
    assert running(decisions) == ["0830"]
    assert decisions["0830"].give_up_at == kst("08:50")


def test_a_slot_one_second_past_its_deadline_is_late() -> None:
    decisions = decided("08:50:01", catchUp="none")
    assert decisions["0830"].outcome is SlotState.MISSED
    assert decisions["0830"].reason == "nobody was there to start it within 20m (catchUp none)"


def test_after_an_outage_the_newest_slot_runs_late() -> None:
    decisions = decided("10:10")
    assert running(decisions) == ["0930"]
    assert decisions["0930"].give_up_at == kst("10:30"), "its deadline counts from when somebody is there again"
    assert decisions["0830"].outcome is SlotState.MISSED


def test_after_an_outage_a_slot_in_time_makes_late_ones_needless() -> None:
    decisions = decided("10:35")
    assert running(decisions) == ["1030"]
    assert {decisions["0830"].outcome, decisions["0930"].outcome} == {SlotState.MISSED}


def test_all_that_was_missed_runs_oldest_first_and_bounded() -> None:
    decisions = decided("12:35", catchUp="all", catchUpLimit=2)
    assert running(decisions) == ["1030", "1130", "1230"]
    assert [clock for clock, one in decisions.items() if one.outcome is SlotState.MISSED] == ["0830", "0930"]


@pytest.mark.parametrize("catch_up", ["none", "latest", "all"])
def test_a_suspended_schedule_skips_everything_and_says_so(catch_up: str) -> None:
    decisions = decided("10:35", suspend=True, catchUp=catch_up)
    assert {one.outcome for one in decisions.values()} == {SlotState.SKIPPED}
    assert {one.reason for one in decisions.values()} == {"the schedule is suspended"}


def test_a_holidays_slots_are_skipped_and_never_caught_up() -> None:
    holiday = date(2024, 12, 25)
    one = schedule(catchUp="all")
    due = slots_between(one, kst("08:00", holiday), kst("09:40", holiday), SESSIONS)
    decisions = decide(one, due, kst("09:40", holiday))
    assert [decision.outcome for decision in decisions] == [SlotState.SKIPPED] * 2
    assert decisions[0].reason == "2024-12-25 has no session on XKRX"


def test_every_slot_has_one_decision_and_every_outcome_a_reason() -> None:
    for catch_up in ("none", "latest", "all"):
        decisions = decided("14:59", catchUp=catch_up)
        assert len(decisions) == 7
        assert all((one.outcome is None) == (one.give_up_at is not None) for one in decisions.values())
        assert all(one.reason for one in decisions.values() if one.outcome)


def test_yesterdays_last_slot_is_caught_up_this_morning() -> None:
    one = schedule("settlement", task="settlement", schedules=["45 15 * * *"])
    now = kst("08:00") + timedelta(days=1)
    [decision] = decide(one, slots_between(one, kst("15:00"), now, SESSIONS), now)
    assert decision.outcome is None
