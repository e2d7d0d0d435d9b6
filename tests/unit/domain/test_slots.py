"""A slot has one name for ever, which can be read back."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.sessions import KST
from prime_jennie.domain.slots import SlotState, Task, parse_slot_name, slot_name, slot_suffix, task_of

HALF_PAST_EIGHT = datetime(2026, 2, 19, 8, 30, tzinfo=KST)


def test_the_seeds_names_are_written() -> None:
    assert slot_name(Task.SCOUT, HALF_PAST_EIGHT) == "scout-20260219-0830"
    assert slot_name(Task.MACRO_COUNCIL, datetime(2026, 2, 18, 22, 30, tzinfo=UTC)) == "council-20260219-0730"


@pytest.mark.parametrize(
    ("schedule", "name"),
    [
        ("scout", "scout-20260219-0830"),
        ("late", "scout-late-20260219-0830"),
        ("scout-late", "scout-late-20260219-0830"),
        ("scouting", "scout-scouting-20260219-0830"),
    ],
)
def test_a_second_schedule_adds_its_own_name(schedule: str, name: str) -> None:
    assert slot_name(Task.SCOUT, HALF_PAST_EIGHT, schedule) == name


def test_a_schedule_called_as_its_task_adds_nothing() -> None:
    assert slot_suffix(Task.MACRO_COUNCIL, "macro-council") == ""
    assert slot_suffix(Task.MACRO_COUNCIL, "council-noon") == "noon"
    assert slot_suffix(Task.MACRO_COUNCIL, "macro-council-noon") == "noon"


@given(
    task=st.sampled_from(list(Task)),
    at=st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1)),  # noqa: DTZ001 - the zone is laid over it below
    schedule=st.none() | st.from_regex(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?", fullmatch=True),
)
def test_every_name_is_read_back(task: Task, at: datetime, schedule: str | None) -> None:
    minute = at.replace(second=0, microsecond=0, tzinfo=KST)
    name = slot_name(task, minute, schedule)
    read = parse_slot_name(name)
    assert (read.task, read.at) == (task, minute)
    assert read.suffix == ("" if schedule is None else slot_suffix(task, schedule))
    assert len(name) <= 63, "a Job's name is a DNS label"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "scout",
        "scout-20260219",
        "scout-20260219-0830\n",
        "scout-20260219-2460",
        "scout-20260231-0830",
        "scout-00010101-0000",
        "shout-20260219-0830",
        "Scout-20260219-0830",
        "scout--20260219-0830",
        "scout-la te-20260219-0830",
        "scout-２0260219-0830",
    ],
)
def test_what_is_no_slots_name_is_refused_by_its_own_words(name: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse_slot_name(name)
    assert refused.value.field == name


def test_a_task_is_found_by_its_name_and_by_its_prefix() -> None:
    assert task_of("settlement") is task_of("settle") is Task.SETTLEMENT
    with pytest.raises(BadInput, match="is none of macro-collect"):
        task_of("lunch")


def test_every_task_has_a_prefix_of_its_own_and_a_service() -> None:
    assert len({task.prefix for task in Task}) == len(Task)
    assert all(task.service for task in Task)


def test_only_work_that_is_done_has_succeeded() -> None:
    assert {state for state in SlotState if state.succeeded} == {SlotState.RAN, SlotState.BACKFILLED}
