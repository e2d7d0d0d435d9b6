"""The parts that all our pods share: labels, probes, hardening, the environment's entries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from prime_jennie_operator.manifest import NAME_LABEL, STRATEGY_LABEL, Manifest

USER_ID = 10001  # of the images' own user; never root
PRE_STOP_SECS = 2  # until Services have forgotten the pod; the program then gets SIGTERM
TERMINATION_GRACE_SECS = 30  # pre-stop, then five seconds of graceful stop, with room for a slow node
PART_OF = "prime-jennie"
PART_OF_LABEL = "app.kubernetes.io/part-of"


def labels(name: str, *, component: str, instance: str, managed_by: str, strategy: str | None = None) -> dict[str, str]:
    """Make Kubernetes' recommended labels, plus the strategy's for its own objects."""
    recommended = {
        NAME_LABEL: name,
        "app.kubernetes.io/instance": instance,
        "app.kubernetes.io/component": component,
        PART_OF_LABEL: PART_OF,
        "app.kubernetes.io/managed-by": managed_by,
    }
    return recommended | ({STRATEGY_LABEL: strategy} if strategy else {})


def selector(all_labels: Mapping[str, str]) -> dict[str, str]:
    """Pick the labels that never change in an object's life: selectors are immutable."""
    return {key: all_labels[key] for key in (NAME_LABEL, "app.kubernetes.io/instance")}


def text_of(value: str | int | float | bool) -> str:
    """Write a value as the chart's templates do: 5 and not 5.0, true and not True."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def env_value(name: str, value: str | int | float | bool) -> dict[str, Any]:
    return {"name": name, "value": text_of(value)}


def env_secret(name: str, secret: str, key: str, *, optional: bool = False) -> dict[str, Any]:
    reference: dict[str, Any] = {"name": secret, "key": key}
    return {"name": name, "valueFrom": {"secretKeyRef": reference | ({"optional": True} if optional else {})}}


def env_field(name: str, path: str) -> dict[str, Any]:
    """Give a variable what Kubernetes knows about the pod."""
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def merged_env(*layers: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Lay environments over each other, the last one wins; HOST and ports first, as arguments refer to them."""
    by_name = {str(entry["name"]): dict(entry) for layer in layers for entry in layer}
    return list(by_name.values())


def http_probes(port: str = "http") -> dict[str, Any]:
    """Ask /livez whether to restart and /readyz whether to send traffic; a start may wait five minutes for others."""
    return {
        "startupProbe": {"httpGet": {"path": "/livez", "port": port}, "periodSeconds": 2, "failureThreshold": 150},
        "livenessProbe": {
            "httpGet": {"path": "/livez", "port": port},
            "periodSeconds": 10,
            "timeoutSeconds": 3,
            "failureThreshold": 6,
        },
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": port}, "periodSeconds": 5, "timeoutSeconds": 3},
    }


def container(
    name: str,
    *,
    image: str,
    pull_policy: str,
    command: list[str],
    env: list[dict[str, Any]],
    ports: Mapping[str, int],
    resources: Mapping[str, Any],
    mounts: Mapping[str, str],
    probes: Mapping[str, Any],
    args: list[str] | None = None,
) -> dict[str, Any]:
    """Describe one hardened container; `mounts` maps a volume to its path, /tmp is always writable."""
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": pull_policy,
        "command": command,
        **({"args": args} if args else {}),
        "env": env,
        **({"ports": [{"name": n, "containerPort": number} for n, number in ports.items()]} if ports else {}),
        **({"resources": dict(resources)} if resources else {}),
        **probes,
        **({"lifecycle": {"preStop": {"sleep": {"seconds": PRE_STOP_SECS}}}} if probes else {}),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": volume, "mountPath": path} for volume, path in mounts.items()]
        + [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 — a path inside the container
    }


def pod_spec(
    main: Mapping[str, Any], *, volumes: Iterable[Mapping[str, Any]], service_account: str, **more: Any
) -> dict[str, Any]:
    """Describe a pod that is not root, speaks to no Kubernetes API and gets the time to stop in order."""
    return {
        "serviceAccountName": service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": TERMINATION_GRACE_SECS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER_ID,
            "runAsGroup": USER_ID,
            "fsGroup": USER_ID,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [dict(main)],
        "volumes": [*map(dict, volumes), {"name": "tmp", "emptyDir": {}}],
        **{key: value for key, value in more.items() if value},
    }


def service(
    name: str, *, metadata: Mapping[str, Any], selects: Mapping[str, str], ports: Mapping[str, int]
) -> Manifest:
    """Describe the stable address of a program; target ports go by name."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {**metadata, "name": name},
        "spec": {
            "type": "ClusterIP",
            "selector": dict(selects),
            "ports": [{"name": n, "port": number, "targetPort": n} for n, number in ports.items()],
        },
    }


def sorted_objects(objects: Iterable[Manifest]) -> list[Manifest]:
    """Order by what others need first, then kind and name: the same input gives the same text."""
    order = (
        *("ServiceAccount", "Secret", "ConfigMap", "NetworkPolicy", "PodDisruptionBudget", "Service"),
        *("Job", "StatefulSet", "Deployment", "CronJob"),
    )
    return sorted(objects, key=lambda o: (order.index(o["kind"]), o["metadata"]["name"]))
