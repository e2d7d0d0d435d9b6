"""Install, upgrade, test and uninstall with Helm on a real control plane; what a node would run, the test runs."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from prime_jennie_operator.installation_test import NAME
from prime_jennie_operator.resources.meta import API_VERSION
from tests.support.chart import CHART, PRESETS, helm, preset, template
from tests.support.control_plane import ControlPlane, running_control_plane
from tests.support.values import REAL_TIME

RELEASE = "prime-jennie"
ROOT = CHART.parents[1]
WITHIN_SECS = 60.0
# Of a namespace itself, and what only tells of the past.
NOT_OURS = {"events", "events.events.k8s.io", "pods.metrics.k8s.io"}
OF_EVERY_NAMESPACE = {"configmap/kube-root-ca.crt", "serviceaccount/default"}


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane that does not know our kinds yet."""
    with running_control_plane(tmp_path_factory.mktemp("bare")) as plane:
        yield plane


@pytest.fixture
def desk(plane: ControlPlane) -> Iterator[str]:
    """A namespace in which the chart is installed with an exchange of its own."""
    name = plane.new_namespace(f"desk-{time.monotonic_ns()}")
    install(plane, name)
    yield name
    helm("uninstall", RELEASE, "-n", name, "--no-hooks", "--ignore-not-found", kubeconfig=plane.kubeconfig)
    plane.drop_namespace(name)


def install(plane: ControlPlane, namespace: str, *verb: str, **values: Any) -> str:
    """Install or upgrade; give Helm's notes. One release of many owns the kinds."""
    owns_kinds = plane.kubectl("get", "crd", "-o", "name").stdout == ""
    return helm(
        *(verb or ("install",)),
        *(RELEASE, str(CHART), "-n", namespace, "-f", str(preset("simulator"))),
        values={"crds": {"enabled": owns_kinds}, **values},
        kubeconfig=plane.kubeconfig,
    ).stdout


def test_every_preset_is_taken_as_a_person_pipes_it(plane: ControlPlane) -> None:
    for name in PRESETS:
        done = plane.kubectl("apply", "--dry-run=server", "-f", "-", input=template(name, namespace="default").stdout)
        assert done.stderr == ""


def test_what_is_installed_is_told_without_secrets(plane: ControlPlane, desk: str) -> None:
    notes = helm("get", "notes", RELEASE, "-n", desk, kubeconfig=plane.kubeconfig).stdout
    assert "helm -n" in notes
    assert "port-forward service/dashboard-api 8090" in notes
    assert "Pods wait for these Secrets" not in notes
    for secret in json.loads(plane.kubectl("get", "secret", "-n", desk, "-o", "json").stdout)["items"]:
        if secret["type"] == "Opaque":
            for key, value in secret["data"].items():
                assert base64.b64decode(value).decode() not in notes or key in ("hts-id", "account-no"), key


def test_secrets_outlive_upgrades_and_a_new_key_joins_the_old(plane: ControlPlane, desk: str) -> None:
    before = secrets(plane, desk)
    plane.kubectl(
        "patch", "secret", RELEASE, "-n", desk, "--type=json", "-p", '[{"op":"remove","path":"/data/read-token"}]'
    )
    install(plane, desk, "upgrade", image={"tag": "0.2.0"})
    after = secrets(plane, desk)
    assert after["prime-jennie"].pop("read-token") != before["prime-jennie"].pop("read-token")
    assert after == before
    migrations = plane.kubectl("get", "job", "-n", desk, "-o", "name").stdout.split()
    assert [name for name in migrations if "migrations-2-" in name] == migrations, "the last revision's alone"


def test_a_persons_own_secret_is_never_touched(plane: ControlPlane) -> None:
    name = plane.new_namespace(f"own-{time.monotonic_ns()}")
    own = ["create", "secret", "generic", "-n", name]
    plane.kubectl(*own, "kis-credentials", "--from-literal=app-key=mine")
    plane.kubectl(*own, "prime-jennie-database", "--from-literal=url=mysql://x", "--from-literal=password=p")
    install(plane, name)
    install(plane, name, "upgrade")
    found = secrets(plane, name)
    assert found["kis-credentials"] == {"app-key": "mine"}
    assert found["prime-jennie-database"] == {"url": "mysql://x", "password": "p"}
    helm("uninstall", RELEASE, "-n", name, "--no-hooks", kubeconfig=plane.kubeconfig)
    assert set(secrets(plane, name)) == {"kis-credentials", "prime-jennie-database"}


