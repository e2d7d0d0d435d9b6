"""What a person may get wrong in a Backfill: told by file, field and reason."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from jennie.__main__ import run
from prime_jennie.domain.errors import BadInput
from prime_jennie_operator.loading import load_document
from prime_jennie_operator.resources.backfill import Backfill, Reprocess


def backfill(name: str = "february", **spec: Any) -> Backfill:
    found = load_document(
        {
            "apiVersion": "trading.prime-jennie.io/v1alpha1",
            "kind": "Backfill",
            "metadata": {"name": name},
            "spec": {"schedule": "scout", "from": "2026-02-02", "to": "2026-02-06", **spec},
        },
        "test",
    )
    assert isinstance(found, Backfill)
    return found


def test_a_backfill_of_few_words_runs_only_what_nobody_knows_of_one_by_one() -> None:
    spec = backfill().spec
    assert (spec.first, spec.last) == (date(2026, 2, 2), date(2026, 2, 6))
    assert (spec.strategy, spec.max_active, spec.reverse, spec.dry_run) == (Reprocess.NONE, 1, False, False)


def test_days_may_be_written_with_and_without_quotes() -> None:
    assert backfill(**{"from": date(2026, 2, 2)}) == backfill()


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"from": "2026-02-07"}, "spec: to must not lie before from"),
        ({"from": "2025-02-04"}, "spec: to may lie at most 366 days after from"),
        ({"from": "2026-2-2"}, "spec.from: must be a day such as 2026-02-19, not '2026-2-2'"),
        ({"from": "2026-02-30"}, "spec.from: must be a day such as 2026-02-19, not '2026-02-30'"),
        ({"from": "2026-02-02T00:00:00Z"}, "spec.from: must be a day"),
        ({"from": 20260202}, "spec.from: must be a day such as 2026-02-19, not 20260202"),
        ({"from": None}, "spec.from: must be a day"),
        ({"first": "2026-02-02"}, "spec.first: unknown field"),
        (
            {"schedule": "Scout"},
            "spec.schedule: must be a name of a-z, 0-9 and -, beginning with a letter",
        ),
        ({"strategy": "all"}, "spec.strategy: 'all' is none of none, failed, completed"),
        ({"maxActive": 0}, "spec.maxActive: must be greater than or equal to 1, not 0"),
        ({"maxActive": 11}, "spec.maxActive: must be less than or equal to 10, not 11"),
        ({"maxActive": "2"}, "spec.maxActive: must be a number, not '2'"),
        ({"dryRun": "yes"}, "spec.dryRun"),
        ({"dryrun": True}, "spec.dryrun: unknown field; did you mean dryRun?"),
    ],
)
def test_a_wrong_backfill_is_told_by_field_and_reason(spec: dict[str, object], says: str) -> None:
    with pytest.raises(BadInput) as refused:
        backfill(**spec)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"from": "2026-02-01"}, "are immutable"),
        ({"to": "2026-02-05"}, "are immutable"),
        ({"schedule": "scout-late"}, "are immutable"),
        ({"strategy": "failed"}, "are immutable"),
        ({"reverse": True}, "are immutable"),
        ({"dryRun": True}, "dryRun cannot be set later"),
    ],
)
def test_what_a_backfill_runs_never_changes(change: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        backfill(**change).spec.refuse_change_from(backfill().spec)


def test_a_dry_run_may_become_a_real_one_and_the_pace_may_change() -> None:
    backfill(maxActive=2).spec.refuse_change_from(backfill(dryRun=True).spec)


FILE = """apiVersion: trading.prime-jennie.io/v1alpha1
kind: Backfill
metadata: {name: february}
spec: {schedule: scout, from: 2026-02-02, to: 2026-02-06}
"""


def test_the_command_checks_a_backfill(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "february.yaml"
    file.write_text(FILE)
    assert run(["validate", "-f", str(file)]) == 0
    assert capsys.readouterr().out == "Backfill default/february: valid\n"
    file.write_text(FILE.replace("2026-02-06", "2026-02-01"))
    assert run(["validate", "-f", str(file)]) == 2
    assert capsys.readouterr().err.endswith("document 1: spec: to must not lie before from\n")


def test_a_rendered_backfill_says_that_its_jobs_come_later(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "february.yaml"
    file.write_text(FILE)
    assert run(["render", "-f", str(file)]) == 0
    assert capsys.readouterr().out == "# Backfill default/february: the operator makes its Jobs as it runs\n"


def test_a_local_run_says_who_runs_backfills(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "february.yaml"
    file.write_text(FILE)
    assert run(["run", "-f", str(file), "--folder", str(tmp_path / "run")]) == 2
    complaint = capsys.readouterr().err
    assert "Backfill february: kind: only the operator runs backfills; here: jennie trigger TASK" in complaint
