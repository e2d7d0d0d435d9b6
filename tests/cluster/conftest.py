"""A real node with our images: brought up once for the run, and taken down when this run brought it up."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.cluster.binaries import binary, go_is_there
from scripts.cluster.command import KNOWN_IMAGES, write_values
from scripts.cluster.node import Node
from scripts.cluster.place import Place
from tests.support.trading_cluster import TradingDesk, running_desk

GPU_NODES = 2
KEEP = "KEEP_CLUSTER"  # set: the node and the desk stay for a look after the run


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build and start before the first test: it takes minutes, and a test has three."""
    if session.config.option.collectonly or not any("tests/cluster" in item.nodeid for item in session.items):
        return
    if not _may_run_a_node():
        if os.environ.get("CI"):
            raise pytest.UsageError("the cluster's tests need root, Go, and the right to make namespaces")
        return
    binary("helm")
    place = Place()
    node = Node(place)
    brought_up = node.up(gpu_nodes=GPU_NODES)
    values = write_values(place, node.images(KNOWN_IMAGES, None))
    session.config.stash[NODE] = (node, values, brought_up)


def _may_run_a_node() -> bool:
    """Tell whether this is root with Go, allowed to make namespaces: a container's root often is not."""
    alone = ("unshare", "--mount", "--net", "true")
    return os.geteuid() == 0 and go_is_there() and subprocess.run(alone, check=False).returncode == 0


NODE = pytest.StashKey[tuple[Node, Path, bool]]()


def pytest_sessionfinish(session: pytest.Session) -> None:
    node, _, brought_up = session.config.stash.get(NODE, (None, None, False))
    if node is not None and brought_up and not os.environ.get(KEEP):
        left = node.down()
        if left:
            raise pytest.UsageError(f"left of the cluster: {', '.join(left)}")


@pytest.fixture(scope="session")
def values(request: pytest.FixtureRequest) -> Path:
    """A file that names the images which the node has."""
    if NODE not in request.config.stash:
        pytest.skip("NO NODE: it needs root, Go, and the right to make namespaces")
    return request.config.stash[NODE][1]


@pytest.fixture(scope="session")
def desk(values: Path) -> Iterator[TradingDesk]:
    """A strategy on an exchange of its own in the middle of a session, shared by all tests in their order."""
    with running_desk(values, Place().kubeconfig, keep=bool(os.environ.get(KEEP))) as desk:
        yield desk
