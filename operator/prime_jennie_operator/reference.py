"""What a person may write, as tables to read: every field with its type, default, limits and meaning."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from prime_jennie_operator.manifest import Manifest
from prime_jennie_operator.structural import Schema

HEAD = "| Field | Type | Default | Limits | Meaning |\n| --- | --- | --- | --- | --- |\n"
TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "mapping",
}
FORMATS = {"date": "day", "date-time": "time"}
BIG = 100_000  # from here on, thousands are set apart
LONGEST_PATTERN = 40  # characters; longer ones are told by the meaning


@dataclass(frozen=True, slots=True)
class Field:
    """One line of a table."""

    path: str
    schema: Schema
    is_required: bool

    def row(self) -> str:
        """Write the line."""
        cells = [f"`{self.path}`", _type(self.schema), self._default(), _limits(self.schema), _meaning(self.schema)]
        return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |\n"

    def _default(self) -> str:
        if self.is_required:
            return "**required**"
        default = self.schema.get("default")
        if default is None or default in ({}, [], "") or "properties" in self.schema:
            return ""
        text = default if isinstance(default, str) else json.dumps(default)
        return f"`{text}`"


def overview(definitions: list[Manifest]) -> str:
    """Write the kinds in a few lines."""
    rows = ["| Kind | Short | What it says | `spec` | `kubectl get` |\n", "| --- | --- | --- | --- | --- |\n"]
    for definition in definitions:
        names, schema = definition["spec"]["names"], _schema(definition)
        spec = schema["properties"]["spec"]
        fields = ", ".join(f"**{name}**" if name in spec.get("required", ()) else name for name in spec["properties"])
        columns = _version(definition)["additionalPrinterColumns"]
        shown = [column["name"].upper() for column in columns if not column.get("priority")]
        wide = [column["name"].upper() for column in columns if column.get("priority")]
        shown += ["(`-o wide`:", *wide[:-1], f"{wide[-1]})"] if wide else []
        rows.append(
            f"| `{names['kind']}` | `{names['shortNames'][0]}` | {_meaning(schema)} | {fields} | {' '.join(shown)} |\n"
        )
    return "".join(rows)


def reference(definitions: list[Manifest]) -> str:
    """Write every field of every kind, and the rules that several fields share."""
    return "\n".join(_kind(definition) for definition in definitions)


def _kind(definition: Manifest) -> str:
    names, schema = definition["spec"]["names"], _schema(definition)
    text = f"## {names['kind']}\n\n{_meaning(schema)} Short name `{names['shortNames'][0]}`.\n"
    for part in ("spec", "status"):
        node = schema["properties"][part]
        text += f"\n### {names['kind']}.{part}\n\n{_meaning(node)}\n\n{HEAD}"
        text += "".join(field.row() for field in _fields(node, ""))
        rules = list(_rules(node if part == "status" else schema))
        if rules:
            text += "\nRules that the API server and `jennie validate` check besides:\n\n"
            text += "".join(f"- {message}\n" for message in dict.fromkeys(rules))
    return text


def _version(definition: Manifest) -> dict[str, Any]:
    version: dict[str, Any] = definition["spec"]["versions"][0]
    return version


def _schema(definition: Manifest) -> Schema:
    schema: Schema = _version(definition)["schema"]["openAPIV3Schema"]
    return schema


def _fields(node: Schema, path: str) -> Iterator[Field]:
    """Walk a schema's fields, outer before inner; members that are all alike are told once, as `.*`."""
    properties: Mapping[str, Schema] = node.get("properties", {})
    alike = (
        len(properties) > 1 and len({_shape(child) for child in properties.values()}) == 1 and _is_nested(properties)
    )
    for name, child in properties.items():
        below = f"{path}.{name}" if path else name
        yield Field(below, child, name in node.get("required", ()))
        if not alike:
            yield from _inside(child, below)
    if alike:
        yield from _inside(next(iter(properties.values())), f"{path}.*")


def _inside(child: Schema, path: str) -> Iterator[Field]:
    if "properties" in child:
        yield from _fields(child, path)
    elif "properties" in child.get("items", {}):
        yield from _fields(child["items"], f"{path}[]")


def _is_nested(properties: Mapping[str, Schema]) -> bool:
    return all("properties" in child for child in properties.values())


def _shape(child: Schema) -> str:
    return json.dumps({key: value for key, value in child.items() if key != "description"}, sort_keys=True)


def _type(node: Schema) -> str:
    if "x-kubernetes-int-or-string" in node:
        return "amount"
    if node.get("format") in FORMATS:
        return FORMATS[node["format"]]
    if node.get("type") == "array":
        return f"list of {_plural(_type(node['items']))}"
    if values := node.get("additionalProperties"):
        return f"mapping to {_plural(_type(values))}"
    return TYPES.get(node.get("type", ""), "anything")


def _plural(word: str) -> str:
    return {"anything": "anything", "true or false": "true or false"}.get(word, f"{word}s")


def _limits(node: Schema) -> str:
    inner = node.get("items") or node.get("additionalProperties") or {}
    said = [_count(node), _range(node) or _range(inner), _choices(node) or _choices(inner), _text(node) or _text(inner)]
    return "; ".join(part for part in said if part)


def _count(node: Schema) -> str:
    low, high = node.get("minItems"), node.get("maxItems", node.get("maxProperties"))
    if high is None:
        return ""
    return f"{low} to {high} entries" if low else f"at most {high} entries"


def _range(node: Schema) -> str:
    low, high = node.get("minimum"), node.get("maximum")
    if low is None and high is None:
        return ""
    return f"{_number(low)} to {_number(high)}"


def _number(number: float | None) -> str:
    if number is None:
        return "…"
    return f"{number:,}" if number >= BIG else f"{number:g}"


def _choices(node: Schema) -> str:
    return ", ".join(f"`{choice}`" for choice in node.get("enum", ()))


def _text(node: Schema) -> str:
    if "enum" in node or node.get("format") in FORMATS:
        return ""
    said = []
    if "maxLength" in node:
        said.append(f"at most {node['maxLength']} characters")
    if len(node.get("pattern", "x" * LONGEST_PATTERN)) < LONGEST_PATTERN:
        said.append(f"`{node['pattern']}`")
    return ", ".join(said)


def _meaning(node: Schema) -> str:
    text = str(node.get("description", ""))
    return text + ("" if text.endswith(".") or not text else ".")


def _rules(node: Schema) -> Iterator[str]:
    """Find the rules' messages, outer before inner."""
    yield from (rule["message"] for rule in node.get("x-kubernetes-validations", ()))
    for name, child in node.get("properties", {}).items():
        if name != "status":
            yield from _rules(child)
    if isinstance(node.get("items"), dict):
        yield from _rules(node["items"])
