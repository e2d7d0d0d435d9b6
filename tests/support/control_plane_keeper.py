"""Keep etcd, an API server and the controllers running for as long as somebody is connected.

A program of its own, so that however the tests end — killed, too — the kernel closes their connection and this ends
what they started. Dies this program itself, the kernel kills what it started.
"""

from __future__ import annotations

import ctypes
import json
import os
import selectors
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from scripts.cluster.control_plane import ControlPlane

FIRST_CONNECTION_WITHIN_SECS = 30.0
READY_WITHIN_SECS = 60.0
LOOK_EVERY_SECS = 0.05
LOG_TAIL = 2_000
OK = b"ok\n"
LEAVE = "leave"
DOOR = "keeper.sock"
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Keeper:
    """The three programs of a control plane, started and killed by name."""

    def __init__(self, plane: ControlPlane, *, controllers: bool) -> None:
        self._plane = plane
        self._controllers = controllers
        self.is_wanted: Callable[[], bool] = lambda: True  # false: whoever waits for a start is gone
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._tls = ssl.create_default_context(cafile=str(plane.authority.certificate))
        self._tls.load_cert_chain(plane.admin.certificate, plane.admin.key)

    def start(self) -> None:
        self._spawn("etcd", self._plane.etcd())
        # An API server that finds no store comes back to it a second later, with each of its hundred connections.
        self._wait("etcd", (self._plane.run / "etcd.sock").exists)
        self.start_api_server()
        if self._controllers:
            self._spawn("controllers", self._plane.controller_manager("--controllers=*,-bootstrap-signer-controller"))

    def start_api_server(self) -> None:
        self._spawn("api-server", self._plane.api_server())
        self._wait("api-server", self._is_ready)

    def stop_api_server(self) -> None:
        self._kill("api-server")

    def restart_api_server(self) -> None:
        """End it as a crash does and return when it serves again."""
        self.stop_api_server()
        self.start_api_server()

    def stop(self) -> None:
        for name in list(self._running):
            self._kill(name)

    def _spawn(self, name: str, command: list[str]) -> None:
        with (self._plane.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=_die_with(os.getpid())
            )

    def _kill(self, name: str) -> None:
        process = self._running.pop(name, None)
        if process is not None:
            process.kill()
            process.wait()

    def _wait(self, waited_for: str, is_ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_WITHIN_SECS
        while not is_ready():
            for name, process in self._running.items():
                if process.poll() is not None:
                    raise RuntimeError(f"{name} ended with {process.returncode}: {self._log(name)}")
            if not self.is_wanted() or time.monotonic() > deadline:
                raise RuntimeError(f"{waited_for} was not ready in time: {self._log(waited_for)}")
            time.sleep(LOOK_EVERY_SECS)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._plane.url}/readyz", timeout=2, context=self._tls) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except OSError:  # refused, reset, 500 while its hooks run
            return False

    def _log(self, name: str) -> str:
        return (self._plane.folder / f"{name}.log").read_text(errors="replace")[-LOG_TAIL:]


def keep(keeper: Keeper, door: socket.socket) -> None:
    """Start, answer `ok` to whoever connects, obey their lines, and end with the last of them."""
    obey: dict[str, Callable[[], None]] = {
        "stop-api-server": keeper.stop_api_server,
        "start-api-server": keeper.start_api_server,
        "restart-api-server": keeper.restart_api_server,
    }
    door.settimeout(FIRST_CONNECTION_WITHIN_SECS)
    first, _ = door.accept()
    keeper.is_wanted = lambda: not _has_left(first)
    started = _tried(keeper.start)
    _answer(first, started)
    if started != OK:
        return
    guests = selectors.DefaultSelector()
    guests.register(door, selectors.EVENT_READ, None)
    guests.register(first, selectors.EVENT_READ, first)
    while len(guests.get_map()) > 1:
        for key, _ in guests.select():
            guest: socket.socket | None = key.data
            if guest is None:
                guest, _ = door.accept()
                guests.register(guest, selectors.EVENT_READ, guest)
                _answer(guest, OK)
            elif (line := _received(guest)) and line != LEAVE:
                keeper.is_wanted = lambda guest=guest: not _has_left(guest)  # type: ignore[misc]
                _answer(guest, _tried(obey[line]))
            else:
                guests.unregister(guest)
                if len(guests.get_map()) == 1:
                    keeper.stop()  # before the last one's connection ends: who leaves knows that all is gone
                guest.close()


def _tried(work: Callable[[], None]) -> bytes:
    try:
        work()
    except (RuntimeError, OSError) as error:
        return json.dumps(str(error)).encode() + b"\n"
    return OK


def _answer(guest: socket.socket, line: bytes) -> None:
    with suppress(OSError):  # one that is gone is noticed when it is read next
        guest.sendall(line)


def _received(guest: socket.socket) -> str:
    try:
        return guest.recv(1024).decode().strip()
    except ConnectionError:
        return ""


def _has_left(guest: socket.socket) -> bool:
    try:
        return guest.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def _die_with(parent: int) -> Callable[[], None]:
    def prepare() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(0)

    return prepare


def main(folder: Path, run: Path, port: int, controllers: bool) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    door = socket.socket(socket.AF_UNIX)
    door.bind(str(run / "being-made"))
    door.listen()
    (run / "being-made").rename(run / DOOR)
    plane = loopback_plane(folder, run, port)
    plane.admin_kubeconfig()
    keeper = Keeper(plane, controllers=controllers)
    try:
        keep(keeper, door)
    finally:
        keeper.stop()
        shutil.rmtree(run, ignore_errors=True)
        shutil.rmtree(folder / "etcd", ignore_errors=True)  # its logs stay, its 64 MiB do not


def loopback_plane(folder: Path, run: Path, port: int) -> ControlPlane:
    """Describe a control plane that only this machine reaches; no pod will ever look for it."""
    return ControlPlane(folder, run, host="127.0.0.1", port=port, advertised="10.244.0.1", publishes_itself=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "controllers")
