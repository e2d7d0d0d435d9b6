"""The chart in a namespace of a cluster: installed with Helm, looked at and reached from outside."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from scripts.cluster.binaries import binary
from scripts.cluster.place import ROOT
from scripts.cluster.progress import tell
from scripts.cluster.shell import CommandError, run

CHART = ROOT / "charts" / "prime-jennie"
RELEASE = "prime-jennie"
LOOK_SECS = 1.0
FAST = ("--qps", "100", "--burst-limit", "500")  # five requests a second would take a minute
REACHED_WITHIN_SECS = 30.0


class NotReadyError(RuntimeError):
    """Raised when something does not become what it should in time, with what stands against it."""


class Installation:
    """One release; `kubeconfig` None: the current one."""

    def __init__(self, namespace: str, kubeconfig: Path | None) -> None:
        self.namespace = namespace
        self._environment = {**os.environ, **({"KUBECONFIG": str(kubeconfig)} if kubeconfig else {})}

    def kubectl(self, *arguments: str, input: str | None = None, check: bool = True) -> str:
        return run(
            *(binary("kubectl"), "--namespace", self.namespace, *arguments),
            input=input,
            check=check,
            env=self._environment,
        )

    def get(self, *what: str) -> Any:
        """Return what kubectl finds, as JSON."""
        return json.loads(self.kubectl("get", *what, "--output", "json"))

    def helm(self, *arguments: str | Path, values: Mapping[str, Any] | None = None, check: bool = True) -> str:
        """Run Helm; `values` win over all files."""
        return run(
            *(binary("helm"), "--namespace", self.namespace, *FAST, *arguments),
            *(("--values", "-") if values is not None else ()),
            input=None if values is None else json.dumps(values),
            check=check,
            env=self._environment,
        )

    def install(self, *files: Path, values: Mapping[str, Any], verb: str = "install") -> str:
        """Install or upgrade and return Helm's notes; the kinds stay whose they are."""
        owner = self.kubectl(
            *("get", "crd", "tradingstrategies.trading.prime-jennie.io", "--ignore-not-found"),
            *("--output", "jsonpath={.metadata.annotations.meta\\.helm\\.sh/release-namespace}"),
        )
        others = {} if owner in ("", self.namespace) else {"crds": {"enabled": False}}
        given = [part for file in files for part in ("--values", file)]
        return self.helm(verb, RELEASE, CHART, *given, values={**values, **others})

    def remove(self) -> None:
        """Take everything of it away, volumes too, whatever it holds: for an exchange of our own only."""
        self.helm("uninstall", RELEASE, "--no-hooks", "--ignore-not-found", "--wait")
        self.kubectl("delete", "namespace", self.namespace, "--ignore-not-found", "--wait")

    def wait_for_pods(self, within_secs: float, selector: str = "") -> None:
        """Wait until every pod is ready or done; NotReadyError says which is not, and why."""
        deadline = time.monotonic() + within_secs
        while True:
            pods = self.get("pods", *(("--selector", selector) if selector else ()))["items"]
            waiting = [why for pod in pods if (why := why_not_ready(pod))]
            if pods and not waiting and not self._awaited():
                tell("")
                return
            if time.monotonic() > deadline:
                raise NotReadyError(f"not ready within {within_secs:.0f} s: {'; '.join(waiting) or 'no pod at all'}")
            tell(f"{len(pods) - len(waiting)} of {len(pods)} pods ready; waiting for {', '.join(waiting)[:120]}")
            time.sleep(LOOK_SECS)

    def wait_for(self, *condition: str, within_secs: float) -> None:
        """Wait as `kubectl wait` does."""
        self.kubectl("wait", *condition, f"--timeout={within_secs:.0f}s")

    def secret(self, name: str) -> dict[str, str]:
        return {key: base64.b64decode(text).decode() for key, text in self.get("secret", name)["data"].items()}

    @contextmanager
    def reached(self, *ports: tuple[str, int]) -> Iterator[dict[str, str]]:
        """Reach Services from here, as `127.0.0.1:PORT` by name, also after their pods were replaced."""
        with ExitStack() as stack:
            yield {service: stack.enter_context(self._forwarded(service, port)) for service, port in ports}

    @contextmanager
    def _forwarded(self, service: str, port: int) -> Iterator[str]:
        local, over = free_port(), threading.Event()
        keeper = threading.Thread(target=self._keep_forwarding, args=(service, f"{local}:{port}", over), daemon=True)
        keeper.start()
        try:
            wait_for_port(local, f"service {service}")
            yield f"127.0.0.1:{local}"
        finally:
            over.set()
            keeper.join()

    def _keep_forwarding(self, service: str, ports: str, over: threading.Event) -> None:
        """Begin again whenever it ends: it ends with the pod."""
        command = [str(binary("kubectl")), "-n", self.namespace, "port-forward", f"service/{service}", ports]
        while not over.is_set():
            forward = subprocess.Popen(  # noqa: S603
                command, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            while not over.is_set() and forward.poll() is None:
                over.wait(0.2)
            forward.terminate()
            forward.wait()
            over.wait(0.2)

    @contextmanager
    def proxied(self) -> Iterator[str]:
        """Give the base URL of the API server's way to Services: `URL/SERVICE:PORT/proxy/PATH`."""
        local = free_port()
        proxy = subprocess.Popen(  # noqa: S603
            [str(binary("kubectl")), "proxy", f"--port={local}"],
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for_port(local, "kubectl proxy")
            yield f"http://127.0.0.1:{local}/api/v1/namespaces/{self.namespace}/services"
        finally:
            proxy.terminate()
            proxy.wait()

    def _awaited(self) -> bool:
        """Tell whether a workload has fewer pods than it wants."""
        found = self.get("deployments,statefulsets")["items"]
        return any(one["spec"].get("replicas", 1) > one["status"].get("readyReplicas", 0) for one in found)


def why_not_ready(pod: Mapping[str, Any]) -> str:
    """Say in a few words why a pod is not ready; "" for one that is, or that has done its work."""
    name, status = pod["metadata"]["name"], pod["status"]
    if status.get("phase") == "Succeeded":
        return ""
    if any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", ())):
        return "" if "deletionTimestamp" not in pod["metadata"] else f"{name} (leaving)"
    problems = [c.get("message", "") for c in status.get("conditions", ()) if c.get("reason") == "Unschedulable"]
    states = [one["state"] for one in _containers(status)]
    problems += [state["waiting"].get("reason", "") for state in states if "waiting" in state]
    problems += [f"exited with {state['terminated']['exitCode']}" for state in states if "terminated" in state]
    return f"{name} ({', '.join(filter(None, problems)) or status.get('phase', 'unknown')})"


def _containers(status: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(port: int, what: str) -> None:
    """Wait until something listens."""
    deadline = time.monotonic() + REACHED_WITHIN_SECS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise CommandError(f"{what} is not reached within {REACHED_WITHIN_SECS:.0f} s") from None
            time.sleep(0.1)
        else:
            return
