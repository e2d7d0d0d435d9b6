"""The commands of `scripts/cluster/cluster.py`."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from scripts.cluster import node_files
from scripts.cluster.binaries import BuildError, binary, programs
from scripts.cluster.images import REGISTRY, STORES, Builder, chart_values, services
from scripts.cluster.node import Node, NodeError
from scripts.cluster.packages import PackagesMissingError
from scripts.cluster.place import Place
from scripts.cluster.progress import step
from scripts.cluster.shell import CommandError

FAILURES = (BuildError, CommandError, NodeError, PackagesMissingError, TimeoutError, OSError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Obey, and say in a line or two what did not work."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if unknown := set(getattr(options, "programs", ())) - set(programs()):
        parser.error(f"no program is called {', '.join(map(repr, sorted(unknown)))}")
    try:
        for line in _said(options):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
    except FAILURES as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _said(options: argparse.Namespace) -> Iterator[str]:
    node = Node(Place())
    match options.command:
        case "binaries":
            for name in options.programs or programs():
                yield str(binary(name))
        case "up":
            changed = node.up(gpu_nodes=options.gpu_nodes)
            yield from (["the node is up"] if changed else ["the node was up already"])
            yield from node.status()
        case "down":
            node.down()
            yield "nothing of the node is left" if not (left := node.traces()) else f"left: {', '.join(left)}"
        case "images":
            yield from _images(node, options.images or [*services(), *STORES], options.base)
        case "load":
            node.import_archive(options.archive)
            yield f"the node has what is in {options.archive}"
        case "status":
            yield from node.status()


def _images(node: Node, names: Sequence[str], base: str | None) -> Iterator[str]:
    """Build what changed, give the node what it lacks, and write the chart's values for them."""
    builder = Builder(base)
    images = builder.build(names)
    values = chart_values(images)
    if node.is_up():
        there = node.images()
        lacking = [image for image in images if image.reference not in there]
        if lacking:
            with step(f"giving the node {len(lacking)} images"), builder.archive(lacking) as archive:
                node.import_archive(archive)
        for image in images:
            if image.name not in STORES:
                node.tag_image(image.reference, f"{REGISTRY}/{image.name}:{values['image']['tag']}")
    path = node_files.write(Place().state / "values.yaml", json.dumps(values, indent=1) + "\n")
    yield from (image.reference for image in images)
    yield f"helm install … -f {path}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cluster.py", description="A Kubernetes node of our own on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start whatever does not run yet")
    up.add_argument(
        "--gpu-nodes", type=int, default=0, metavar="N", help="play N nodes with a GPU; none is behind them"
    )
    commands.add_parser("down", help="end and remove everything that up made")
    commands.add_parser("status", help="say what runs")
    images = commands.add_parser("images", help="build the images that changed and give them to the node")
    known = [*services(), *STORES]
    images.add_argument(
        "images", nargs="*", metavar="NAME", choices=[*known, []], help=f"of {', '.join(known)}; none: all"
    )
    images.add_argument(
        "--base", metavar="IMAGE", help="an image with Python as python3; none: made of Debian's packages"
    )
    load = commands.add_parser("load", help="give the node an OCI archive")
    load.add_argument("archive", type=Path, metavar="FILE")
    build = commands.add_parser("binaries", help="build the programs and print their paths")
    build.add_argument("programs", nargs="*", metavar="NAME", help=f"of {', '.join(programs())}; none: all")
    return parser
