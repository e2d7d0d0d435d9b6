"""The commands of `scripts/cluster/cluster.py`."""

import argparse
import sys
from collections.abc import Iterator, Sequence

from scripts.cluster.binaries import BuildError, binary, programs
from scripts.cluster.node import Node, NodeError
from scripts.cluster.packages import PackagesMissingError
from scripts.cluster.place import Place
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
        case "status":
            yield from node.status()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cluster.py", description="A Kubernetes node of our own on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start whatever does not run yet")
    up.add_argument(
        "--gpu-nodes", type=int, default=0, metavar="N", help="play N nodes with a GPU; none is behind them"
    )
    commands.add_parser("down", help="end and remove everything that up made")
    commands.add_parser("status", help="say what runs")
    build = commands.add_parser("binaries", help="build the programs and print their paths")
    build.add_argument("programs", nargs="*", metavar="NAME", help=f"of {', '.join(programs())}; none: all")
    return parser
