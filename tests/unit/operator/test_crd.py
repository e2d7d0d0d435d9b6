from typing import Any

import pytest
import yaml

from prime_jennie_operator.crd import definitions, rendered

DEFINITIONS = {d["spec"]["names"]["kind"]: d for d in (yaml.safe_load(rendered(one)) for one in definitions())}


def schema(kind: str) -> dict[str, Any]:
    version = DEFINITIONS[kind]["spec"]["versions"][0]
    found: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return found


def nodes(node: dict[str, Any], path: str = "") -> list[tuple[str, dict[str, Any]]]:
    children = [nodes(child, f"{path}.{name}") for name, child in node.get("properties", {}).items()]
    if "items" in node:
        children.append(nodes(node["items"], f"{path}[]"))
    if "additionalProperties" in node:
        children.append(nodes(node["additionalProperties"], f"{path}{{}}"))
    return [(path, node), *(found for child in children for found in child)]


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_the_schema_is_structural(kind: str) -> None:
    # What the API server refuses in a CustomResourceDefinition (facts of Kubernetes, not of ours).
    forbidden = {"$ref", "anyOf", "oneOf", "allOf", "title", "const", "propertyNames", "patternProperties"}
    forbidden |= {"uniqueItems", "examples", "prefixItems", "nullable"}
    for path, node in nodes(schema(kind)):
        assert forbidden.isdisjoint(node), path
        any_type = ("x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string")
        assert "type" in node or any(node.get(mark) for mark in any_type), path
        assert node.get("additionalProperties") is not False, path
        assert not isinstance(node.get("exclusiveMinimum"), int) or isinstance(node["exclusiveMinimum"], bool), path
        assert None not in (node.get("default") or {"": ""}).values() if isinstance(node.get("default"), dict) else True


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_lists_and_texts_under_cel_are_bounded(kind: str) -> None:
    # Without maxItems a rule over a list may cost anything, and the API server refuses the definition.
    spec = schema(kind)["properties"]["spec"]
    assert [path for path, node in nodes(spec) if node.get("type") == "array" and "maxItems" not in node] == []


def test_every_field_that_a_person_writes_is_described() -> None:
    undescribed = [
        path
        for kind in DEFINITIONS
        for path, node in nodes(schema(kind)["properties"]["spec"])
        if "description" not in node and not path.endswith(("[]", "{}")) and ".env[]." not in path
    ]
    assert [path for path in undescribed if ".tolerations[]." not in path] == []


def test_optional_objects_default_to_their_fields_defaults_as_the_rules_must_hold_for_them() -> None:
    spec = schema("TradingStrategy")["properties"]["spec"]["properties"]
    assert spec["risk"]["default"]["maxPositions"] == spec["risk"]["properties"]["maxPositions"]["default"] == 10
    assert "dailyLossLimitPct" not in spec["risk"]["default"]
    assert spec["exits"]["default"]["trailing"] == {"enabled": True, "activatePct": 5}
    assert spec["account"]["default"] == {}
    assert "default" not in spec["services"]["properties"]["buyScanner"]["properties"]["image"]


def test_what_the_model_may_lack_gets_no_default_as_an_empty_object_means_something_else() -> None:
    scanner = schema("TradingStrategy")["properties"]["spec"]["properties"]["services"]["properties"]["buyScanner"]
    assert "default" not in scanner["properties"]["resources"]  # {} would take the place of the chart's resources
    assert scanner["default"] == {"enabled": True, "env": [], "nodeSelector": {}, "tolerations": []}


def test_cross_field_rules_stand_where_their_fields_are() -> None:
    spec = schema("TradingStrategy")["properties"]["spec"]
    rules = {rule["message"] for rule in spec["x-kubernetes-validations"]}
    assert "account.secretRef is required in mode live" in rules
    assert any("immutable" in message for message in rules)
    symbols = spec["properties"]["watchlist"]["x-kubernetes-validations"]
    assert any("symbols" in rule["rule"] for rule in symbols)
    assert "x-kubernetes-validations" in schema("TradingStrategy")
    assert "x-kubernetes-validations" in spec["properties"]["services"]["properties"]["buyScanner"]


@pytest.mark.parametrize(
    ("kind", "short", "columns"),
    [
        ("TradingStrategy", "strat", ["Mode", "Trading", "Ready", "Regime", "Positions", "Day-PnL", "Age"]),
        ("ScoutSchedule", "scout", ["Task", "Schedule", "Next", "Last", "Outcome", "Suspended", "Age"]),
        ("Backfill", "bf", ["Schedule", "From", "To", "Phase", "Done/Planned", "Age"]),
    ],
)
def test_kubectl_shows_the_designs_columns(kind: str, short: str, columns: list[str]) -> None:
    spec = DEFINITIONS[kind]["spec"]
    version = spec["versions"][0]
    shown = [column["name"] for column in version["additionalPrinterColumns"] if not column.get("priority")]
    assert shown == columns
    assert spec["names"]["shortNames"] == [short]
    assert spec["names"]["categories"] == ["jennie"]
    assert version["subresources"] == {"status": {}}


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_the_api_server_writes_nothing_into_a_status(kind: str) -> None:
    status = schema(kind)["properties"]["status"]
    assert [path for path, node in nodes(status) if "default" in node] == []


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_conditions_are_told_apart_by_their_type(kind: str) -> None:
    conditions = schema(kind)["properties"]["status"]["properties"]["conditions"]
    assert (conditions["x-kubernetes-list-type"], conditions["x-kubernetes-list-map-keys"]) == ("map", ["type"])
