"""Backfills of a few words."""

from typing import Any

from prime_jennie_operator.loading import load_document
from prime_jennie_operator.resources import Backfill


def backfill(name: str = "february", *, namespace: str = "default", uid: str = "uid-1", **spec: Any) -> Backfill:
    """Return a backfill of schedule scout's first February week, unless told."""
    document = {
        "apiVersion": "trading.prime-jennie.io/v1alpha1",
        "kind": "Backfill",
        "metadata": {"name": name, "namespace": namespace, "uid": uid},
        "spec": {"schedule": "scout", "from": "2026-02-02", "to": "2026-02-06", **spec},
    }
    found = load_document(document, "test")
    assert isinstance(found, Backfill)
    return found
