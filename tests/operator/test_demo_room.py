"""The demo in pods deletes its own namespace and nobody else's."""

from __future__ import annotations

import pytest

from prime_jennie.domain.errors import BadInput
from scripts.cluster.demo import MARK, make_room
from scripts.cluster.installation import Installation
from tests.support.control_plane import ControlPlane


def test_a_namespace_of_somebody_else_is_refused_and_stays(control_plane: ControlPlane, namespace: str) -> None:
    control_plane.kubectl("create", "configmap", "theirs", "-n", namespace)
    with pytest.raises(BadInput, match="no demo's"):
        make_room(Installation(namespace, control_plane.kubeconfig))
    assert control_plane.kubectl("get", "configmap", "theirs", "-n", namespace, "-o", "name").stdout.strip()


def test_an_earlier_demo_goes_with_all_that_it_held(control_plane: ControlPlane, namespace: str) -> None:
    control_plane.kubectl("label", "namespace", namespace, f"{MARK}=true")
    control_plane.kubectl("create", "configmap", "theirs", "-n", namespace)
    make_room(Installation(namespace, control_plane.kubeconfig))
    left = control_plane.kubectl("get", "configmap", "theirs", "-n", namespace, "--ignore-not-found", "-o", "name")
    assert left.stdout == ""
    make_room(Installation(namespace, control_plane.kubeconfig))  # what it makes is its own
