"""The API server's opinion of a document of ours, without storing it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prime_jennie_operator.resources import GROUP, VERSION
from tests.support.cluster_access import ClusterAccess, Refused


@dataclass(frozen=True)
class Cause:
    """One thing that is wrong."""

    field: str
    message: str


@dataclass(frozen=True)
class Verdict:
    """The stored object, or what is wrong with it."""

    stored: dict[str, Any] | None
    causes: tuple[Cause, ...] = ()

    def tells(self, field: str, text: str) -> bool:
        return any(cause.field == field and text in cause.message for cause in self.causes)


class KindsApi:
    """Asks an API server about documents in one namespace."""

    def __init__(self, plane: ClusterAccess, namespace: str) -> None:
        self._plane = plane
        self._namespace = namespace

    def path(self, document: Mapping[str, Any], *, named: bool = False) -> str:
        name = f"/{document['metadata']['name']}" if named else ""
        return f"/apis/{GROUP}/{VERSION}/namespaces/{self._namespace}/{document['kind'].lower()}s{name}".replace(
            "tradingstrategys", "tradingstrategies"
        )

    def judge(self, document: Mapping[str, Any], *, strictly: bool = False) -> Verdict:
        """Have a document created, but for the storing."""
        validation = "Strict" if strictly else "Ignore"
        return self._ask("POST", f"{self.path(document)}?dryRun=All&fieldValidation={validation}", document)

    def create(self, document: Mapping[str, Any]) -> dict[str, Any]:
        return self._plane.request("POST", self.path(document), dict(document))

    def change(self, document: Mapping[str, Any], spec: Mapping[str, Any]) -> Verdict:
        """Have a stored object's spec patched, but for the storing."""
        path = f"{self.path(document, named=True)}?dryRun=All"
        return self._ask("PATCH", path, {"spec": dict(spec)}, content_type="application/merge-patch+json")

    def _ask(self, method: str, path: str, body: Any, content_type: str = "application/json") -> Verdict:
        try:
            return Verdict(self._plane.request(method, path, dict(body), content_type=content_type))
        except Refused as refused:
            causes = refused.details.get("causes") or [{"field": "", "message": str(refused)}]
            return Verdict(None, tuple(Cause(c.get("field", "").replace("<nil>", ""), c["message"]) for c in causes))
