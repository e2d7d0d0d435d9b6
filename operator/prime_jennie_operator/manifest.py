"""Kubernetes objects as plain data, and the few questions that everybody asks of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Manifest = dict[str, Any]

STRATEGY_LABEL = "trading.prime-jennie.io/strategy"
SCHEDULE_LABEL = "trading.prime-jennie.io/schedule"
BACKFILL_LABEL = "trading.prime-jennie.io/backfill"
SLOT_MARK = "trading.prime-jennie.io/slot"
NAME_LABEL = "app.kubernetes.io/name"


def name_of(manifest: Manifest) -> str:
    return str(manifest["metadata"]["name"])


def labels_of(manifest: Manifest) -> dict[str, str]:
    return dict(manifest["metadata"].get("labels", {}))


def strategy_of(manifest: Manifest) -> str | None:
    """Name the TradingStrategy that an object belongs to; None for the platform's own."""
    return labels_of(manifest).get(STRATEGY_LABEL)


def of_kind(manifests: Iterable[Manifest], *kinds: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] in kinds]
