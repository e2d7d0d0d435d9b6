"""`python -m benchmarks`: measure the operator and print one table; the exit status is 1 when a target is missed."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

import uvloop

from benchmarks import changes, convergence, failover, pauses
from benchmarks.figures import Figure, machine, table
from benchmarks.place import open_place

MOST_STRATEGIES = 1_500  # whose grants fit one gateway
PARTS = ("many", "failover", "changes", "pauses")


def main() -> int:
    arguments = _parser().parse_args()
    print(machine(), flush=True)
    folder = Path(tempfile.mkdtemp(prefix="jennie-bench-"))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        figures = runner.run(_measure(folder, arguments.strategies, arguments.only or PARTS))
    print(table(figures))
    shutil.rmtree(folder, ignore_errors=True)
    return 0 if all(figure.holds for figure in figures) else 1


async def _measure(folder: Path, strategies: int, parts: tuple[str, ...]) -> list[Figure]:
    figures: list[Figure] = []
    async with open_place(folder) as place:
        measures = {
            "many": lambda: convergence.measure(place, strategies),
            "failover": lambda: failover.measure(place, strategies),
            "changes": lambda: changes.measure(place),
            "pauses": lambda: pauses.measure(place),
        }
        for part in PARTS:
            if part in parts:
                found = await measures[part]()
                print(*(" · ".join(cell for cell in one.cells if cell) for one in found), sep="\n", flush=True)
                figures += found
    return figures


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--strategies", type=int, default=1_000, help=f"how many at once, up to {MOST_STRATEGIES}")
    parser.add_argument("--only", action="append", choices=PARTS, help="measure this part alone; failover needs many")
    return parser


if __name__ == "__main__":
    sys.exit(main())
