"""A strategy that holds positions is not deleted by mistake: the API server itself refuses."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from prime_jennie_operator.kube.kinds import STRATEGY
from tests.support.chart import rendered
from tests.support.cluster_access import Refused
from tests.support.control_plane import ControlPlane

POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
RUNNING = [{"name": "buy-scanner", "ready": 1, "desired": 1, "image": "x"}]


def figures(status: str) -> list[dict[str, str]]:
    told = {"reason": "Told", "message": "as told", "lastTransitionTime": "2025-03-10T00:00:00Z"}
    return [{"type": "FiguresCurrent", "status": status, **told}]


LEARNT_WITHIN_SECS = 30.0


@pytest.fixture
def guarded(control_plane: ControlPlane, namespace: str) -> Iterator[str]:
    """A namespace in which the chart's policy is in force."""
    objects = [one for one in rendered("simulator", namespace=namespace) if "AdmissionPolicy" in one["kind"]]
    assert [one["kind"] for one in objects] == ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    control_plane.kubectl("apply", "-f", "-", input=text)
    try:
        until(lambda: _is_checked(control_plane, objects[0]["metadata"]["name"]))
        until(lambda: _is_in_force(control_plane, namespace))
        yield namespace
    finally:
        control_plane.kubectl("delete", "-f", "-", input=text)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LEARNT_WITHIN_SECS
    while not condition():
        assert time.monotonic() < deadline, "the API server does not learn of the policy"
        time.sleep(0.1)


def _is_checked(control_plane: ControlPlane, name: str) -> bool:
    """Wait for the server's own reading of the expressions against our kind, and demand that it finds nothing."""
    status = control_plane.request("GET", f"{POLICIES}/{name}").get("status") or {}
    assert not (status.get("typeChecking") or {}).get("expressionWarnings"), status
    return "typeChecking" in status


def _is_in_force(control_plane: ControlPlane, namespace: str) -> bool:
    """Try with a strategy that is there for nothing else, until it is refused."""
    make(control_plane, namespace, "probe", {"positions": 1})
    try:
        control_plane.request("DELETE", STRATEGY.path(namespace, "probe"))
    except Refused:
        return True
    return False


def make(
    control_plane: ControlPlane, namespace: str, name: str, status: dict[str, Any] | None, **annotations: str
) -> None:
    marks = {f"trading.prime-jennie.io/{key.replace('_', '-')}": value for key, value in annotations.items()}
    body = {
        "apiVersion": STRATEGY.api_version,
        "kind": STRATEGY.name,
        "metadata": {"name": name, "annotations": marks},
        "spec": {},
    }
    control_plane.request("POST", STRATEGY.path(namespace), body)
    if status is not None:
        path = STRATEGY.path(namespace, name, "status")
        control_plane.request("PATCH", path, {"status": status}, content_type="application/merge-patch+json")


CASES: dict[str, tuple[dict[str, Any] | None, dict[str, str], str | None]] = {
    "holds": ({"positions": 2, "services": RUNNING}, {}, "it holds 2 position(s), which nobody would sell"),
    "works": (
        {"positions": 0, "openOrders": 1, "services": RUNNING, "conditions": figures("True")},
        {},
        "1 order(s) of it may still be executed",
    ),
    "flat-once": (
        {"positions": 0, "services": RUNNING, "conditions": figures("False")},
        {},
        "nobody knows what it holds now",
    ),
    "changed": (
        {"observedGeneration": 0, "positions": 0, "openOrders": 0, "services": RUNNING, "conditions": figures("True")},
        {},
        "nobody knows what it holds now",
    ),
    "unknown": ({"services": RUNNING}, {}, "its services run and nobody knows what it holds"),
    "forced-wrongly": ({"positions": 2}, {"force_delete": "yes"}, "it holds 2 position(s)"),
    "forced": ({"positions": 2}, {"force_delete": "true"}, None),
    "forced-with-its-release": ({"services": RUNNING}, {"force_uninstall": "true"}, None),
    "flat": (
        {"observedGeneration": 1, "positions": 0, "openOrders": 0, "services": RUNNING, "conditions": figures("True")},
        {},
        None,
    ),
    "never-started": ({"phase": "Refused"}, {}, None),
    "new": (None, {}, None),
}


def test_who_holds_or_may_hold_is_not_deleted(control_plane: ControlPlane, guarded: str) -> None:
    for name, (status, annotations, refusal) in CASES.items():
        make(control_plane, guarded, name, status, **annotations)
        if refusal is None:
            control_plane.request("DELETE", STRATEGY.path(guarded, name))
            continue
        with pytest.raises(Refused, match="denied") as refused:
            control_plane.request("DELETE", STRATEGY.path(guarded, name))
        assert refusal in str(refused.value), name
        assert refused.value.code == 403


def test_other_namespaces_are_other_peoples(control_plane: ControlPlane, guarded: str) -> None:
    other = control_plane.new_namespace(f"{guarded}-other")
    try:
        make(control_plane, other, "krx", {"positions": 2})
        control_plane.request("DELETE", STRATEGY.path(other, "krx"))
    finally:
        control_plane.drop_namespace(other)


def test_a_namespace_goes_with_all_that_is_in_it(control_plane: ControlPlane, guarded: str) -> None:
    make(control_plane, guarded, "krx", {"positions": 2, "services": RUNNING})
    control_plane.drop_namespace(guarded)
    control_plane.kubectl("wait", "--for=delete", f"namespace/{guarded}", "--timeout=90s")


def test_a_release_that_serves_every_namespace_guards_them_all_and_may_be_told_not_to() -> None:
    cluster = rendered("simulator", values={"operator": {"scope": "cluster"}})
    [binding] = [one for one in cluster if one["kind"] == "ValidatingAdmissionPolicyBinding"]
    assert "matchResources" not in binding["spec"]
    without = rendered("simulator", values={"deletionGuard": {"enabled": False}})
    assert not [one for one in without if "AdmissionPolicy" in one["kind"]]
