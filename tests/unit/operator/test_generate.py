"""Files that are written from the kinds' models: complete, the same in both places, and never edited by hand."""

import re
from pathlib import Path

import pytest

from prime_jennie_operator.crd import definitions
from prime_jennie_operator.generate import BEGIN, CHART_COPY, END, files, main

ROOT = Path(__file__).parents[3]
REFERENCE = (ROOT / "crds" / "README.md").read_text(encoding="utf-8")


def test_the_committed_files_are_what_the_models_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"], ROOT) == 0, capsys.readouterr().err


def test_the_chart_carries_the_same_definitions() -> None:
    ours = {path.name: path.read_bytes() for path in (ROOT / "crds").glob("*.yaml")}
    assert ours == {path.name: path.read_bytes() for path in (ROOT / CHART_COPY).glob("*.yaml")}
    assert len(ours) == len(definitions()) == 3


def test_a_drift_is_told_by_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([], tmp_path)
    assert main(["--check"], tmp_path) == 0
    names = sorted(str(path.relative_to(tmp_path)) for path in files(tmp_path))
    for name in names:
        text = (tmp_path / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("e", "3"))
    assert main(["--check"], tmp_path) == 1
    told = sorted(capsys.readouterr().err.splitlines())
    assert told == [f"{name}: differs from the models; run `make generate`" for name in names]
    assert len(names) >= 8


def test_a_file_of_a_kind_that_is_gone_is_told_and_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([], tmp_path)
    left = tmp_path / CHART_COPY / "trading.prime-jennie.io_wishes.yaml"
    left.write_text("kind: CustomResourceDefinition")
    assert main(["--check"], tmp_path) == 1
    assert "wishes.yaml: no kind has this file" in capsys.readouterr().err
    assert main([], tmp_path) == 0
    assert not left.exists()


def test_what_stands_around_the_overview_stays(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(f"before\n\n{BEGIN}old\n{END}\nafter\n")
    main([], tmp_path)
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert text.startswith(f"before\n\n{BEGIN}| Kind |")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text


def test_the_reference_tells_every_field_of_every_kind() -> None:
    for path in (
        "watchlist.symbols[].since",
        "risk.dailyLossLimitPct",
        "services.buyScanner",
        "services.*.tolerations[].tolerationSeconds",
        "retries.backoff",
        "dryRun",
        "conditions[].lastTransitionTime",
    ):
        assert f"| `{path}` |" in REFERENCE
    assert "| `risk.maxPositions` | whole number | `10` | 1 to 40 | Stocks held at once." in REFERENCE
    assert "| `from` | day | **required** |" in REFERENCE
    assert "- market is immutable: create another strategy instead\n" in REFERENCE


def test_every_line_of_a_table_has_its_five_cells() -> None:
    rows = [line for line in REFERENCE.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {6}
