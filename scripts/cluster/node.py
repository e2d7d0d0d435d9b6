"""A whole Kubernetes node on this machine, beside whatever else runs here, as root."""

import fcntl
import json
import os
import shutil
import socket
import sys
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from scripts.cluster import cgroups, mounts, network, node_files, oci
from scripts.cluster.binaries import binary
from scripts.cluster.daemons import Daemon, owners
from scripts.cluster.images import REGISTRY, STORES, Builder, Image, release_tag
from scripts.cluster.packages import NODE as PACKAGES
from scripts.cluster.packages import find, require
from scripts.cluster.place import NODE, NODE_HOST, Place
from scripts.cluster.progress import step
from scripts.cluster.shell import CommandError, run

MANIFESTS = Path(__file__).resolve().parent / "manifests"
VOLUMES = Path("/tmp/hostpath_pv")  # noqa: S108 — kube-controller-manager knows no other folder
PROGRAMS = (
    *("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"),
    *("kubelet", "kube-proxy", "coredns", "pause"),
)
# By kubelet and containerd, wherever they were told to keep their state; the inner ones first.
MADE_UNASKED = tuple(
    Path(name)
    for name in (
        *("/var/lib/kubelet/device-plugins", "/var/lib/kubelet", "/var/log/containers", "/var/log/pods"),
        *("/var/lib/cni/results", "/var/lib/cni", "/run/containerd/s", "/run/containerd"),
    )
)
STEP_WITHIN_SECS = 120.0
LOOK_EVERY_SECS = 0.1
LOG_TAIL = 1500
LONGEST_PATH = 107  # of a socket, in bytes


class NodeError(RuntimeError):
    """Raised when a node cannot be brought up or down here, with what a person can do."""