def test_what_was_made_once_stays_whatever_is_switched_off_later(plane: ControlPlane, desk: str) -> None:
    put_key(plane, desk, "prime-jennie-database", "url", "mariadb://me@elsewhere/desk")
    before = secrets(plane, desk)
    for _ in range(2):
        install(plane, desk, "upgrade", mariadb={"enabled": False}, secrets={"create": False})
        assert secrets(plane, desk) == before


def test_keys_that_a_person_made_anew_outlive_upgrades(plane: ControlPlane, desk: str) -> None:
    plane.kubectl("delete", "secret", "kis-credentials", "-n", desk)
    plane.kubectl("create", "secret", "generic", "kis-credentials", "-n", desk, "--from-literal=app-key=real")
    for _ in range(2):
        install(plane, desk, "upgrade")
        assert secrets(plane, desk)["kis-credentials"] == {"app-key": "real"}


def test_keys_that_were_invented_for_the_simulator_are_told_where_a_broker_reads_them(
    plane: ControlPlane, desk: str
) -> None:
    broker = REAL_TIME | {"kisGateway": {"environment": "paper", "accountNo": ""}}
    told = "THE BROKER WILL REFUSE kis-credentials"
    assert told in install(plane, desk, "upgrade", **broker)
    put_key(plane, desk, "kis-credentials", "app-key", "real")
    assert told not in install(plane, desk, "upgrade", **broker)


def test_missing_secrets_of_a_broker_are_named_with_their_keys(plane: ControlPlane) -> None:
    name = plane.new_namespace(f"paper-{time.monotonic_ns()}")
    broker = {"environment": "paper", "accountNo": ""}
    said = install(plane, name, kisGateway=broker, mariadb={"enabled": False}, **REAL_TIME)
    assert f"kubectl -n {name} create secret generic kis-credentials" in said
    assert "app-key, app-secret, hts-id, account-no" in said
    assert "create secret generic prime-jennie-database" in said


def test_uninstalling_waits_for_the_last_strategy_and_leaves_claims_and_kinds(plane: ControlPlane, desk: str) -> None:
    strategy(plane, desk, "flat", {"trading": "Stopped"}, {"positions": 0})
    strategy(plane, desk, "krx", {"trading": "Stopped"}, {"positions": 3})
    schedule = {"apiVersion": API_VERSION, "kind": "ScoutSchedule", "metadata": {"name": "scout", "namespace": desk}}
    apply(plane, schedule | {"spec": {"task": "scout", "schedules": ["30 8 * * *"]}})
    child_of_the_strategy(plane, desk)
    before = left_in(plane, desk)
    with a_node(plane, desk, "uninstall-guard", "prime_jennie_operator.uninstall_guard") as said:
        done = helm("uninstall", RELEASE, "-n", desk, kubeconfig=plane.kubeconfig, check=False)
    assert done.returncode != 0
    assert "uninstall-guard failed" in done.stderr
    assert f"TradingStrategy {desk}/krx holds 3 positions" in "".join(said)
    assert f"{desk}/flat" not in "".join(said)
    assert before - left_in(plane, desk) == set(), "nothing was touched"
    assert "helm rollback" in "".join(said)
    refused = helm(
        "upgrade", RELEASE, str(CHART), "-n", desk, "--reuse-values", kubeconfig=plane.kubeconfig, check=False
    )
    assert "has no deployed releases" in refused.stderr
    revisions = json.loads(helm("history", RELEASE, "-n", desk, "-o", "json", kubeconfig=plane.kubeconfig).stdout)
    helm("rollback", RELEASE, str(revisions[-1]["revision"]), "-n", desk, kubeconfig=plane.kubeconfig)
    helm("upgrade", RELEASE, str(CHART), "-n", desk, "--reuse-values", kubeconfig=plane.kubeconfig)

    tell(plane, desk, "krx", {"positions": 0})
    with a_node(plane, desk, "uninstall-guard", "prime_jennie_operator.uninstall_guard"):
        helm("uninstall", RELEASE, "-n", desk, kubeconfig=plane.kubeconfig)
    assert_only_claims_are_left(plane, desk)
    assert plane.kubectl("get", "crd", "-o", "name").stdout.count("trading.prime-jennie.io") == 3


