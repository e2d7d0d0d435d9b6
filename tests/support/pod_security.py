"""Kubernetes' pod security standard `restricted`, as its documentation lists it."""

from __future__ import annotations

from collections.abc import Iterator

from prime_jennie_operator.manifest import Manifest

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
HOST_FIELDS = ("hostNetwork", "hostPID", "hostIPC")


def violations(pod: Manifest) -> Iterator[str]:
    """Say what of a pod's spec the standard forbids, and what of ours: a writable root, a token nobody asked for."""
    security = pod.get("securityContext", {})
    if security.get("runAsNonRoot") is not True:
        yield "may run as root"
    if security.get("runAsUser", 1) == 0:
        yield "runs as root"
    if security.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
        yield "has no seccomp profile"
    yield from (f"uses {field}" for field in HOST_FIELDS if pod.get(field))
    for volume in pod.get("volumes", []):
        kinds = volume.keys() - {"name"}
        if not kinds <= VOLUMES:
            yield f"volume {volume['name']} is {kinds}"
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        name, own = container["name"], container.get("securityContext", {})
        if own.get("allowPrivilegeEscalation") is not False:
            yield f"{name} may escalate its privileges"
        if own.get("privileged"):
            yield f"{name} is privileged"
        if own.get("capabilities") != {"drop": ["ALL"]}:
            yield f"{name} keeps capabilities"
        if own.get("readOnlyRootFilesystem") is not True:
            yield f"{name} may write into its image"
        if any("hostPort" in port for port in container.get("ports", [])):
            yield f"{name} takes a port of its node"
    if pod.get("automountServiceAccountToken") is not False:
        yield "mounts its account's token"
