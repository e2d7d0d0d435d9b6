"""The chart's values.schema.json, generated from the models that read the values, so that both refuse the same."""

from __future__ import annotations

import json
from typing import Any, Final

from prime_jennie_operator.desired.values import PlatformValues

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def values_schema() -> str:
    """Render the schema: every field must be there, none beside them, as values.yaml has them all."""
    schema = PlatformValues.model_json_schema(by_alias=True)
    definitions = {name: _plain(found) for name, found in sorted(schema.pop("$defs").items())}
    document = {"$schema": DIALECT, "title": "prime-jennie", **_plain(schema), "$defs": definitions}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _plain(schema: Any) -> Any:
    """Leave out what only repeats the models: titles, docstrings, defaults."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: {name: _plain(field) for name, field in value.items()} if key == "properties" else _plain(value)
        for key, value in schema.items()
        if key not in ("title", "description", "default")
    }
