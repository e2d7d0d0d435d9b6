"""Desired objects read as programs to start: what Kubernetes' kubelet would make of them, on one machine."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from prime_jennie_operator.local.errors import BadObjects
from prime_jennie_operator.manifest import NAME_LABEL, Manifest, labels_of, name_of, of_kind, strategy_of

# host:port inside an address such as http://kis-gateway:8080 or mysql://user@mariadb:3306/jennie
# A container's /tmp is this machine's: a path below it may be a person's, such as a folder of prices.
OWN_TMP = "/tmp"  # noqa: S108
ADDRESS = re.compile(r"(?<=[/@])([a-z][a-z0-9-]*)((?:\.[a-z0-9-]+)*):(\d+)")


@dataclass(frozen=True, slots=True)
class Port:
    name: str
    preferred: int


@dataclass(frozen=True, slots=True)
class SecretRef:
    name: str
    key: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder inside the container: a ConfigMap's files, or space of the process's own."""

    path: str
    kind: Literal["configMap", "space"]
    source: str


@dataclass(frozen=True, slots=True)
class Probe:
    """How to ask a process whether it is ready; `ping` is Redis' own question."""

    kind: Literal["http", "tcp", "ping"]
    port: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Workload:
    """One program: a Deployment or StatefulSet runs until stopped, a Job until it succeeds."""

    name: str
    object_name: str
    component: str
    strategy: str | None
    is_job: bool
    command: tuple[str, ...]
    env: tuple[tuple[str, str | SecretRef], ...]
    ports: tuple[Port, ...]
    mounts: tuple[Mount, ...]
    readiness: Probe | None
    grace_secs: float
    depends_on: frozenset[str]


def read_workloads(manifests: Iterable[Manifest]) -> list[Workload]:
    """Read every Deployment, StatefulSet and Job with a replica, in the order in which they can start.

    A process is called by its program (`buy-scanner`), or by its object (`krx-core-buy-scanner`) where two strategies
    run the same program. It depends on every Service whose address its environment names, and services that use SQL
    on every Job, as Jobs prepare the database.
    """
    manifests = list(manifests)
    owners = [m for m in of_kind(manifests, "Deployment", "StatefulSet", "Job") if m["spec"].get("replicas", 1) > 0]
    programs = Counter(_program(owner) for owner in owners)
    names = {name_of(o): _program(o) if programs[_program(o)] == 1 else name_of(o) for o in owners}
    if len(set(names.values())) < len(owners):
        raise BadObjects("two objects have the same name; names must be unique in one run")
    targets = service_targets(manifests)
    workloads = [_read(owner, names, targets) for owner in owners]
    jobs = frozenset(w.name for w in workloads if w.is_job)
    with_jobs = [w if w.is_job or not _uses_sql(w) else _with_dependencies(w, jobs) for w in workloads]
    return in_start_order(with_jobs)


def service_targets(manifests: Iterable[Manifest]) -> dict[tuple[str, int], tuple[str, str]]:
    """Map (Service, its port) to (object, container port's name) by the Service's selector."""
    manifests = list(manifests)
    owners = of_kind(manifests, "Deployment", "StatefulSet")
    targets: dict[tuple[str, int], tuple[str, str]] = {}
    for service in of_kind(manifests, "Service"):
        selector = service["spec"].get("selector", {})
        for owner in owners:
            labels = owner["spec"]["template"]["metadata"]["labels"]
            if selector and selector.items() <= labels.items():
                for port in service["spec"]["ports"]:
                    target = str(port.get("targetPort", port["name"]))
                    targets[(name_of(service), int(port["port"]))] = (name_of(owner), target)
    return targets


def in_start_order(workloads: Iterable[Workload]) -> list[Workload]:
    """Sort so that what others depend on comes first; keep the given order otherwise; refuse a circle."""
    waiting = list(workloads)
    known = {workload.name for workload in waiting}
    done: list[Workload] = []
    while waiting:
        started = {workload.name for workload in done}
        ready = [w for w in waiting if (w.depends_on & known) <= started]
        if not ready:
            raise BadObjects(f"{', '.join(w.name for w in waiting)}: each waits for another of them")
        done += ready
        waiting = [w for w in waiting if w not in ready]
    return done


def _read(owner: Manifest, names: Mapping[str, str], targets: Mapping[tuple[str, int], tuple[str, str]]) -> Workload:
    pod = owner["spec"]["template"]["spec"]
    container = pod["containers"][0]
    env = tuple((entry["name"], _env_value(entry)) for entry in container.get("env", []))
    # A list of addresses is whom a workload looks at, one address whom it cannot do without.
    alone = [value for variable, value in env if isinstance(value, str) and not variable.endswith("_URLS")]
    addresses = [match for value in alone for match in ADDRESS.finditer(value)]
    needed = {targets.get((m[1], int(m[3])), (None, ""))[0] for m in addresses} - {None, name_of(owner)}
    return Workload(
        name=names[name_of(owner)],
        object_name=name_of(owner),
        component=_program(owner),
        strategy=strategy_of(owner),
        is_job=owner["kind"] == "Job",
        command=(*container.get("command", ()), *container.get("args", ())),
        env=env,
        ports=tuple(Port(p["name"], int(p["containerPort"])) for p in container.get("ports", [])),
        mounts=tuple(_mounts(pod, container, owner["spec"].get("volumeClaimTemplates", []))),
        readiness=_probe(container.get("readinessProbe")),
        grace_secs=float(pod.get("terminationGracePeriodSeconds", 30)),
        depends_on=frozenset(names[n] for n in needed if n is not None),
    )


def _program(owner: Manifest) -> str:
    return labels_of(owner).get(NAME_LABEL, name_of(owner))


def _env_value(entry: Mapping[str, Any]) -> str | SecretRef:
    if "valueFrom" not in entry:
        return str(entry.get("value", ""))
    ref = entry["valueFrom"].get("secretKeyRef")
    if ref is None:
        raise BadObjects(f"env {entry['name']}: only secretKeyRef can be resolved without a cluster")
    return SecretRef(ref["name"], ref["key"], bool(ref.get("optional", False)))


def _mounts(pod: Manifest, container: Manifest, claims: list[Manifest]) -> Iterable[Mount]:
    volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
    spaces = {name_of(claim) for claim in claims}
    for mount in container.get("volumeMounts", []):
        if mount["mountPath"] == OWN_TMP:
            continue
        volume = volumes.get(mount["name"], {})
        if "configMap" in volume:
            yield Mount(mount["mountPath"], "configMap", volume["configMap"]["name"])
        elif "emptyDir" in volume or mount["name"] in spaces:
            yield Mount(mount["mountPath"], "space", mount["name"])
        else:
            raise BadObjects(f"volume {mount['name']}: only ConfigMaps and own space can be mounted without a cluster")


def _probe(probe: Mapping[str, Any] | None) -> Probe | None:
    if probe is None:
        return None
    if "httpGet" in probe:
        return Probe("http", str(probe["httpGet"]["port"]), probe["httpGet"]["path"])
    if "tcpSocket" in probe:
        return Probe("tcp", str(probe["tcpSocket"]["port"]))
    if probe.get("exec", {}).get("command", [""])[0] == "redis-cli":
        return Probe("ping", "redis")
    raise BadObjects(f"readinessProbe {dict(probe)}: only httpGet, tcpSocket and redis-cli can be asked here")


def _uses_sql(workload: Workload) -> bool:
    return any(name == "DATABASE_URL" for name, _ in workload.env)


def _with_dependencies(workload: Workload, more: frozenset[str]) -> Workload:
    return replace(workload, depends_on=workload.depends_on | more)
