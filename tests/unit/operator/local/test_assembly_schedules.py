"""A run's files with schedules: taken whole, refused whole, and changed while it goes on."""

from pathlib import Path

import pytest

from prime_jennie.domain.errors import BadInput
from prime_jennie_operator.loading import load_values
from prime_jennie_operator.local.assembly import Assembly

STRATEGY = """apiVersion: trading.prime-jennie.io/v1alpha1
kind: TradingStrategy
metadata: {name: krx, namespace: desk}
spec: {}
---
"""


def written(name: str = "scout", *, namespace: str = "desk", task: str = "scout", more: str = "") -> str:
    return (
        "apiVersion: trading.prime-jennie.io/v1alpha1\nkind: ScoutSchedule\n"
        f"metadata: {{name: {name}, namespace: {namespace}}}\n"
        f"spec: {{task: {task}, schedules: ['30 8 * * 1-5']{more}}}\n---\n"
    )


def assembly(folder: Path, text: str) -> Assembly:
    (folder / "day.yaml").write_text(text)
    return Assembly([folder / "day.yaml"], load_values(), folder / "run")


def test_schedules_stand_beside_strategies(tmp_path: Path) -> None:
    made = assembly(tmp_path, STRATEGY + written() + written("late"))
    assert [schedule.name for schedule in made.schedules] == ["scout", "late"]
    assert {o["metadata"]["namespace"] for o in made.objects()} == {"desk"}


def test_schedules_alone_are_a_run_with_the_whole_platform(tmp_path: Path) -> None:
    made = assembly(tmp_path, written())
    names = {o["metadata"]["name"] for o in made.objects() if o["kind"] == "Deployment"}
    assert {"scout-job", "macro-council", "data-collector", "daily-briefing"} <= names


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (STRATEGY + written(namespace="other"), "ScoutSchedule scout: metadata.namespace: one run has one namespace"),
        (
            written(more=", dependsOn: [settlement]"),
            "spec.dependsOn: there is no ScoutSchedule settlement in these files",
        ),
        (
            written("a", more=", dependsOn: [b]") + written("b", task="throttle", more=", dependsOn: [a]"),
            "spec.dependsOn: a circle: a waits for b waits for a",
        ),
        (written("scout-late") + written("scout") + written("late"), "its slots would have the names of"),
        (written(task="news"), "no service of this platform runs news yet"),
    ],
)
def test_what_cannot_be_run_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BadInput) as refused:
        assembly(tmp_path, text)
    assert says in str(refused.value)


def test_a_changed_schedule_is_a_change_and_a_wrong_one_changes_nothing(tmp_path: Path) -> None:
    made = assembly(tmp_path, STRATEGY + written())
    assert not made.revise()
    (tmp_path / "day.yaml").write_text(STRATEGY + written(more=", suspend: true"))
    assert made.revise()
    assert made.schedules[0].spec.suspend
    assert made.strategies[0].metadata.generation == 1, "a strategy is not touched by it"
    (tmp_path / "day.yaml").write_text(STRATEGY + written(more=", calendar: XTKS"))
    with pytest.raises(BadInput):
        made.revise()
    assert made.schedules[0].spec.suspend
