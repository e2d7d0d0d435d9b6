"""Wrong specs as data: each with what a person reads, here and from the API server."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from prime_jennie_operator.resources import API_VERSION
from prime_jennie_operator.yaml_source import read_documents

FOLDER: Final = Path(__file__).parents[1] / "data" / "operator" / "bad"
GOOD: Final[Mapping[str, Mapping[str, Any]]] = {
    "TradingStrategy": {},
    "ScoutSchedule": {"task": "scout", "schedules": ["30 8 * * *"]},
    "Backfill": {"schedule": "scout", "from": "2026-02-02", "to": "2026-02-06"},
}


@dataclass(frozen=True)
class BadSpec:
    """One wrong spec; `field` and `says` are the model's, the server's are the same unless told otherwise."""

    kind: str
    document: dict[str, Any]
    field: str
    says: str
    server_says: str
    server_field: str

    def __str__(self) -> str:
        return f"{self.kind} {self.document['metadata']['name']} {self.document['spec']}"[:90]


def document(kind: str, spec: Mapping[str, Any], name: str = "test") -> dict[str, Any]:
    """Return a document of a kind whose spec differs from a good one in what is given."""
    whole = copy.deepcopy({**GOOD[kind], **spec})
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": whole}


def bad_specs() -> list[BadSpec]:
    """Read the table."""
    return [_bad(kind, case) for kind in GOOD for case in read_documents(FOLDER / f"{kind.lower()}.yaml")[0][1]]


def _bad(kind: str, case: Mapping[str, Any]) -> BadSpec:
    return BadSpec(
        kind=kind,
        document=document(kind, case["spec"], case.get("name", "test")),
        field=case["field"],
        says=case["says"],
        server_says=case.get("server", case["says"]),
        server_field=case.get("server_field", case["field"]),
    )
