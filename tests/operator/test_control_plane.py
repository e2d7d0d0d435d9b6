"""The suite's own Kubernetes: real, quick to start, and gone whatever becomes of who started it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.cluster_access import ROOT, Refused
from tests.support.control_plane import ControlPlane, running_control_plane

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: idle}
spec:
  replicas: 2
  selector: {matchLabels: {app: idle}}
  template:
    metadata: {labels: {app: idle}}
    spec: {containers: [{name: idle, image: localhost/idle}]}
"""
USER = """
import sys
from pathlib import Path
from tests.support.control_plane import running_control_plane
with running_control_plane(Path(sys.argv[1]), controllers=False) as plane:
    print(plane.url, flush=True)
    sys.stdin.readline()
"""


def wait_until(condition: Callable[[], object], what: str, within_secs: float = 30.0) -> None:
    deadline = time.monotonic() + within_secs
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_secs:g} s: {what}"
        time.sleep(0.05)


def programs_of(folder: Path) -> list[str]:
    """List what runs on a folder's control plane."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if any(str(folder) in argument for argument in line) and process.pid != os.getpid():
            found.append(Path(line[0]).name.split("-v")[0])
    return sorted(found)


@pytest.fixture
def users(tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Two processes that share one control plane; the first has started it."""
    started: list[subprocess.Popen[str]] = []
    try:
        for _ in range(2):
            user = subprocess.Popen(
                [sys.executable, "-c", USER, tmp_path / "shared"],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            started.append(user)
            assert user.stdout is not None
            assert user.stdout.readline().startswith("https://127.0.0.1:")
        yield started
    finally:
        for user in started:
            user.kill()
            user.communicate()


def test_a_deployment_gets_its_pods(control_plane: ControlPlane, namespace: str) -> None:
    control_plane.kubectl("apply", "-n", namespace, "-f", "-", input=DEPLOYMENT)
    pods = f"/api/v1/namespaces/{namespace}/pods"
    wait_until(lambda: len(control_plane.request("GET", pods)["items"]) == 2, "two pods")


def test_our_kinds_are_served(control_plane: ControlPlane, namespace: str) -> None:
    served = control_plane.kubectl("api-resources", "--api-group=trading.prime-jennie.io", "-o", "name").stdout
    assert "tradingstrategies.trading.prime-jennie.io" in served
    assert "scoutschedules.trading.prime-jennie.io" in served


def test_a_service_account_may_do_nothing_unless_it_is_told(control_plane: ControlPlane, namespace: str) -> None:
    account = control_plane.as_service_account(namespace, "default")
    who = control_plane.kubectl("auth", "whoami", "-o", "json", kubeconfig=account).stdout
    assert json.loads(who)["status"]["userInfo"]["username"] == f"system:serviceaccount:{namespace}:default"
    assert "forbidden" in control_plane.kubectl("get", "pods", check=False, kubeconfig=account).stderr.lower()

    somebody = control_plane.impersonating("somebody", ["traders"])
    control_plane.kubectl("create", "role", "looker", "--verb=list", "--resource=pods", "-n", namespace)
    control_plane.kubectl("create", "rolebinding", "lookers", "--role=looker", "--group=traders", "-n", namespace)
    allowed = ("auth", "can-i", "list", "pods", "-n", namespace)
    wait_until(
        lambda: control_plane.kubectl(*allowed, check=False, kubeconfig=somebody).stdout == "yes\n", "the role's right"
    )
    assert control_plane.kubectl("auth", "can-i", "list", "secrets", check=False, kubeconfig=somebody).stdout == "no\n"


def test_a_refusal_says_why(control_plane: ControlPlane, namespace: str) -> None:
    with pytest.raises(Refused) as refusal:
        control_plane.request("GET", f"/api/v1/namespaces/{namespace}/pods/absent")
    assert (refusal.value.code, refusal.value.reason) == (404, "NotFound")
    with pytest.raises(AssertionError, match=r"kubectl get pod absent .*exited with 1: .*not found"):
        control_plane.kubectl("get", "pod", "absent", "-n", namespace)


def test_a_restarted_api_server_has_its_data_and_nothing_is_left_in_the_end(tmp_path: Path) -> None:
    began = time.monotonic()
    with running_control_plane(tmp_path / "own") as plane:
        ready_secs = time.monotonic() - began
        namespace = plane.new_namespace("kept")
        assert programs_of(tmp_path) == ["etcd", "kube-apiserver", "kube-controller-manager", Path(sys.executable).name]
        plane.restart_api_server()
        assert plane.request("GET", f"/api/v1/namespaces/{namespace}")["metadata"]["name"] == "kept"
        plane.stop_api_server()
        with pytest.raises(OSError, match="refused"):
            plane.request("GET", "/readyz")
        plane.start_api_server()
        plane.kubectl("create", "serviceaccount", "again", "-n", namespace)
    wait_until(lambda: programs_of(tmp_path) == [], "nothing is left of it", within_secs=2)
    assert not list(tmp_path.glob("own/*/etcd"))
    assert ready_secs < 60, "a control plane that slow makes the suite useless"


def test_users_share_one_control_plane_and_a_killed_one_leaves_it_to_the_others(
    users: list[subprocess.Popen[str]], tmp_path: Path
) -> None:
    first, second = users
    assert programs_of(tmp_path).count("kube-apiserver") == 1
    first.kill()
    first.wait()
    with running_control_plane(tmp_path / "shared") as third:
        assert third.request("GET", "/readyz")["text"] == "ok"
    assert programs_of(tmp_path).count("kube-apiserver") == 1, "the second one still uses it"
    second.kill()
    second.wait()
    wait_until(lambda: programs_of(tmp_path) == [], "nothing is left of a control plane whose users were killed")


def test_a_killed_keeper_takes_its_programs_along_and_the_next_user_starts_anew(
    users: list[subprocess.Popen[str]], tmp_path: Path
) -> None:
    (keeper,) = (p for p in psutil.process_iter(["cmdline"]) if _keeps(p, tmp_path))
    keeper.send_signal(signal.SIGKILL)
    for user in users:
        user.kill()
        user.wait()
    wait_until(lambda: programs_of(tmp_path) == [], "nothing outlives its keeper")
    with running_control_plane(tmp_path / "shared", controllers=False) as plane:
        assert plane.request("GET", "/readyz")["text"] == "ok"


def _keeps(process: psutil.Process, folder: Path) -> bool:
    line = process.info["cmdline"] or []
    return "tests.support.control_plane_keeper" in line and any(str(folder) in argument for argument in line)


def test_a_control_plane_that_cannot_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.support.control_plane._free_port", lambda: 99999)
    with (
        pytest.raises(RuntimeError, match=r"api-server ended with 1: .*secure-port"),
        running_control_plane(tmp_path / "own", controllers=False),
    ):
        pass
    wait_until(lambda: programs_of(tmp_path) == [], "nothing is left of it", within_secs=2)
