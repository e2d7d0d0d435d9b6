"""The chart's templates and `desired.platform` render the same objects: what a laptop runs is what a cluster runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from prime_jennie_operator.desired.platform import platform_objects
from prime_jennie_operator.loading import laptop_values, read_values
from prime_jennie_operator.manifest import Manifest
from tests.support.chart import preset, rendered

CASES = Path(__file__).parents[2] / "data" / "operator" / "input"

# What only a cluster has: (kind, name), `*` for every one of the kind.
ONLY_ON_A_CLUSTER = {
    ("CustomResourceDefinition", "*"),
    ("Secret", "*"),  # a laptop keeps its own in a private folder
    ("NetworkPolicy", "*"),
    ("PodDisruptionBudget", "*"),
    ("PodMonitor", "*"),
    ("Role", "*"),
    ("RoleBinding", "*"),
    ("ClusterRole", "*"),
    ("ClusterRoleBinding", "*"),
    ("ValidatingAdmissionPolicy", "*"),
    ("ValidatingAdmissionPolicyBinding", "*"),
    ("Lease", "*"),
    ("CronJob", "*"),  # the model servers' hours
    ("Job", "installation-test"),
    ("Job", "uninstall-guard"),
    ("ConfigMap", "prime-jennie-values"),  # for the operator
    ("Deployment", "prime-jennie-operator"),
    *(("ServiceAccount", f) for f in ("prime-jennie-operator", "installation-test", "uninstall-guard", "vllm-parking")),
    *((kind, name) for kind in ("StatefulSet", "Service") for name in ("mariadb", "qdrant", "vllm-llm", "vllm-embed")),
}
# Of metadata: which chart made an object.
ONLY_IN_CHARTS = ("helm.sh/chart", "app.kubernetes.io/version")
# A Job never changes, so the chart's migrations have another name in every revision.
MIGRATIONS = re.compile(r"migrations-[0-9]+-[0-9a-f]{6}")


def by_name(objects: list[Manifest]) -> dict[tuple[str, str], Manifest]:
    found = {(o["kind"], o["metadata"]["name"]): o for o in objects}
    assert len(found) == len(objects), "two objects have one name"
    return found


def of_the_chart(values: dict[str, Any]) -> dict[tuple[str, str], Manifest]:
    objects = rendered("simulator", values=values)
    for found in objects:
        for label in ONLY_IN_CHARTS:
            assert found["metadata"]["labels"].pop(label)
        if found["kind"] == "Job" and MIGRATIONS.fullmatch(found["metadata"]["name"]):
            found["metadata"]["name"] = "migrations"
    return {key: found for key, found in by_name(objects).items() if not {key, (key[0], "*")} & ONLY_ON_A_CLUSTER}


def differences(wanted: Any, found: Any, where: str = "") -> Iterator[str]:
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key in wanted.keys() | found.keys():
            yield from differences(wanted.get(key), found.get(key), f"{where}.{key}")
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for number, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from differences(one, other, f"{where}[{number}]")
    elif wanted != found:
        yield f"{where}: a laptop has {wanted!r}, the chart {found!r}"


def values_of(case: str) -> dict[str, Any]:
    if case.startswith("preset-"):
        return read_values(preset(case.removeprefix("preset-")))
    return yaml.safe_load((CASES / f"{case}.yaml").read_text(encoding="utf-8")) or {}


@pytest.mark.parametrize(
    "case",
    [
        *sorted(path.stem for path in CASES.glob("platform-*.yaml")),
        "preset-production",
        "preset-gpu",
        "preset-simulator",
    ],
)
def test_the_same_values_give_the_same_objects(case: str) -> None:
    values = values_of(case)
    wanted = by_name(platform_objects(laptop_values(values), "trading"))
    found = of_the_chart(values)
    assert sorted(wanted) == sorted(found)
    assert [line for key in wanted for line in differences(wanted[key], found[key], "/".join(key))] == []
