"""The CustomResourceDefinitions of our kinds, made from their models."""

from __future__ import annotations

from typing import Any

import yaml
from pydantic import BaseModel

from prime_jennie_operator.manifest import Manifest
from prime_jennie_operator.resources import GROUP, VERSION, Backfill, ScoutSchedule, TradingStrategy
from prime_jennie_operator.structural import structural_schema, without_defaults

HEADER = "# Written by `make generate` from operator/prime_jennie_operator/resources; edit those, not this file.\n"


def _column(name: str, path: str, kind: str = "string", *, wide: bool = False) -> dict[str, Any]:
    return {"name": name, "type": kind, "jsonPath": path} | ({"priority": 1} if wide else {})


def _condition(kind: str, field: str) -> str:
    return f'.status.conditions[?(@.type=="{kind}")].{field}'


AGE = _column("Age", ".metadata.creationTimestamp", "date")
KINDS: tuple[tuple[type[BaseModel], str, str, list[dict[str, Any]]], ...] = (
    (
        TradingStrategy,
        "tradingstrategies",
        "strat",
        [
            _column("Mode", ".spec.mode"),
            _column("Trading", ".spec.trading"),
            _column("Ready", _condition("Ready", "status")),
            _column("Regime", ".status.marketRegime"),
            _column("Positions", ".status.positions", "integer"),
            _column("Day-PnL", ".status.dayPnlKrw", "integer"),
            AGE,
            _column("Gateway", ".spec.gateway.name", wide=True),
            _column("Last-Signal", ".status.lastSignalTime", "date", wide=True),
            _column("Reason", _condition("TradingEnabled", "reason"), wide=True),
        ],
    ),
    (
        ScoutSchedule,
        "scoutschedules",
        "scout",
        [
            _column("Task", ".spec.task"),
            _column("Schedule", ".spec.schedules[0]"),
            _column("Next", ".status.nextRun"),
            _column("Last", ".status.lastSlot"),
            _column("Outcome", ".status.lastOutcome"),
            _column("Suspended", ".spec.suspend", "boolean"),
            AGE,
        ],
    ),
    (
        Backfill,
        "backfills",
        "bf",
        [
            _column("Schedule", ".spec.schedule"),
            _column("From", ".spec.from"),
            _column("To", ".spec.to"),
            _column("Phase", ".status.phase"),
            _column("Done/Planned", ".status.progress"),
            AGE,
        ],
    ),
)


def custom_resource_definition(
    model: type[BaseModel], plural: str, short_name: str, columns: list[dict[str, Any]]
) -> Manifest:
    """Describe one kind to the API server."""
    schema = structural_schema(model)
    # The API server knows these three itself and wants no more said about metadata than its name.
    schema["properties"] |= {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}
    schema["properties"]["metadata"] = {"type": "object"}
    schema["properties"]["status"] = without_defaults(schema["properties"]["status"])
    schema["required"] = ["spec"]
    kind = model.__name__
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": [short_name],
                "categories": ["jennie"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": columns,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


class _Dumper(yaml.SafeDumper):
    """Write no anchors: they are hard to read."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def definitions() -> list[Manifest]:
    """Describe every kind."""
    return [custom_resource_definition(*kind) for kind in KINDS]


def file_name(definition: Manifest) -> str:
    """Name a definition's file as controller-gen would."""
    return f"{GROUP}_{definition['spec']['names']['plural']}.yaml"


def rendered(definition: Manifest) -> str:
    """Write a definition as the text of its file."""
    return HEADER + yaml.dump(definition, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
