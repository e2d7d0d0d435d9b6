"""The commands of `scripts/cluster/cluster.py`."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path

from prime_jennie.domain.errors import JennieError
from scripts.cluster import node_files
from scripts.cluster.binaries import BuildError, binary, programs
from scripts.cluster.current import Current
from scripts.cluster.images import STORES, Image, chart_values, services
from scripts.cluster.installation import NotReadyError
from scripts.cluster.node import NodeError
from scripts.cluster.packages import PackagesMissingError
from scripts.cluster.place import Place
from scripts.cluster.shell import CommandError
from scripts.cluster.target import NAMES, choose, remember

KNOWN_IMAGES = (*services(), *STORES)
DEMO_NAMESPACE = "jennie-demo"
FAILURES = (BuildError, CommandError, NodeError, NotReadyError, PackagesMissingError, TimeoutError, OSError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Obey, and say in a line or two what did not work."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if unknown := set(getattr(options, "programs", ())) - set(programs()):
        parser.error(f"no program is called {', '.join(map(repr, sorted(unknown)))}")
    if unknown := set(getattr(options, "images", ())) - set(KNOWN_IMAGES):
        parser.error(f"no image is called {', '.join(map(repr, sorted(unknown)))}")
    try:
        if options.command == "demo":
            return _demo(options)
        for line in _said(options):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
    except FAILURES as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _demo(options: argparse.Namespace) -> int:
    """Bring up what is missing, then live the day in pods."""
    from scripts.cluster.demo import ClusterDemoOptions, cluster_demo
    from scripts.cluster.installation import Installation

    place = Place()
    cluster = choose(place, options.target)
    remember(place, cluster)
    cluster.up()
    is_others = isinstance(cluster, Current)
    values = options.values or [write_values(place, cluster.images(KNOWN_IMAGES, None))]
    chosen = {name: value for name in ("day", "seed", "report") if (value := getattr(options, name)) is not None}
    try:
        return cluster_demo(
            Installation(options.namespace, None if is_others else place.kubeconfig),
            values,
            ClusterDemoOptions(files=tuple(options.files) or ClusterDemoOptions.files, **chosen),
        )
    except JennieError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def write_values(place: Place, built: Iterable[Image]) -> Path:
    """Write the chart's values that name these images, and return the file."""
    return node_files.write(place.state / "values.yaml", json.dumps(chart_values(built), indent=1) + "\n")


def _said(options: argparse.Namespace) -> Iterator[str]:
    if options.command == "binaries":
        yield from (str(binary(name)) for name in options.programs or programs())
        return
    place = Place()
    cluster = choose(place, options.target)
    match options.command:
        case "up":
            remember(place, cluster)  # first: what is cut half-way has to be found again by `down`
            changed = cluster.up(gpu_nodes=options.gpu_nodes)
            yield "the cluster is up" if changed else "the cluster was up already"
            yield from cluster.status()
        case "down":
            left = cluster.down()
            yield f"left: {', '.join(left)}" if left else "nothing of the cluster is left"
        case "status":
            yield from cluster.status()
        case "images":
            built = cluster.images(options.images or KNOWN_IMAGES, options.base)
            path = write_values(place, built)
            yield from (image.reference for image in built)
            yield f"helm install … -f {path}"
        case "load":
            cluster.load(options.archive)
            yield f"the cluster has what is in {options.archive}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cluster.py", description="A Kubernetes for prime-jennie on this machine.")
    parser.add_argument(
        "--current", dest="target", action="store_const", const="current", help="the current kubeconfig's"
    )
    parser.add_argument(
        "--target", choices=NAMES, help="none: the one that is up, else kind where Docker runs, else node"
    )
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
    demo = commands.add_parser("demo", help="install the chart with an exchange of its own and live a day in pods")
    demo.add_argument("--day", type=date.fromisoformat, metavar="YYYY-MM-DD", help="the session to live")
    demo.add_argument("--seed", type=int, help="of the made prices")
    demo.add_argument("--report", type=Path, metavar="FILE", help="write the day's report as JSON")
    demo.add_argument("--file", type=Path, action="append", dest="files", default=[], help="what to apply, repeatable")
    demo.add_argument("--namespace", default=DEMO_NAMESPACE, help=f"made anew; {DEMO_NAMESPACE} where nothing is said")
    demo.add_argument("--values", type=Path, action="append", help="values that name images of yours; none: built here")
    build = commands.add_parser("binaries", help="build the programs and print their paths")
    build.add_argument("programs", nargs="*", metavar="NAME", help=f"of {', '.join(programs())}; none: all")
    return parser