def test_a_person_may_let_a_strategy_go_as_it_is(plane: ControlPlane, desk: str) -> None:
    strategy(plane, desk, "krx", {}, {"positions": 5})
    plane.kubectl("annotate", "strat", "krx", "-n", desk, "trading.prime-jennie.io/force-uninstall=true")
    with a_node(plane, desk, "uninstall-guard", "prime_jennie_operator.uninstall_guard"):
        helm("uninstall", RELEASE, "-n", desk, kubeconfig=plane.kubeconfig)
    assert_only_claims_are_left(plane, desk)


def test_a_claim_that_was_left_serves_the_next_installation(plane: ControlPlane, desk: str) -> None:
    first = secrets(plane, desk)["prime-jennie-database"]["password"]
    helm("uninstall", RELEASE, "-n", desk, "--no-hooks", kubeconfig=plane.kubeconfig)
    install(plane, desk)
    assert secrets(plane, desk)["prime-jennie-database"]["password"] != first
    command = plane.kubectl("get", "sts", "mariadb", "-n", desk, "-o", "json").stdout
    assert "ALTER USER" in command, "the server's start gives the user the password of the new Secret"


@pytest.mark.parametrize(("ready", "status"), [("True", 0), ("False", 1)])
def test_helm_test_wants_a_strategy_ready_and_leaves_none(
    plane: ControlPlane, desk: str, ready: str, status: int
) -> None:
    answering = threading.Event()

    def operator() -> None:
        """Answer as the operator would: it is tested elsewhere."""
        while not answering.is_set():
            told = {"status": {"conditions": [condition("Ready", ready, "WaitingForServices")]}}
            patch = ["patch", "strat", NAME, "-n", desk, "--subresource=status", "--type=merge"]
            plane.kubectl(*patch, "-p", json.dumps(told), check=False)
            time.sleep(0.5)

    thread = threading.Thread(target=operator)
    thread.start()
    try:
        with a_node(plane, desk, "installation-test", "prime_jennie_operator.installation_test", within_secs=8) as said:
            done = helm("test", RELEASE, "-n", desk, kubeconfig=plane.kubeconfig, check=False)
    finally:
        answering.set()
        thread.join()
    assert (done.returncode != 0) == (status != 0), done.stderr
    assert f"Ready {ready} WaitingForServices" in "".join(said)
    assert plane.kubectl("get", "strat", "-n", desk, "-o", "name").stdout == ""
    left = plane.kubectl("get", "sa,role,rolebinding", "-n", desk, "-o", "name").stdout
    assert "installation-test" not in left


