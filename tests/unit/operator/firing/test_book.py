"""What is known of schedules changes when a person changes one, not when its status does."""

from typing import Any

import pytest

from prime_jennie.domain.errors import BadInput
from prime_jennie_operator.desired.platform import SERVICES
from prime_jennie_operator.firing.book import ScheduleBook
from prime_jennie_operator.specs import Specs
from prime_jennie_operator.work import Key
from tests.support.schedules import SESSIONS

NAMESPACE = "desk"


class World:
    """A book of schedules as a watch tells them."""

    def __init__(self) -> None:
        self.specs = Specs()
        self.changed: list[str] = []
        self.book = ScheduleBook(self.specs, SESSIONS, SERVICES, lambda key: self.changed.append(key[1]))

    def tell(self, name: str, generation: int = 1, *, metadata: Any = None, status: Any = None, **spec: Any) -> None:
        told = {"name": name, "namespace": NAMESPACE, "uid": name, "generation": generation, **(metadata or {})}
        manifest = {
            "apiVersion": "trading.prime-jennie.io/v1alpha1",
            "kind": "ScoutSchedule",
            "metadata": told,
            "spec": {"task": "scout", "schedules": ["30 8 * * 1-5"], **spec},
            "status": status or {},
        }
        self.specs.put(Key("ScoutSchedule", NAMESPACE, name), manifest)

    def forget(self, name: str) -> None:
        self.specs.remove(Key("ScoutSchedule", NAMESPACE, name))


@pytest.fixture
def world() -> World:
    return World()


def test_a_status_and_a_listing_are_no_change(world: World) -> None:
    world.tell("scout")
    world.tell("scout", status={"lastOutcome": "Ran"})
    world.tell("scout", metadata={"resourceVersion": "7"})
    assert world.changed == ["scout"]


@pytest.mark.parametrize(
    "change",
    [
        {"generation": 2},
        {"metadata": {"annotations": {"a": "b"}}},
        {"metadata": {"uid": "another"}},
        {"metadata": {"deletionTimestamp": "2026-02-19T00:00:00Z"}},
    ],
)
def test_what_a_person_changes_is_one(world: World, change: Any) -> None:
    world.tell("scout")
    world.tell("scout", **change)
    assert world.changed == ["scout", "scout"]


def test_a_schedule_that_is_being_deleted_counts_no_more_and_is_told_once(world: World) -> None:
    world.tell("scout")
    world.tell("scout", metadata={"deletionTimestamp": "2026-02-19T00:00:00Z"})
    assert world.book.of(NAMESPACE) == []
    world.forget("scout")
    assert world.changed == ["scout", "scout"]
    world.tell("scout", metadata={"uid": "new"})
    assert [one.name for one in world.book.of(NAMESPACE)] == ["scout"]


def test_a_spec_that_cannot_be_read_is_told_and_its_cure_is_seen(world: World) -> None:
    key = (NAMESPACE, "scout")
    world.tell("scout", timeZone="Mars/Olympus")
    assert isinstance(world.book.refusal(key), BadInput)
    assert world.book.get(key) is None
    world.tell("scout", 2)
    assert world.book.refusal(key) is None
    assert world.book.get(key) is not None


def test_a_fault_is_judged_anew_once_the_other_schedule_has_changed(world: World) -> None:
    key = (NAMESPACE, "one")
    world.tell("one", dependsOn=["two"])
    world.tell("two", dependsOn=["one"])
    assert world.book.fault(key) is not None
    assert world.book.in_force(NAMESPACE) == []
    world.tell("two", 2)
    assert world.book.fault(key) is None
    assert len(world.book.in_force(NAMESPACE)) == 2
