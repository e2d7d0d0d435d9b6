"""Whoever may view or edit a namespace may view or edit our kinds in it, and nobody learns a Secret by it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from prime_jennie_operator.manifest import of_kind
from tests.support.chart import rendered
from tests.support.control_plane import ControlPlane

LEARNT_WITHIN_SECS = 30.0


@pytest.fixture
def desk(control_plane: ControlPlane, namespace: str) -> Iterator[str]:
    """A namespace with a viewer, kim, an editor, lee, and the chart's roles for people."""
    roles = of_kind(rendered(namespace=namespace), "ClusterRole")
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": roles})
    control_plane.kubectl("apply", "-f", "-", input=text)
    for user, role in (("kim", "view"), ("lee", "edit")):
        binding = ["create", "rolebinding", user, f"--user={user}", f"--clusterrole={role}", "-n", namespace]
        control_plane.kubectl(*binding)
    deadline = time.monotonic() + LEARNT_WITHIN_SECS
    while not may(control_plane, namespace, "lee", "patch", "tradingstrategies"):
        assert time.monotonic() < deadline, "the roles are not joined to view and edit"
        time.sleep(0.2)
    yield namespace
    control_plane.kubectl("delete", "-f", "-", input=text)


def may(plane: ControlPlane, namespace: str, user: str, verb: str, what: str) -> bool:
    done = plane.kubectl(
        *("auth", "can-i", verb, f"{what}.trading.prime-jennie.io" if what != "secrets" else what, "-n", namespace),
        kubeconfig=plane.impersonating(user),
        check=False,
    )
    return done.stdout.strip() == "yes"


def test_a_viewer_looks_and_an_editor_writes(control_plane: ControlPlane, desk: str) -> None:
    for what in ("tradingstrategies", "scoutschedules", "backfills"):
        rights = {
            user: [v for v in ("get", "watch", "create", "patch", "delete") if may(control_plane, desk, user, v, what)]
            for user in ("kim", "lee", "mallory")
        }
        assert rights == {
            "kim": ["get", "watch"],
            "lee": ["get", "watch", "create", "patch", "delete"],
            "mallory": [],
        }
    assert not may(control_plane, desk, "kim", "get", "secrets")