class Node:
    """Bring the node of a place up and down; both may be said again at any time, also after a crash."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._daemons = place.daemons()

    def up(self, *, gpu_nodes: int = 0) -> bool:
        """Start whatever does not run yet; False when there was nothing to do."""
        self._check_place()
        require(PACKAGES)
        for name in PROGRAMS:
            binary(name)
        with _locked(self._place):
            changed = self._start_control_plane()
            changed |= self._start_node()
            self._add_gpu_nodes(gpu_nodes)
            self._link_programs()
        return changed

    def _link_programs(self) -> None:
        """Give kubectl and helm, which a person types, their plain names."""
        self._place.programs.mkdir(exist_ok=True)
        for name in ("kubectl", "helm"):
            link = self._place.programs / name
            link.unlink(missing_ok=True)
            link.symlink_to(binary(name))

    def down(self) -> list[str]:
        """End and remove everything, and return what is left nevertheless; programs and images stay in the cache."""
        if os.geteuid() != 0:
            raise NodeError("a node is ended by root: sudo make cluster-down")
        self._check_owner()
        with _locked(self._place):
            self._daemons.end_everything()
            cgroups.remove()
            mounts.remove_below(self._place.run)
            mounts.remove_below(self._place.state)
            network.remove(self._place)
            self._remove_files()
        return self.traces()

    def traces(self) -> list[str]:
        """Name what is there of the node: nothing after `down`."""
        found = [f"the program {name}" for name in self._daemons.running()]
        found += [f"the mount {mount}" for folder in self._folders() for mount in mounts.below(folder)]
        found += [f"the folder {folder}" for folder in self._folders() if folder.exists()]
        found += [f"the link {VOLUMES}"] if VOLUMES.is_symlink() else []
        return found + cgroups.traces() + network.traces()

    def status(self) -> list[str]:
        """Say what runs, and what the cluster says of itself."""
        running = self._daemons.running()
        if not running:
            return ["no node runs here"]
        nodes = self.kubectl("get", "nodes", "-o", "wide", check=False)
        return [
            f"running: {', '.join(running)}",
            f"KUBECONFIG={self._place.kubeconfig}",
            f"PATH={self._place.programs}:$PATH",
            *nodes.splitlines(),
        ]

    def kubectl(self, *arguments: str, input: str | None = None, check: bool = True) -> str:
        environment = {**os.environ, "KUBECONFIG": str(self._place.kubeconfig)}
        return run(binary("kubectl"), *arguments, input=input, check=check, env=environment)

    def images(self, names: Iterable[str], base: str | None) -> list[Image]:
        """Build what changed and give the node what it lacks; without a running node only build."""
        builder = Builder(base)
        built = builder.build(names)
        if not self._daemons.is_running("containerd"):
            return built
        there = set(self._ctr("images", "list", "-q").split())
        if lacking := [image for image in built if image.reference not in there]:
            with step(f"giving the node {len(lacking)} images"), builder.archive(lacking) as archive:
                self.load(archive)
        tag = release_tag(built)
        for image in built:
            if image.name not in STORES:
                self._ctr("images", "tag", "--force", image.reference, f"{REGISTRY}/{image.name}:{tag}")
        return built

    def load(self, archive: Path) -> None:
        """Give the node what is in an OCI archive."""
        self._ctr("images", "import", str(archive))

    def _ctr(self, *arguments: str) -> str:
        return run("ctr", "--address", self._place.containerd_socket, "-n", "k8s.io", *arguments)

    def _start_control_plane(self) -> bool:
        plane = self._place.plane()
        for folder in (self._place.state, self._place.run):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        network.prepare(self._place)
        self._prepare_volumes()
        plane.admin_kubeconfig()
        changed = self._started("etcd", plane.etcd())
        changed |= self._started("kube-apiserver", plane.api_server())
        self._wait("kube-apiserver", lambda: self.kubectl("get", "--raw", "/readyz", check=False) == "ok")
        manager = plane.controller_manager(
            "--enable-hostpath-provisioner=true",
            # One node whose kubelet comes and goes with it, and nodes that are only played: none of them goes silent.
            "--node-monitor-grace-period=24h",
        )
        changed |= self._started("kube-controller-manager", manager)
        changed |= self._started("kube-scheduler", plane.scheduler())
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(MANIFESTS / "base.yaml"))
        return changed

    def _start_node(self) -> bool:
        place, plane = self._place, self._place.plane()
        config = node_files.containerd(place)
        changed = self._started("containerd", [_found("containerd"), "--config", str(config)], config)
        self._wait("containerd", lambda: self._ctr("version") if place.containerd_socket.exists() else "")
        if node_files.PAUSE_IMAGE not in self._ctr("images", "list", "-q").split():
            self.load(pause_archive(place))
        cgroups.make()
        identity = plane.kubeconfig("kubelet", f"system:node:{NODE}", ("system:nodes",))
        config = node_files.kubelet(place)
        kubelet = [
            str(binary("kubelet")),
            f"--config={config}",
            f"--kubeconfig={identity}",
            f"--root-dir={place.kubelet}",
            f"--hostname-override={NODE}",
            f"--node-ip={NODE_HOST}",
        ]
        changed |= self._started("kubelet", kubelet, config)
        config = node_files.kube_proxy(place, masquerade_all=not network.passes_iptables_between_pods())
        proxy = [str(binary("kube-proxy")), f"--config={config}", f"--hostname-override={NODE}"]
        changed |= self._started("kube-proxy", proxy, config)
        config = node_files.core_dns(place)
        changed |= self._started("coredns", [str(binary("coredns")), "-conf", str(config)], config)
        ready = ("get", "node", NODE, "-o", "jsonpath={.status.conditions[?(@.type=='Ready')].status}")
        self._wait("kubelet", lambda: self.kubectl(*ready, check=False) == "True")
        self._wait("coredns", _dns_answers)
        return changed

    def _prepare_volumes(self) -> None:
        """Have claims' folders in our own: they go with it."""
        self._place.volumes.mkdir(parents=True, exist_ok=True)
        if VOLUMES.is_symlink() and VOLUMES.readlink() != self._place.volumes:
            VOLUMES.unlink()
        if not VOLUMES.exists():
            VOLUMES.symlink_to(self._place.volumes)
        elif not VOLUMES.is_symlink():
            raise NodeError(f"{VOLUMES} is somebody else's folder; the node needs that name")
        program = Path(__file__).resolve().parent / "volumes.py"
        self._started("volumes", [sys.executable, "-S", "-E", str(program), str(self._place.volumes)], program)

    def _add_gpu_nodes(self, count: int) -> None:
        """Play nodes with a GPU: pods are placed on them and stay there unstarted, for there is no machine behind."""
        for number in range(count):
            manifest = json.dumps(gpu_node(f"gpu-{number}"))
            self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=manifest)
            self.kubectl(
                "apply", "--server-side", "--force-conflicts", "--subresource=status", "-f", "-", input=manifest
            )

    def _started(self, name: str, command: list[str], *files: Path) -> bool:
        return self._daemons.start(Daemon(name, command, files=files))

    def _wait(self, name: str, is_ready: Callable[[], object]) -> None:
        """Wait for a program's answer; say what its log says when it ends or takes too long."""
        deadline = time.monotonic() + STEP_WITHIN_SECS
        while True:
            with suppress(CommandError):
                if is_ready():
                    return
            ended = not self._daemons.is_running(name)
            if ended or time.monotonic() > deadline:
                said = self._daemons.log(name).read_text(errors="replace")[-LOG_TAIL:]
                raise NodeError(f"{name} {'ended' if ended else 'was not ready in time'}; its log ends:\n{said}")
            time.sleep(LOOK_EVERY_SECS)

    def _check_place(self) -> None:
        if os.geteuid() != 0:
            raise NodeError("a node needs root: sudo make cluster; the operator's tests (make test) need none")
        self._check_owner()
        longest = self._place.kubelet / "plugins_registry" / "0123456789"
        if len(os.fsencode(longest)) > LONGEST_PATH:
            raise NodeError(f"this checkout's path is too long for sockets ({longest}); move it up")

    def _check_owner(self) -> None:
        if others := owners() - {str(self._place.state)}:
            raise NodeError(f"a node of {', '.join(sorted(others))} runs here; one a machine: end it there")

    def _folders(self) -> tuple[Path, ...]:
        return self._place.run, self._place.state

    def _remove_files(self) -> None:
        """Remove the state, and what kubelet and containerd put elsewhere whatever they are told."""
        if VOLUMES.is_symlink():
            VOLUMES.unlink()
        for link in Path("/var/log/containers").glob("*.log"):
            if link.is_symlink() and link.readlink().is_relative_to(self._place.logs):
                link.unlink()
        for shim in Path("/run/containerd/s").glob("*"):
            if not _somebody_listens(shim):
                shim.unlink()
        for folder in self._folders():
            shutil.rmtree(folder, ignore_errors=True)
        for name in ("kubelet.sock", "kubelet_internal_checkpoint"):
            (MADE_UNASKED[0] / name).unlink(missing_ok=True)
        for folder in MADE_UNASKED:
            with suppress(OSError):  # not there, or somebody else's, too
                folder.rmdir()


