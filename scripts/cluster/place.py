"""Where a node keeps what: its state in the checkout, its sockets and mounts under /run, one node a machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scripts.cluster.control_plane import ControlPlane
from scripts.cluster.daemons import Daemons

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".cluster"
RUN = Path("/run/prime-jennie")  # short: sockets live here, whose paths have at most 107 characters
NODE = "prime-jennie"
BRIDGE = "jennie0"
NODE_HOST = "10.244.0.1"  # the bridge's: pods reach the API server, DNS and the kubelet on it
POD_RANGE = "10.244.0.0/24"
CGROUP = "prime-jennie"
NETWORK = "prime-jennie"  # the pods' network, by which its rules and records are told from others'
API_PORT = 6443


@dataclass(frozen=True)
class Place:
    """The folders of one node."""

    state: Path = STATE
    run: Path = RUN

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def kubeconfig(self) -> Path:
        return self.state / "kubeconfig"

    @property
    def programs(self) -> Path:
        """Return the folder of what a person types, by its plain name."""
        return self.state / "bin"

    @property
    def kubelet(self) -> Path:
        return self.state / "kubelet"

    @property
    def containers(self) -> Path:
        return self.state / "containerd"

    @property
    def containerd_socket(self) -> Path:
        return self.run / "containerd.sock"

    @property
    def volumes(self) -> Path:
        return self.state / "volumes"

    def daemons(self) -> Daemons:
        return Daemons(str(self.state), self.logs)

    def plane(self) -> ControlPlane:
        return ControlPlane(self.state, self.run, host=NODE_HOST, port=API_PORT, advertised=NODE_HOST)
