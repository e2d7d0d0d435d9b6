"""Scalars without quotes mean here what they mean to kubectl, which the cluster hears."""

import json
from pathlib import Path

import pytest
import yaml

from prime_jennie.domain.errors import BadInput
from prime_jennie_operator.yaml_source import parse_documents

SCALARS: dict[str, str] = yaml.safe_load(
    (Path(__file__).parents[2] / "data" / "operator" / "scalars.yaml").read_text(encoding="utf-8")
)


@pytest.mark.parametrize(("written", "as_json"), SCALARS.items())
def test_a_scalar_without_quotes_is_read_as_kubectl_reads_it(written: str, as_json: str) -> None:
    [(_, read)] = parse_documents(f"value: {written}\n", "x.yaml")
    assert json.dumps(read["value"]) == as_json


@pytest.mark.parametrize("written", [".inf", "-.INF", ".nan"])
def test_a_number_that_json_lacks_is_told_by_line(written: str) -> None:
    with pytest.raises(BadInput, match=r"x.yaml: line 2: \S+ is no number that JSON knows"):
        parse_documents(f"a: 1\nvalue: {written}\n", "x.yaml")


def test_quotes_keep_a_text_a_text() -> None:
    [(_, read)] = parse_documents("[ '005930', \"0009E0\", '2026-02-19', 'y', !!str 12 ]", "x.yaml")
    assert read == ["005930", "0009E0", "2026-02-19", "y", "12"]
