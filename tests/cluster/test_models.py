"""Model servers go to nodes with a GPU, and nothing else does. The nodes are played: what is placed there stays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from scripts.cluster.installation import Installation
from scripts.cluster.place import NODE, Place
from tests.support.chart import rendered
from tests.support.trading_cluster import until

NAMESPACE = "jennie-models"
OWN_GPU = {"vllm": {"gpu": {"resource": "nvidia.com/gpu", "shared": False, "runtimeClass": ""}}}


@pytest.fixture
def models(values: Path) -> Iterator[Installation]:
    """A namespace in which only the model servers stand, beside one pod that asks for no GPU."""
    installation = Installation(NAMESPACE, Place().kubeconfig)
    installation.kubectl("create", "namespace", NAMESPACE)
    yield installation
    # No kubelet ends a pod on a played node: nothing may make another one while they are taken away by force.
    installation.kubectl("delete", "statefulsets", "--all", "--cascade=orphan")
    installation.kubectl("delete", "pods", "--all", "--grace-period=0", "--force")
    installation.kubectl("delete", "namespace", NAMESPACE)


def test_model_servers_stand_on_gpu_nodes_and_others_do_not(models: Installation) -> None:
    ours = [one for one in rendered("gpu", values=OWN_GPU, namespace=NAMESPACE) if _is_of_a_model_server(one)]
    assert {one["kind"] for one in ours} >= {"StatefulSet", "Service"}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "prime-jennie"}}
    models.kubectl("apply", "--filename", "-", input=yaml.safe_dump_all([account, *ours]))
    models.kubectl("run", "other", "--image=localhost/none", "--restart=Never")

    def placed() -> dict[str, str]:
        pods = models.get("pods")["items"]
        return {pod["metadata"]["name"].rpartition("-")[0] or "other": pod["spec"].get("nodeName", "") for pod in pods}

    until(lambda: len(placed()) >= 3 and all(placed().values()), 60, lambda: json.dumps(placed()))
    servers = {node for name, node in placed().items() if name.startswith("vllm")}
    assert servers == {"gpu-0", "gpu-1"}
    assert placed()["other"] == NODE


def _is_of_a_model_server(one: dict[str, object]) -> bool:
    about = one["metadata"]
    return isinstance(about, dict) and str(about["name"]).startswith("vllm-") and one["kind"] != "CronJob"
