"""Which cluster is spoken to: the one that came up, the one that is wished, kind where Docker runs, else our own."""

from pathlib import Path

import pytest

from scripts.cluster import kind
from scripts.cluster.current import Current
from scripts.cluster.kind import Kind
from scripts.cluster.node import Node, NodeError
from scripts.cluster.place import Place
from scripts.cluster.target import choose, remember

PLAYER = """#!/bin/sh
echo "$0 $*" >> "$CALLS"
case "$*" in
  "info --format"*) [ -n "$DOCKER_RUNS" ] && echo 28.2 ;;
  "get clusters") cat "$CALLS.clusters" 2>/dev/null || true ;;
  "create cluster"*) echo prime-jennie > "$CALLS.clusters" ;;
esac
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A place of its own, on a machine whose docker and kind are played."""
    for name in ("docker", "kind"):
        player = tmp_path / "bin" / name
        player.parent.mkdir(exist_ok=True)
        player.write_text(PLAYER)
        player.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("DOCKER_RUNS", "")
    monkeypatch.delenv("KUBECONFIG_CURRENT", raising=False)
    return Place(tmp_path / "state", tmp_path / "run")


def test_a_node_of_our_own_where_no_docker_runs(place: Place) -> None:
    assert isinstance(choose(place, None), Node)


def test_kind_where_docker_runs(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_RUNS", "1")
    assert isinstance(choose(place, None), Kind)


def test_what_came_up_goes_down_again_whatever_has_changed_since(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    remember(place, choose(place, None))
    monkeypatch.setenv("DOCKER_RUNS", "1")
    assert isinstance(choose(place, None), Node)


@pytest.mark.parametrize("wished", ["kind", "current"])
def test_a_wish_that_contradicts_what_is_up_is_refused(place: Place, wished: str) -> None:
    remember(place, choose(place, "node"))
    with pytest.raises(NodeError, match="node is up here"):
        choose(place, wished)
    assert isinstance(choose(place, "node"), Node)


def test_the_current_kubeconfig_is_used_when_told_and_never_remembered(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG_CURRENT", "1")
    cluster = choose(place, None)
    assert isinstance(cluster, Current)
    remember(place, cluster)
    assert not place.state.exists()
    assert cluster.down() == []
    with pytest.raises(NodeError, match="pulls from its registry"):
        cluster.images(["kis-gateway"], None)


def test_kind_creates_its_cluster_once_and_gets_images_by_docker(place: Place, tmp_path: Path) -> None:
    cluster = Kind(place)
    assert cluster.up()
    assert not cluster.up()
    (image,) = cluster.images(["kis-gateway", "redis"], None)
    calls = (tmp_path / "calls").read_text().replace(f"{tmp_path}/bin/", "").splitlines()
    assert [call for call in calls if call.startswith("kind create cluster --name prime-jennie --kubeconfig")]
    (built,) = (call for call in calls if call.startswith("docker build"))
    assert f"--build-arg SERVICE=kis-gateway --build-arg BASE={kind.BASE} --tag {image.reference}" in built
    (loaded,) = (call for call in calls if call.startswith("kind load docker-image"))
    assert "localhost/prime-jennie/kis-gateway:local-" in loaded
    assert "redis" not in loaded, "a registry has it"
    with pytest.raises(NodeError, match="on a node of our own only"):
        cluster.up(gpu_nodes=1)