def gpu_node(name: str) -> dict[str, Any]:
    """Describe a node with one GPU that takes only pods which say so."""
    room = {"cpu": "16", "memory": "128Gi", "ephemeral-storage": "200Gi", "pods": "110", "nvidia.com/gpu": "1"}
    ready = {"type": "Ready", "status": "True", "reason": "Played", "message": "no machine is behind this node"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "nvidia.com/gpu.present": "true",
            },
        },
        "spec": {"taints": [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]},
        "status": {"capacity": room, "allocatable": room, "conditions": [ready]},
    }


def pause_archive(place: Place) -> Path:
    """Make the image that holds a pod's namespaces."""
    archive = place.state / "pause.tar"
    layer = place.state / "pause-layer.tar"
    with tarfile.open(layer, "w") as tar:
        tar.add(binary("pause"), "pause")
    oci.write_archive(archive, node_files.PAUSE_IMAGE, layer, {"Entrypoint": ["/pause"], "User": "65535:65535"})
    layer.unlink()
    return archive


def _found(program: str) -> str:
    path = find(program)
    if path is None:
        raise NodeError(f"{program} is not installed")
    return path


def _dns_answers() -> bool:
    """Ask CoreDNS, over TCP, whether it takes connections."""
    with suppress(OSError), socket.create_connection((NODE_HOST, 53), timeout=1):
        return True
    return False


def _somebody_listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


@contextmanager
def _locked(place: Place) -> Iterator[None]:
    """Let one command at a time change the node; the lock is outside of what `down` removes."""
    with Path(f"{place.run}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