class a_node:  # noqa: N801 — reads as what it stands in for
    """Run a Job's pod as a node would: as its own account, with its own arguments; then tell how it ended."""

    def __init__(
        self, plane: ControlPlane, namespace: str, job: str, module: str, *, within_secs: float | None = None
    ) -> None:
        self._plane, self._namespace, self._job, self._module = plane, namespace, job, module
        self._within_secs = within_secs
        self._said: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> list[str]:
        self._thread.start()
        return self._said

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _serve(self) -> None:
        while not self._stop.is_set():
            listed = self._plane.kubectl(
                *("get", "pod", "-n", self._namespace, "-l", f"job-name={self._job}", "-o", "json"), check=False
            )
            for pod in json.loads(listed.stdout or "{}").get("items", []):
                if pod["status"].get("phase") == "Pending":
                    self._run(pod)
            time.sleep(0.2)

    def _run(self, pod: dict[str, Any]) -> None:
        main = pod["spec"]["containers"][0]
        assert main["command"][:3] == ["python", "-m", self._module]
        account = self._plane.as_service_account(self._namespace, pod["spec"]["serviceAccountName"])
        code = "import runpy, sys\n"
        if self._within_secs is not None:  # a test has not the minutes that a node gives
            code += f"import {self._module} as m; m.READY_WITHIN_SECS = {self._within_secs}\n"
            code += "m.prove.__kwdefaults__['within_secs'] = m.READY_WITHIN_SECS\nsys.exit(m.main())"
        else:
            code += f"runpy.run_module({self._module!r}, run_name='__main__')"
        done = subprocess.run(
            [sys.executable, "-c", code, *main["command"][3:], *main.get("args", [])],
            env={**os.environ, "KUBECONFIG": str(account)},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        self._said.append(done.stdout + done.stderr)
        ended = {"exitCode": done.returncode, "reason": "Completed"}
        status = {
            "phase": "Succeeded" if done.returncode == 0 else "Failed",
            "containerStatuses": [
                {"name": main["name"], "image": main["image"], "imageID": "", "ready": False, "restartCount": 0}
                | {"state": {"terminated": ended}}
            ],
        }
        patch = ["patch", "pod", pod["metadata"]["name"], "-n", self._namespace, "--subresource=status", "--type=merge"]
        self._plane.kubectl(*patch, "-p", json.dumps({"status": status}))


def strategy(plane: ControlPlane, namespace: str, name: str, spec: dict[str, Any], status: dict[str, Any]) -> None:
    """Write a strategy and what the operator would have told of it."""
    about = {"apiVersion": API_VERSION, "kind": "TradingStrategy", "metadata": {"name": name, "namespace": namespace}}
    apply(plane, about | {"spec": spec})
    tell(plane, namespace, name, status)


def tell(plane: ControlPlane, namespace: str, name: str, status: dict[str, Any]) -> None:
    looked = {"observedGeneration": 1, "openOrders": 0, "conditions": [condition("FiguresCurrent", "True", "Told")]}
    told = {"status": looked | status}
    patch = ["patch", "strat", name, "-n", namespace, "--subresource=status", "--type=merge"]
    plane.kubectl(*patch, "-p", json.dumps(told))


def condition(kind: str, status: str, reason: str) -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "lastTransitionTime": "2026-11-20T00:00:00Z"}


def child_of_the_strategy(plane: ControlPlane, namespace: str) -> None:
    """Make what the operator would have made: an object that goes with its owner."""
    uid = plane.kubectl("get", "strat", "krx", "-n", namespace, "-o", "jsonpath={.metadata.uid}").stdout
    owner = {"apiVersion": API_VERSION, "kind": "TradingStrategy", "name": "krx", "uid": uid}
    metadata = {
        "name": "krx-config",
        "namespace": namespace,
        "ownerReferences": [owner | {"controller": True, "blockOwnerDeletion": True}],
    }
    apply(plane, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})


def apply(plane: ControlPlane, manifest: dict[str, Any]) -> None:
    plane.kubectl("apply", "-f", "-", input=json.dumps(manifest))


def put_key(plane: ControlPlane, namespace: str, secret: str, key: str, value: str) -> None:
    """Write one key of a Secret as a person does."""
    change = json.dumps({"stringData": {key: value}})
    plane.kubectl("patch", "secret", secret, "-n", namespace, "--type=merge", "-p", change)


def secrets(plane: ControlPlane, namespace: str) -> dict[str, dict[str, str]]:
    found = json.loads(plane.kubectl("get", "secret", "-n", namespace, "-o", "json").stdout)["items"]
    return {
        s["metadata"]["name"]: {k: base64.b64decode(v).decode() for k, v in s["data"].items()}
        for s in found
        if s["type"] == "Opaque"
    }


def left_in(plane: ControlPlane, namespace: str) -> set[str]:
    """Name everything in a namespace, of whatever kind."""
    kinds = plane.kubectl("api-resources", "--verbs=list", "--namespaced", "-o", "name").stdout.split()
    listed = plane.kubectl("get", ",".join(set(kinds) - NOT_OURS), "-n", namespace, "-o", "name", "--ignore-not-found")
    return {name for name in listed.stdout.split() if name not in OF_EVERY_NAMESPACE}


def assert_only_claims_are_left(plane: ControlPlane, namespace: str) -> None:
    def only_claims() -> bool:
        return {name.partition("/")[0] for name in left_in(plane, namespace)} == {"persistentvolumeclaim"}

    assert until(only_claims), left_in(plane, namespace)


def until(holds: Any) -> bool:
    deadline = time.monotonic() + WITHIN_SECS
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True
