"""The CustomResourceDefinitions, generated from the kinds: `python -m prime_jennie_operator.crd [--check]`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from prime_jennie_operator.manifest import Manifest
from prime_jennie_operator.resources import GROUP, VERSION, Backfill, ScoutSchedule, TradingStrategy
from prime_jennie_operator.structural import structural_schema, without_defaults

HEADER = "# Generated from the kinds' models by `python -m prime_jennie_operator.crd`; edit these, not this file.\n"


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


def rendered_files() -> dict[str, str]:
    """Render every kind as the text of its file."""
    files = {}
    for model, plural, short_name, columns in KINDS:
        definition = custom_resource_definition(model, plural, short_name, columns)
        text = yaml.dump(definition, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
        files[f"{GROUP}_{plural}.yaml"] = HEADER + text
    return files


def main(arguments: list[str], folder: Path) -> int:
    """Write the files, or with --check report those that differ from what the models say."""
    stale = [name for name, text in rendered_files().items() if _read(folder / name) != text]
    if "--check" in arguments:
        for name in stale:
            sys.stderr.write(f"crds/{name}: differs from the models; run `make generate`\n")
        return 1 if stale else 0
    folder.mkdir(exist_ok=True)
    for name, text in rendered_files().items():
        (folder / name).write_text(text, encoding="utf-8")
    return 0


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path(__file__).parents[2] / "crds"))
