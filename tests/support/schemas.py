"""What a definition's schema forbids, and values of its fields: made from the schema, so that no bound is forgotten."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from prime_jennie_operator.resources.scout_schedule import CRON_PATTERN, ZONE_PATTERN
from prime_jennie_operator.structural import Schema
from tests.support.schedules import LINES

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Violation:
    """One bound, and a value that breaks it and nothing else."""

    path: Path
    why: str
    value: Any

    def __str__(self) -> str:
        return f"{field(self.path)} {self.why}"

    def into(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return a document with the value in its place."""
        changed: Any = copy.deepcopy(dict(document))
        at = changed
        for part in self.path[:-1]:
            at = at[part]
        at[self.path[-1]] = self.value
        return dict(changed)


def field(path: Path) -> str:
    """Write a path as the API server does."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def violations(schema: Schema, example: Any, path: Path = ()) -> Iterator[Violation]:
    """Break each bound of the schema, in places where the example has a value."""
    yield from _broken(schema, example, path)
    if isinstance(example, dict):
        for name, child in schema.get("properties", {}).items():
            if name in example:
                yield from violations(child, example[name], (*path, name))
        if isinstance(values := schema.get("additionalProperties"), dict):
            for name in list(example)[:1]:
                yield from violations(values, example[name], (*path, name))
    if isinstance(example, list) and example and "items" in schema:
        yield from violations(schema["items"], example[0], (*path, 0))


def _broken(schema: Schema, example: Any, path: Path) -> Iterator[Violation]:
    if "type" in schema:
        yield Violation(
            path, "type", {"object": "text", "array": "text", "string": 5, "boolean": "yes"}.get(schema["type"], "text")
        )
    if "enum" in schema:
        yield Violation(path, "enum", "Nonsense")
    if "minimum" in schema:
        yield Violation(path, "minimum", schema["minimum"] - (1 if schema.get("type") != "number" else 0.001))
    if "maximum" in schema:
        yield Violation(path, "maximum", schema["maximum"] + (1 if schema.get("type") != "number" else 0.001))
    if "maxLength" in schema:
        yield Violation(path, "maxLength", "a" * (schema["maxLength"] + 1))
    if schema.get("minLength"):
        yield Violation(path, "minLength", "")
    if "pattern" in schema:
        yield Violation(path, "pattern", "§ §")
    if schema.get("format") == "date":
        yield Violation(path, "format", "tomorrow")
    if "minItems" in schema:
        yield Violation(path, "minItems", [])
    if "maxItems" in schema:
        yield Violation(path, "maxItems", [example[0]] * (schema["maxItems"] + 1))
    if "maxProperties" in schema and isinstance(example, dict):
        some = next(iter(example.values()))
        yield Violation(path, "maxProperties", {f"a{number}": some for number in range(schema["maxProperties"] + 1)})
    for name in schema.get("required", ()):
        yield Violation(path, f"required {name}", {key: value for key, value in example.items() if key != name})


# A pattern says less of these than what makes them good.
_MEANT = {
    CRON_PATTERN: LINES,
    ZONE_PATTERN: st.sampled_from(["Asia/Seoul", "America/New_York", "UTC", "Etc/GMT+9"]),
}


def values(schema: Schema) -> st.SearchStrategy[Any]:
    """Return values of a schema: nearly always within its bounds and often at them, now and then beyond."""
    return st.integers(0, 24).flatmap(lambda n: _wrong(schema) if n == 0 else _right(schema))


def _wrong(schema: Schema) -> st.SearchStrategy[Any]:
    beyond = [schema[bound] + step for bound, step in (("minimum", -1), ("maximum", 1)) if bound in schema]
    return st.sampled_from([*beyond, "", "x", "60", -1, 0.5, True, [], {}, [1], {"a": 1}])


def _right(schema: Schema) -> st.SearchStrategy[Any]:
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "x-kubernetes-int-or-string" in schema:
        return st.integers(0, 20) | st.sampled_from(["1", "100m", "0.5", "64Mi", "1G", "0.25Gi"])
    if "properties" in schema:
        required = set(schema.get("required", ()))
        fields = {name: values(child) for name, child in schema["properties"].items()}
        return st.fixed_dictionaries(
            {name: fields[name] for name in fields if name in required},
            optional={name: fields[name] for name in fields if name not in required},
        )
    return _PLAIN[schema.get("type", "")](schema)


def _text(schema: Schema) -> st.SearchStrategy[Any]:
    if schema.get("format") == "date":
        return st.dates().map(str)
    if schema.get("pattern") in _MEANT:
        return _MEANT[schema["pattern"]]
    if "pattern" in schema:
        longest = schema.get("maxLength", 100)
        return st.from_regex(schema["pattern"], fullmatch=True).filter(lambda text: len(text) <= longest)
    return st.text("abcXYZ012 _-", max_size=min(schema.get("maxLength", 5), 8))


def _number(schema: Schema) -> st.SearchStrategy[Any]:
    low, high = schema.get("minimum", -5), schema.get("maximum", 5)
    # Halves and tenths, not whole floats: JSON's 3.0 is 3 to the API server, and no whole number to the models.
    return st.sampled_from([low, high]) | st.integers(int(low) + 1, min(int(high), int(low) + 40)).map(
        lambda n: n - 0.5
    )


def _whole(schema: Schema) -> st.SearchStrategy[Any]:
    low, high = schema.get("minimum", -5), schema.get("maximum", 5)
    return st.sampled_from([low, high]) | st.integers(low, min(high, low + 40))


_PLAIN = {
    "boolean": lambda _: st.booleans(),
    "integer": _whole,
    "number": _number,
    "string": _text,
    "array": lambda schema: st.lists(values(schema["items"]), min_size=schema.get("minItems", 0), max_size=3),
    "object": lambda schema: st.dictionaries(
        st.from_regex("[a-z][A-Za-z0-9]{0,8}", fullmatch=True),
        values(schema.get("additionalProperties", {})),
        max_size=2,
    ),
    "": lambda _: st.integers(0, 9) | st.sampled_from(["x", True, [1], {"a": "b"}]),
}
