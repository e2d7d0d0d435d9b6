import json
from collections.abc import Iterator
from typing import Any

import yaml

from prime_jennie_operator.loading import CHART_VALUES
from prime_jennie_operator.values_schema import values_schema

SCHEMA = json.loads(values_schema())
VALUES = yaml.safe_load(CHART_VALUES.read_text(encoding="utf-8"))
# Objects that are Kubernetes' own, or that an umbrella chart shares.
OPEN = {"Global"}


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    found = schema
    while "$ref" in found:
        found = SCHEMA["$defs"][found["$ref"].removeprefix("#/$defs/")]
    return found


def fields(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    for name, field in resolved(schema).get("properties", {}).items():
        yield f"{path}.{name}"
        yield from fields(field, f"{path}.{name}")


def written(values: Any, schema: dict[str, Any], path: str = "") -> Iterator[str]:
    for name in resolved(schema).get("properties", {}):
        if isinstance(values, dict) and name in values:
            yield f"{path}.{name}"
            yield from written(values[name], resolved(schema)["properties"][name], f"{path}.{name}")


def test_the_file_shows_every_field_that_there_is() -> None:
    missing = set(fields(SCHEMA)) - set(written(VALUES, SCHEMA))
    assert {path for path in missing if not path.endswith((".requests", ".limits"))} == set()


def test_no_object_takes_a_field_that_nobody_reads() -> None:
    loose = {
        name
        for name, schema in SCHEMA["$defs"].items()
        if "properties" in schema and schema.get("additionalProperties") is not False
    }
    assert loose == OPEN
    assert SCHEMA["additionalProperties"] is False


def test_a_field_without_a_default_in_the_models_is_demanded() -> None:
    """Helm drops a field that a person sets to null, and a template would then render nothing."""
    assert set(SCHEMA["required"]) == set(SCHEMA["properties"])


def test_the_schema_says_nothing_twice() -> None:
    text = values_schema()
    assert '"title": "prime-jennie"' in text
    assert text.count('"title"') == 1
    assert '"description"' not in text
