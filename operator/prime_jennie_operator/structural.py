"""A pydantic model's JSON schema made structural, as Kubernetes demands of a CRD."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pydantic import BaseModel

Schema = dict[str, Any]

# Kept as they are; everything else is either translated below or means nothing to the API server.
KEPT = (
    "type",
    "description",
    "format",
    "enum",
    "pattern",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxProperties",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
)
BOUNDS = (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum"))


class Rule(Protocol):
    """A CEL rule with the sentence that a person reads when it fails."""

    @property
    def rule(self) -> str: ...
    @property
    def message(self) -> str: ...


def structural_schema(model: type[BaseModel]) -> Schema:
    """Convert a model: references inlined, exclusive bounds as booleans, rules as CEL validations.

    Dropped, as the API server refuses or ignores them: titles, `additionalProperties: false`, `propertyNames`,
    `uniqueItems`, and every null. Null is not `nullable` here: the API server prunes nulls of other fields, so null
    means absent, as for the models; a kept null would satisfy CEL's has() and slip past the rules of live mode.
    """
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return _convert(schema, schema.get("$defs", {}), _rules_by_name(model))


def without_defaults(schema: Schema) -> Schema:
    """Drop every default: the API server shall not write what only the operator knows."""
    result = {key: value for key, value in schema.items() if key != "default"}
    for key in ("items", "additionalProperties"):
        if isinstance(result.get(key), dict):
            result[key] = without_defaults(result[key])
    if "properties" in result:
        result["properties"] = {name: without_defaults(child) for name, child in result["properties"].items()}
    return result


def _convert(node: Mapping[str, Any], definitions: Mapping[str, Any], rules: Mapping[str, tuple[Rule, ...]]) -> Schema:
    title, node = _resolve(node, definitions)
    alternatives = [option for option in node.get("anyOf", []) if option.get("type") != "null"]
    if "anyOf" in node:
        if len(alternatives) != 1:
            raise TypeError(f"{title}: a union of types is invisible to CEL; give the field one type")
        outer = {key: value for key, value in node.items() if key != "anyOf"}
        return _convert({**alternatives[0], **outer}, definitions, rules)
    result: Schema = {key: node[key] for key in KEPT if key in node}
    if "const" in node:
        result |= {"type": "string", "enum": [node["const"]]}
    for bound, exclusive in BOUNDS:
        if bound in node:
            result[bound] = node[bound]
        elif exclusive in node:
            result |= {bound: node[exclusive], exclusive: True}
    if node.get("default") is not None:
        result["default"] = _without_nulls(node["default"])
    if "items" in node:
        result["items"] = _convert(node["items"], definitions, rules)
    if "properties" in node:
        required = sorted(node.get("required", []))
        result["properties"] = {
            name: _with_nested_defaults(_convert(child, definitions, rules), name in required or _may_be_absent(child))
            for name, child in node["properties"].items()
        }
        result |= {"required": required} if required else {}
    elif values := _map_values(node):
        result["additionalProperties"] = _convert(values, definitions, rules)
    elif node.get("type") == "object":
        result["x-kubernetes-preserve-unknown-fields"] = True
    if "type" not in result and "x-kubernetes-int-or-string" not in result:
        result["x-kubernetes-preserve-unknown-fields"] = True
    if title in rules and "properties" in node:
        result["x-kubernetes-validations"] = [{"rule": r.rule, "message": r.message} for r in rules[title]]
    return result


def _map_values(node: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Find the schema of a mapping's values; a constraint on its keys cannot be said to the API server."""
    patterns = list(node.get("patternProperties", {}).values())
    values = patterns[0] if patterns else node.get("additionalProperties")
    return values if isinstance(values, dict) and values else None


def _resolve(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Follow references, letting the field's own description and default win over its type's."""
    title = str(node.get("title", ""))
    while "$ref" in node:
        target = definitions[node["$ref"].rsplit("/", 1)[1]]
        title = str(target.get("title", title))
        node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
        node.pop("title", None)
    return title, node


def _may_be_absent(child: Mapping[str, Any]) -> bool:
    """Tell whether the model knows None for it: an empty object would mean something else."""
    return any(option.get("type") == "null" for option in child.get("anyOf", ()))


def _with_nested_defaults(child: Schema, stays_as_it_is: bool) -> Schema:
    """Default an optional object: the API server fills in the defaults of its fields only if it is there.

    All of them are written out, because the rules must hold for the default as it stands.
    """
    if stays_as_it_is or "properties" not in child or "required" in child:
        return child
    fields = child["properties"].items()
    return child | {"default": {name: field["default"] for name, field in fields if "default" in field}}


def _without_nulls(default: Any) -> Any:
    """Drop nulls inside a default: the API server refuses them there, and absent means the same."""
    if isinstance(default, dict):
        return {key: _without_nulls(value) for key, value in default.items() if value is not None}
    if isinstance(default, list):
        return [_without_nulls(value) for value in default]
    return default


def rules_of(model: type[BaseModel]) -> list[Rule]:
    """List the rules of a model and of every model inside it."""
    return [rule for rules in _rules_by_name(model).values() for rule in rules]


def _rules_by_name(model: type[BaseModel], seen: frozenset[str] = frozenset()) -> dict[str, tuple[Rule, ...]]:
    """Collect CEL_RULES of a model and of every model inside it, by class name (which is the schema's title)."""
    found: dict[str, tuple[Rule, ...]] = {}
    waiting: list[type[BaseModel]] = [model]
    while waiting:
        current = waiting.pop()
        if current.__name__ in seen:
            continue
        seen |= {current.__name__}
        rules = getattr(current, "CEL_RULES", ())
        if rules:
            found[current.__name__] = tuple(rules)
        for field in current.model_fields.values():
            waiting += models_in(field.annotation)
    return found


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """Find the models inside a field's annotation, through Optional, tuple and Annotated."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in getattr(annotation, "__args__", ()) for model in models_in(argument)]
