"""A cluster of kind's, where Docker runs: nodes and images come from registries."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from scripts.cluster.binaries import binary
from scripts.cluster.images import REGISTRY, STORES, Image, image_of, release_tag
from scripts.cluster.node import NodeError
from scripts.cluster.place import ROOT, Place
from scripts.cluster.progress import step
from scripts.cluster.shell import run

NAME = "prime-jennie"
BASE = "python:3.11-slim-bookworm"


def docker_runs() -> bool:
    """Say whether a Docker daemon answers; a client alone is not enough."""
    return bool(run("docker", "info", "--format", "{{.ServerVersion}}", check=False, timeout_secs=20).strip())


class Kind:
    """Bring a cluster of kind's up and down, and give it our images."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def up(self, *, gpu_nodes: int = 0) -> bool:
        """Create the cluster; False when it was there."""
        if gpu_nodes:
            raise NodeError("nodes with a GPU are played on a node of our own only: --target node")
        if NAME in self._kind("get", "clusters").split():
            self._kind("export", "kubeconfig", "--name", NAME, "--kubeconfig", str(self._place.kubeconfig))
            return False
        with step("cluster of kind's"):
            self._kind(
                "create", "cluster", "--name", NAME, "--kubeconfig", str(self._place.kubeconfig), "--wait", "180s"
            )
        return True

    def down(self) -> list[str]:
        """Delete it and return what is left: nothing."""
        self._kind("delete", "cluster", "--name", NAME)
        shutil.rmtree(self._place.state, ignore_errors=True)
        return []

    def status(self) -> list[str]:
        if NAME not in self._kind("get", "clusters").split():
            return ["no cluster of kind's runs here"]
        return [f"kind's cluster {NAME}", f"KUBECONFIG={self._place.kubeconfig}"]

    def images(self, names: Iterable[str], base: str | None) -> list[Image]:
        """Build with Docker and hand over; stores come from their own registries."""
        built = [image_of(name, base or BASE) for name in names if name not in STORES]
        tag = release_tag(built)
        for image in built:
            arguments = ("--build-arg", f"SERVICE={image.name}", "--build-arg", f"BASE={base or BASE}")
            with step(f"image {image.name}"):
                both = ("--tag", image.reference, "--tag", f"{REGISTRY}/{image.name}:{tag}")
                run("docker", "build", "--quiet", *arguments, *both, ROOT, timeout_secs=1800)
        references = [f"{REGISTRY}/{image.name}:{tag}" for image in built]
        if references:
            self._kind("load", "docker-image", "--name", NAME, *references)
        return built

    def load(self, archive: Path) -> None:
        self._kind("load", "image-archive", "--name", NAME, str(archive))

    def _kind(self, *arguments: str) -> str:
        return run(shutil.which("kind") or binary("kind"), *arguments)
