"""A real Kubernetes control plane for tests: etcd, kube-apiserver, kube-controller-manager; no node, no root."""

from __future__ import annotations

import fcntl
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scripts.cluster.binaries import binary, go_is_there
from tests.support.cluster_access import ROOT, ClusterAccess
from tests.support.control_plane_keeper import DOOR, LEAVE, OK, loopback_plane

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")
PORTS = range(22000, 30000)  # below those that the kernel gives to clients: a free one stays free until it is bound
DOOR_WITHIN_SECS = 20.0
ANSWER_WITHIN_SECS = 90.0


class ControlPlane(ClusterAccess):
    """A running control plane. Pods are created and never run: there is no node."""

    def __init__(self, folder: Path, run: Path, port: int, keeper: socket.socket) -> None:
        plane = loopback_plane(folder, run, port)
        super().__init__(folder, url=plane.url, ca=plane.authority.certificate, admin=plane.admin)
        self.logs = folder
        self._keeper = keeper

    def restart_api_server(self) -> None:
        """Kill the API server and return when a new one serves the same data; other users meet the gap, too."""
        self._ask("restart-api-server")

    def stop_api_server(self) -> None:
        """Kill the API server: connections are refused until `start_api_server`."""
        self._ask("stop-api-server")

    def start_api_server(self) -> None:
        self._ask("start-api-server")

    def _ask(self, line: str) -> None:
        self._keeper.sendall(f"{line}\n".encode())
        _expect_ok(self._keeper)


@contextmanager
def running_control_plane(folder: Path, *, controllers: bool = True) -> Iterator[ControlPlane]:
    """Use the control plane of `folder`: the first starts it, the last ends it, and so does every user's death.

    It belongs to nobody else while `folder` is the caller's own; that one may be stopped and restarted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run, port, keeper = _join(folder) or _start(folder, controllers)
    try:
        yield ControlPlane(folder / run.name, run, port, keeper)
        keeper.sendall(f"{LEAVE}\n".encode())
        while keeper.recv(1024):  # until all is gone, where no one else uses it
            pass
    finally:
        keeper.close()


def _join(folder: Path) -> tuple[Path, int, socket.socket] | None:
    """Connect to what another process has started; None where there is nothing, or it is just ending."""
    place = folder / "place"
    if not place.exists():
        return None
    run, port = place.read_text().split()
    keeper = _knock(Path(run))
    if keeper is None:
        return None
    try:
        _expect_ok(keeper)
    except (RuntimeError, OSError):
        keeper.close()
        return None
    return Path(run), int(port), keeper


def _start(folder: Path, controllers: bool) -> tuple[Path, int, socket.socket]:
    """Start a keeper; it outlives this process only while others use it."""
    run = Path(tempfile.mkdtemp(prefix="jennie-kube-"))  # short: sockets live in it
    state = folder / run.name
    state.mkdir(mode=0o700)
    port = _free_port()
    command = [sys.executable, "-m", "tests.support.control_plane_keeper", str(state), str(run), str(port)]
    command += ["controllers"] if controllers else ["alone"]
    with (state / "keeper.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    deadline = time.monotonic() + DOOR_WITHIN_SECS
    while (keeper := _knock(run)) is None:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the control plane's keeper did not start: {(state / 'keeper.log').read_text()}")
        time.sleep(0.02)
    _expect_ok(keeper)
    (folder / "place").write_text(f"{run} {port}")
    return run, port, keeper


def _knock(run: Path) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(run / DOOR))
    except OSError:
        connection.close()
        return None
    return connection


def _expect_ok(keeper: socket.socket) -> None:
    """Read the keeper's answer; what it complains of is an error here."""
    keeper.settimeout(ANSWER_WITHIN_SECS)
    with keeper.makefile("rb") as answers:
        answer = answers.readline()
    if answer != OK:
        raise RuntimeError(f"the control plane does not run: {answer.decode() or 'its keeper has ended'}")


def _free_port() -> int:
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def build_programs() -> None:
    """Build what a control plane needs, outside of any test's time limit; without Go, skip, and fail in CI."""
    if not go_is_there() and not os.environ.get("CI"):
        pytest.skip(
            "NO GO IN PATH: the operator's tests need it to build a Kubernetes API server", allow_module_level=True
        )
    for name in PROGRAMS:
        binary(name)
