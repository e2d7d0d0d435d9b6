"""Every preset is taken by Helm's own checks and by a real API server, in a namespace that enforces `restricted`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from prime_jennie_operator.manifest import Manifest, of_kind
from tests.support.chart import CHART, PRESETS, helm, pods, preset, rendered
from tests.support.control_plane import ControlPlane

ENFORCED = "pod-security.kubernetes.io/enforce"
# A chart of everything, each in more than one way.
SETTINGS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "defaults": ((), {}),
    **{name: ((name,), {}) for name in PRESETS},
    "production on GPUs": (("production", "gpu"), {}),
    "everything": (
        ("simulator",),
        {
            "qdrant": {"enabled": True},
            "vllm": {
                "llm": {"enabled": True, "cache": {"existingClaim": "weights"}, "gpus": 2, "revision": "abc"},
                "embed": {"enabled": True},
            },
            "operator": {"scope": "cluster"},
            "global": {"imagePullSecrets": ["pull"], "imageRegistry": "registry.desk", "storageClass": "fast"},
            "networkPolicies": {"dashboardFrom": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]},
            "pods": {"nodeSelector": {"pool": "trading"}, "tolerations": [{"operator": "Exists"}]},
        },
    ),
    "stores elsewhere": (
        (),
        {
            "redis": {"enabled": False, "existingSecret": "our-redis"},
            "mariadb": {"enabled": False},
            "kisGateway": {"environment": "live", "liveConfirmation": "12345678-01"},
            "metrics": {"scrape": "none"},
            "networkPolicies": {"enabled": False},
        },
    ),
}


@pytest.fixture(scope="module")
def restricted(control_plane: ControlPlane) -> Iterator[str]:
    """A namespace that takes no other pods, with what pods there refer to."""
    name = control_plane.new_namespace("chart-restricted")
    control_plane.kubectl("label", "namespace", name, f"{ENFORCED}=restricted")
    runtime = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "nvidia"}, "handler": "x"}
    control_plane.kubectl("apply", "-f", "-", input=json.dumps(runtime))
    yield name
    control_plane.drop_namespace(name)


@pytest.mark.parametrize("which", SETTINGS)
def test_helm_lints_it_clean(which: str) -> None:
    presets, values = SETTINGS[which]
    files = [part for name in presets for part in ("--values", str(preset(name)))]
    done = helm("lint", "--strict", str(CHART), *files, values=values)
    assert "[WARNING]" not in done.stdout + done.stderr
    assert "[ERROR]" not in done.stdout + done.stderr
    assert "Fail:" not in done.stdout + done.stderr, "lint only shows what a template refuses"


@pytest.mark.parametrize("which", SETTINGS)
def test_the_api_server_takes_every_object_without_a_warning(
    control_plane: ControlPlane, restricted: str, which: str
) -> None:
    presets, values = SETTINGS[which]
    objects = rendered(*presets, values=values, namespace=restricted)
    done = control_plane.kubectl(
        *("apply", "--dry-run=server", "--server-side", "--force-conflicts", "--validate=strict", "-f", "-"),
        input=as_list(objects),
    )
    assert done.stdout.count("serverside-applied") == len(objects)
    assert done.stderr == ""


@pytest.mark.parametrize("which", SETTINGS)
def test_the_api_server_lets_every_pod_in(control_plane: ControlPlane, restricted: str, which: str) -> None:
    """A Deployment is taken whatever its pods are; the standard is enforced when they are made."""
    presets, values = SETTINGS[which]
    objects = rendered(*presets, values=values, namespace=restricted)
    accounts = of_kind(objects, "ServiceAccount")
    control_plane.kubectl("apply", "--server-side", "-f", "-", input=as_list(accounts))
    made = [as_pod(pod, number, restricted) for number, (_, pod) in enumerate(pods(objects))]
    done = control_plane.kubectl("create", "--dry-run=server", "-f", "-", input=as_list(made))
    assert done.stdout.count("created") == len(made) >= 10
    assert done.stderr == ""


def test_the_namespace_would_refuse_another_pod(control_plane: ControlPlane, restricted: str) -> None:
    [pod] = [pod for where, pod in pods(rendered()) if where == "StatefulSet/redis"]
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    pod["spec"]["serviceAccountName"] = "default"
    weak = as_list([as_pod(pod, 0, restricted)])
    done = control_plane.kubectl("create", "--dry-run=server", "-f", "-", input=weak, check=False)
    assert 'violates PodSecurity "restricted' in done.stderr


def as_list(objects: list[Manifest]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})


def as_pod(template: Manifest, number: int, namespace: str) -> Manifest:
    """Make the pod that a controller would; what claims become volumes is a volume of its own."""
    spec = json.loads(json.dumps(template["spec"]))
    volumes = {volume["name"] for volume in spec["volumes"]}
    for mount in spec["containers"][0]["volumeMounts"]:
        if mount["name"] not in volumes:
            spec["volumes"].append({"name": mount["name"], "persistentVolumeClaim": {"claimName": mount["name"]}})
    metadata = {"name": f"pod-{number}", "namespace": namespace, "labels": template["metadata"]["labels"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
