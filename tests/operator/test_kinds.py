"""Our kinds on a real API server: it refuses what the models refuse, in the same words, with the same defaults."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings

from prime_jennie.domain.errors import BadInput
from prime_jennie_operator.crd import definitions
from prime_jennie_operator.loading import Item, load_document
from prime_jennie_operator.structural import Schema
from prime_jennie_operator.yaml_source import read_documents
from tests.support.bad_specs import GOOD, BadSpec, bad_specs, document
from tests.support.control_plane import ControlPlane
from tests.support.kinds_api import KindsApi
from tests.support.schemas import Violation, field, values, violations

SAMPLES = Path(__file__).parents[2] / "manifests" / "samples"
SCALARS = Path(__file__).parents[1] / "data" / "operator" / "scalars.yaml"
SPECS: Mapping[str, Schema] = {
    d["spec"]["names"]["kind"]: d["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    for d in definitions()
}
FULL: Mapping[str, dict[str, Any]] = {
    data["kind"]: data for name in ("09-full", "07-backfill") for _, data in read_documents(SAMPLES / f"{name}.yaml")
}
BOUNDS = [
    pytest.param(kind, violation, id=f"{kind} {violation}")
    for kind, schema in SPECS.items()
    for violation in violations(schema, FULL[kind]["spec"], ("spec",))
]
# What only the operator and `jennie validate` can know. Nothing else may be taken by the one and refused by the other.
ONLY_WE_KNOW = re.compile("is no time zone|never fires|not within|knows:|minutes|Pct must|AgeSessions must")


@pytest.fixture(scope="module")
def kinds(control_plane: ControlPlane) -> KindsApi:
    """The API server, asked about the namespace that is always there; nothing is stored."""
    return KindsApi(control_plane, "default")


@pytest.mark.parametrize("case", bad_specs(), ids=str)
def test_a_wrong_spec_is_refused_at_the_same_field_in_the_same_words(kinds: KindsApi, case: BadSpec) -> None:
    verdict = kinds.judge(case.document)
    assert verdict.tells(case.server_field, case.server_says), verdict


@pytest.mark.parametrize(("kind", "violation"), BOUNDS)
def test_every_bound_is_kept_here_and_there(kinds: KindsApi, kind: str, violation: Violation) -> None:
    wrong, place = violation.into(FULL[kind]), field(violation.path)
    with pytest.raises(BadInput) as refused:
        load_document(wrong, "test")
    assert refused.value.field.startswith(place)
    assert any(cause.field.startswith(place) for cause in kinds.judge(wrong).causes)


@pytest.mark.parametrize("kind", GOOD)
def test_defaults_are_the_models_own(kinds: KindsApi, kind: str) -> None:
    few = document(kind, {})
    stored = kinds.judge(few).stored
    assert stored is not None
    assert as_stored(stored["spec"]) == as_written(load_document(few, "test"))


@pytest.mark.parametrize(
    ("kind", "spec", "name"),
    [
        ("TradingStrategy", {"risk": {"maxPosition": 3}}, "spec.risk.maxPosition"),
        ("TradingStrategy", {"services": {"buyScanner": {"replicas": 2}}}, "spec.services.buyScanner.replicas"),
        ("ScoutSchedule", {"schedule": "30 8 * * *"}, "spec.schedule"),
        ("Backfill", {"first": "2026-02-02"}, "spec.first"),
    ],
)
def test_an_unknown_field_is_refused_to_who_asks_for_it_and_dropped_otherwise(
    kinds: KindsApi, kind: str, spec: Mapping[str, Any], name: str
) -> None:
    wrong = document(kind, spec)
    with pytest.raises(BadInput, match="unknown field"):
        load_document(wrong, "test")
    assert kinds.judge(wrong, strictly=True).tells("", f'unknown field "{name}"')
    stored = kinds.judge(wrong).stored
    assert stored is not None
    last = name.rpartition(".")[2]
    assert f"'{last}'" not in str(stored["spec"])
    assert as_stored(stored["spec"]) == as_written(load_document(without(wrong, last), "test"))


@pytest.mark.parametrize(
    ("kind", "change", "says"),
    [
        ("TradingStrategy", {"market": "US"}, "market is immutable: create another strategy instead"),
        ("Backfill", {"from": "2026-02-01"}, "schedule, strategy, from, to and reverse are immutable"),
        ("Backfill", {"to": "2026-02-05"}, "schedule, strategy, from, to and reverse are immutable"),
        ("Backfill", {"schedule": "late"}, "schedule, strategy, from, to and reverse are immutable"),
        ("Backfill", {"strategy": "failed"}, "schedule, strategy, from, to and reverse are immutable"),
        ("Backfill", {"reverse": True}, "schedule, strategy, from, to and reverse are immutable"),
        ("Backfill", {"dryRun": True}, "dryRun cannot be set later: slots may run already"),
    ],
)
def test_what_never_changes_cannot_be_changed(
    control_plane: ControlPlane, namespace: str, kind: str, change: Mapping[str, Any], says: str
) -> None:
    kinds = KindsApi(control_plane, namespace)
    kinds.create(document(kind, {}))
    assert kinds.change(document(kind, {}), change).tells("spec", says)


@pytest.mark.parametrize(
    ("kind", "before", "change"),
    [
        ("TradingStrategy", {}, {"trading": "Stopped", "risk": {"maxPositions": 3}}),
        ("ScoutSchedule", {}, {"task": "throttle", "suspend": True}),
        ("Backfill", {"dryRun": True}, {"dryRun": False, "maxActive": 3}),
    ],
)
def test_the_rest_may_change(
    control_plane: ControlPlane, namespace: str, kind: str, before: Mapping[str, Any], change: Mapping[str, Any]
) -> None:
    kinds = KindsApi(control_plane, namespace)
    kinds.create(document(kind, before))
    assert kinds.change(document(kind, before), change).stored is not None


@pytest.mark.parametrize("kind", SPECS)
def test_the_models_and_the_api_server_are_of_one_mind(kinds: KindsApi, kind: str) -> None:
    taken, refused = 0, 0

    @settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(values(SPECS[kind]))
    @example(GOOD[kind])
    def agree(spec: Any) -> None:
        nonlocal taken, refused
        whole = {**document(kind, {}), "spec": spec}
        verdict = kinds.judge(whole, strictly=True)
        ours = opinion(whole)
        if isinstance(ours, BadInput):
            assert verdict.stored is None or ONLY_WE_KNOW.search(ours.reason), ours
            refused += 1
        else:
            assert verdict.stored is not None, verdict
            assert as_stored(verdict.stored["spec"]) == as_written(ours)
            taken += 1

    agree()
    assert min(taken, refused) >= 5


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("ScoutSchedule", {"schedules": ["0 9 30 2 *"]}),
        ("ScoutSchedule", {"schedules": ["0 9 * * 0"]}),
        ("ScoutSchedule", {"schedules": ["5-1 9 * * *"]}),
        ("ScoutSchedule", {"timeZone": "Asia/Soul"}),
        ("TradingStrategy", {"entries": [{"name": "DIP_BUY", "parameters": {"level": 30}}]}),
        ("TradingStrategy", {"entries": [{"name": "ORB_BREAKOUT", "parameters": {"rangeMinutes": 90}}]}),
    ],
)
def test_what_only_the_operator_can_know_is_taken_by_the_api_server(
    kinds: KindsApi, kind: str, spec: Mapping[str, Any]
) -> None:
    wrong = document(kind, spec)
    with pytest.raises(BadInput) as refused:
        load_document(wrong, "test")
    assert ONLY_WE_KNOW.search(refused.value.reason)
    assert kinds.judge(wrong, strictly=True).stored is not None


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_sample_applies_and_comes_back_as_it_was_meant(
    control_plane: ControlPlane, namespace: str, path: Path
) -> None:
    control_plane.kubectl("-n", namespace, "apply", "-f", str(path))
    for _, sample in read_documents(path):
        meant = load_document(sample, "test")
        stored = control_plane.request("GET", KindsApi(control_plane, namespace).path(sample, named=True))
        assert as_stored(stored["spec"]) == as_written(meant)
        assert load_document(stored, "test").spec == meant.spec
        assert "status" not in stored


def test_what_yaml_says_without_quotes_is_what_kubectl_reads(control_plane: ControlPlane) -> None:
    meant: dict[str, str] = yaml.safe_load(SCALARS.read_text(encoding="utf-8"))
    lines = "".join(f"    a{number}: {written}\n" for number, written in enumerate(meant))
    head = "apiVersion: trading.prime-jennie.io/v1alpha1\nkind: ScoutSchedule\nmetadata: {name: test}\n"
    text = f"{head}spec:\n  task: scout\n  schedules: ['30 8 * * *']\n  parameters:\n{lines}"
    asked = ("create", "--dry-run=client", "-o", "jsonpath={.spec.parameters}", "-f", "-")
    read = json.loads(control_plane.kubectl(*asked, input=text).stdout)
    assert {written: json.dumps(read[f"a{n}"]) for n, written in enumerate(meant)} == meant


def opinion(document: Mapping[str, Any]) -> Item | BadInput:
    """Return what the models make of a document."""
    try:
        return load_document(document, "test")
    except BadInput as refusal:
        return refusal


def as_written(item: Item) -> dict[str, Any]:
    """Return a spec with everything that the models fill in."""
    return item.spec.model_dump(mode="json", by_alias=True, exclude_none=True)


def as_stored(spec: Any) -> Any:
    """Return a stored spec with its amounts as texts: `cpu: 1` stays a number in the cluster."""
    if isinstance(spec, list):
        return [as_stored(entry) for entry in spec]
    if not isinstance(spec, dict):
        return spec
    amounts = ("requests", "limits")
    return {
        name: {key: str(amount) for key, amount in value.items()} if name in amounts else as_stored(value)
        for name, value in spec.items()
    }


def without(document: Mapping[str, Any], name: str) -> Any:
    """Return a document without a field, wherever that stands."""
    return {
        key: without(value, name) if isinstance(value, Mapping) else value
        for key, value in document.items()
        if key != name
    }
