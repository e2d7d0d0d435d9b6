"""Which cluster the commands speak to: chosen when it comes up, remembered until it goes down."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from scripts.cluster import current, kind
from scripts.cluster.images import Image
from scripts.cluster.node import Node, NodeError
from scripts.cluster.place import Place

NAMES = ("node", "kind", "current")


class Cluster(Protocol):
    """What each of them can do."""

    def up(self, *, gpu_nodes: int = 0) -> bool: ...
    def down(self) -> list[str]: ...
    def status(self) -> list[str]: ...
    def images(self, names: Iterable[str], base: str | None) -> list[Image]: ...
    def load(self, archive: Path) -> None: ...


def choose(place: Place, wished: str | None) -> Cluster:
    """Take what came up before, else what is wished, else kind where Docker runs, else a node of our own.

    NodeError for a wish that contradicts what is up: both keep their state in one folder.
    """
    memory = place.state / "target"
    up = memory.read_text().strip() if memory.exists() else None
    if wished is None and current.is_wished():
        wished = "current"
    if None not in (wished, up) and wished != up:
        raise NodeError(f"{up} is up here and {wished} was asked for; first: cluster.py --target {up} down")
    wished = wished or up or ("kind" if kind.docker_runs() else "node")
    makers: dict[str, Callable[[], Cluster]] = {
        "node": lambda: Node(place),
        "kind": lambda: kind.Kind(place),
        "current": current.Current,
    }
    return makers[wished]()


def remember(place: Place, cluster: Cluster) -> None:
    """Keep the choice; the folder goes with the cluster."""
    if not isinstance(cluster, current.Current):
        place.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        (place.state / "target").write_text("kind" if isinstance(cluster, kind.Kind) else "node")
