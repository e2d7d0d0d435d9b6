"""A cluster that somebody else runs, as the current kubeconfig says: it is used and never changed."""

import os
from collections.abc import Iterable
from pathlib import Path

from scripts.cluster.binaries import binary
from scripts.cluster.images import Image
from scripts.cluster.node import NodeError
from scripts.cluster.shell import run


class Current:
    """Whatever kubectl speaks to without being told."""

    def up(self, *, gpu_nodes: int = 0) -> bool:
        """Make sure that it answers."""
        if gpu_nodes:
            raise NodeError("no node is added to a cluster of somebody else")
        run(binary("kubectl"), "get", "--raw", "/readyz")
        return False

    def down(self) -> list[str]:
        return []

    def status(self) -> list[str]:
        context = run(binary("kubectl"), "config", "current-context").strip()
        return [f"the current context, {context}", *run(binary("kubectl"), "get", "nodes", check=False).splitlines()]

    def images(self, names: Iterable[str], base: str | None) -> list[Image]:
        raise NodeError(
            "a cluster of somebody else pulls from its registry: docker build --build-arg SERVICE=NAME, push, "
            f"and set image.registry and image.tag ({', '.join(names)})"
        )

    def load(self, archive: Path) -> None:
        raise NodeError(f"{archive} cannot be given to a cluster of somebody else: push it to its registry")


def is_wished() -> bool:
    return os.environ.get("KUBECONFIG_CURRENT", "") == "1"
