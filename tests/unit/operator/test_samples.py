"""Samples: each valid by itself and all together, explained, and between them every field that there is."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jennie.__main__ import run
from prime_jennie_operator.crd import definitions
from prime_jennie_operator.structural import Schema
from prime_jennie_operator.yaml_source import read_documents

ROOT = Path(__file__).parents[3]
SAMPLES = sorted((ROOT / "manifests" / "samples").glob("*"))
HANGUL = re.compile("[가-힣]")


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_valid_by_itself(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "-f", str(path)]) == 0
    assert capsys.readouterr().out.count(": valid\n") == len(read_documents(path))


def test_all_samples_fit_into_one_namespace() -> None:
    assert run(["validate", str(ROOT / "manifests" / "samples")]) == 0


def test_samples_are_numbered() -> None:
    numbers = [path.name[:3] for path in SAMPLES]
    assert numbers == [f"{number:02}-" for number in range(1, len(SAMPLES) + 1)]
    assert {path.suffix for path in SAMPLES} == {".yaml"}


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_says_in_korean_and_in_english_what_it_is_for(path: Path) -> None:
    first, second, *_ = path.read_text(encoding="utf-8").splitlines()
    assert first.startswith("# ")
    assert HANGUL.search(first)
    assert re.match("# [A-Z][a-z ]+", second)


@pytest.mark.parametrize("definition", definitions(), ids=lambda definition: definition["spec"]["names"]["kind"])
def test_the_full_samples_name_every_field(definition: dict[str, Any]) -> None:
    kind = definition["spec"]["names"]["kind"]
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    full = [data for path in SAMPLES if path.stem in ("07-backfill", "09-full") for _, data in read_documents(path)]
    written = {
        re.sub("services[.][a-zA-Z]+", "services.*", p) for d in full if d["kind"] == kind for p in paths(d["spec"])
    }
    known = {re.sub("services[.][a-zA-Z]+", "services.*", path) for path in fields(schema)}
    assert known - written == set()


def fields(schema: Schema, path: str = "") -> Iterator[str]:
    """List a schema's fields; a list's entries count as its own."""
    for name, child in schema.get("properties", {}).items():
        yield f"{path}.{name}"
        yield from fields(child.get("items", child), f"{path}.{name}")


def paths(value: Any, path: str = "") -> Iterator[str]:
    """List what a document says."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield f"{path}.{name}"
            yield from paths(inner, f"{path}.{name}")
    if isinstance(value, list):
        for inner in value:
            yield from paths(inner, path)
