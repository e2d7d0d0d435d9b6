"""What a node's drain may take: nothing that trades while the exchange is open, everything outside the session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prime_jennie_operator.desired.platform import RELEASE
from prime_jennie_operator.desired.pods import labels
from prime_jennie_operator.manifest import Manifest


def disruption_budget(metadata: Mapping[str, Any], selects: Mapping[str, str], *, is_open: bool) -> Manifest:
    """Describe the budget of pods that trade."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": dict(metadata),
        "spec": {
            "maxUnavailable": 0 if is_open else "100%",
            # A pod that does not work protects nothing: it may go to a node where it does. So may a gateway's standby.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": dict(selects)},
        },
    }


def platform_budget(
    name: str, namespace: str, selects: Mapping[str, str], managed_by: str, *, is_open: bool
) -> Manifest:
    """Describe the budget of the gateway or a store, without which no strategy trades."""
    all_labels = labels(name, component="protection", instance=RELEASE, managed_by=managed_by)
    metadata = {"name": name, "namespace": namespace, "labels": all_labels}
    return disruption_budget(metadata, selects, is_open=is_open)
