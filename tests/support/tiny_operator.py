"""The operator's runtime with a reconciler that a test can see through: it wants what an annotation says.

`python -m tests.support.tiny_operator` is the operator's own command with that reconciler.
"""

from __future__ import annotations

import sys
from typing import Any

from prime_jennie_operator.__main__ import main
from prime_jennie_operator.applier import Changes
from prime_jennie_operator.dependencies import Dependencies
from prime_jennie_operator.manifest import STRATEGY_LABEL, Manifest
from prime_jennie_operator.work import Again, Key

CHILDREN = "test/children"
"""Names of the kinds that a strategy should have, comma separated; absent: all of `children_of`."""
DEFECT = "test/defect"
IMAGE = "test/image"


class TinyReconciler:
    """Applies the children that an annotation names."""

    kind = "TradingStrategy"

    def __init__(self, dependencies: Dependencies) -> None:
        self._dependencies = dependencies
        self.changes: list[tuple[Key, Changes]] = []
        self.reconciled: list[Key] = []

    async def reconcile(self, key: Key) -> Again | None:
        self.reconciled.append(key)
        owner = self._dependencies.specs.get(key)
        if owner is None or owner["metadata"].get("deletionTimestamp"):
            return None
        if DEFECT in (owner["metadata"].get("annotations") or {}):
            raise ZeroDivisionError("a defect of ours")
        changes = await self._dependencies.applier.converge(owner, wanted_by(owner))
        self.changes.append((key, changes))
        for sentence in changes.healed.values():
            await self._dependencies.recorder.event(owner, "Warning", "DriftHealed", sentence)
        status = {"observedGeneration": owner["metadata"]["generation"]}
        await self._dependencies.statuses.write(owner, status)
        return None if changes.retry_secs is None else Again(changes.retry_secs)


def strategy(name: str, namespace: str, **annotations: str) -> Manifest:
    """Make the smallest TradingStrategy."""
    told = {f"test/{key}": value for key, value in annotations.items()}
    metadata = {"name": name, "namespace": namespace, **({"annotations": told} if told else {})}
    return {
        "apiVersion": "trading.prime-jennie.io/v1alpha1",
        "kind": "TradingStrategy",
        "metadata": metadata,
        "spec": {},
    }


def wanted_by(owner: Manifest) -> list[Manifest]:
    metadata = owner["metadata"]
    annotations = metadata.get("annotations") or {}
    found = children_of(metadata["name"], metadata["namespace"], annotations.get(IMAGE, "localhost/idle:1"))
    kinds = annotations.get(CHILDREN)
    return [child for child in found if kinds is None or child["kind"] in kinds.split(",")]


def children_of(name: str, namespace: str, image: str = "localhost/idle:1") -> list[Manifest]:
    """One child of every kind, as the API server does not write it: with quantities to be made canonical."""
    labels = {"app.kubernetes.io/name": name, STRATEGY_LABEL: name}
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    container: dict[str, Any] = {
        "name": "main",
        "image": image,
        "env": [{"name": "A", "value": "1"}, {"name": "EMPTY", "value": ""}],
        "ports": [{"name": "http", "containerPort": 8080}],
        "resources": {"requests": {"cpu": "1000m", "memory": "1024Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "tmp", "mountPath": "/scratch"}],
    }
    pod = {
        "metadata": {"labels": labels},
        "spec": {
            "automountServiceAccountToken": False,
            "containers": [container],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        },
    }
    job = {"template": {"metadata": {"labels": labels}, "spec": pod["spec"] | {"restartPolicy": "Never"}}}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata, "automountServiceAccountToken": False},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"strategy.json": "{}"}},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"selector": labels, "ports": [{"name": "http", "port": 8080, "targetPort": "http"}]},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {
                "replicas": 0,
                "strategy": {"type": "Recreate"},
                "selector": {"matchLabels": labels},
                "template": pod,
            },
        },
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": metadata,
            "spec": {"maxUnavailable": 0, "selector": {"matchLabels": labels}},
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": metadata,
            "spec": {
                "podSelector": {"matchLabels": labels},
                "policyTypes": ["Ingress"],
                "ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": 8080}]}],
            },
        },
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": metadata,
            "spec": {
                "schedule": "0 9 * * 1-5",
                "timeZone": "Asia/Seoul",
                "suspend": True,
                "jobTemplate": {"spec": job},
            },
        },
    ]


if __name__ == "__main__":
    sys.exit(main((TinyReconciler,)))
