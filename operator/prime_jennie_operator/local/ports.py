"""Which port each process listens on: the seeds' one when it is free, else a free one near it."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from itertools import chain

from prime_jennie_operator.local.errors import BadObjects, PortInUse
from prime_jennie_operator.local.workloads import Workload

LOOPBACK = "127.0.0.1"
# Below Linux's default range for outgoing connections (32768 up), so that a port stays ours across a restart.
SPARE_PORTS = range(20000, 30000)

PortMap = dict[tuple[str, str], int]


class PortClaims:
    """Ports that this run means to use: another run sees the claim although nothing listens there yet.

    A claim is an abstract Unix socket: it lives in the network namespace as ports do, and ends with the process.
    """

    def __init__(self) -> None:
        self._held: dict[int, socket.socket] = {}

    def take(self, port: int) -> bool:
        """Claim a port that nobody listens on and nobody has claimed."""
        if port in self._held:
            return True
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            claim.bind(f"\0prime-jennie-port-{port}")
        except OSError:
            claim.close()
            return False
        if not is_free(port):
            claim.close()
            return False
        self._held[port] = claim
        return True

    def release(self) -> None:
        for claim in self._held.values():
            claim.close()
        self._held.clear()


def is_free(port: int) -> bool:
    """Try to bind the port on the loopback address."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def allocate(workloads: Iterable[Workload], explicit: Mapping[str, int], taken: PortMap, claims: PortClaims) -> PortMap:
    """Give every (process, port name) a number; ports in `taken` keep theirs.

    `explicit` maps a process, or `process.port` for its other ports, to the number that a person asked for:
    if that one is in use, PortInUse is raised, as silence would let somebody else answer there.
    """
    workloads = list(workloads)
    unknown = set(explicit) - {label for w in workloads for label in _labels(w)}
    if unknown:
        raise BadObjects(f"port {sorted(unknown)[0]}: no process of this name; there are {_names(workloads)}")
    chosen: PortMap = {}
    used = set(taken.values()) | set(explicit.values())
    for workload in workloads:
        for index, port in enumerate(workload.ports):
            key = (workload.name, port.name)
            label = workload.name if index == 0 else f"{workload.name}.{port.name}"
            if key in taken:
                number = taken[key]
            elif label in explicit:
                number = explicit[label]
                if number in taken.values() or number in chosen.values() or not claims.take(number):
                    raise PortInUse(label, number)
            else:
                number = _near(port.preferred, used, claims)
            chosen[key] = number
            used.add(number)
    return chosen


def _near(preferred: int, used: set[int], claims: PortClaims) -> int:
    for number in chain((preferred, preferred + 10000), SPARE_PORTS):
        if number not in used and claims.take(number):
            return number
    raise BadObjects(f"port {preferred}: no free port is left on {LOOPBACK}")


def _labels(workload: Workload) -> list[str]:
    return [workload.name if i == 0 else f"{workload.name}.{p.name}" for i, p in enumerate(workload.ports)]


def _names(workloads: list[Workload]) -> str:
    return ", ".join(sorted(label for w in workloads for label in _labels(w)))
