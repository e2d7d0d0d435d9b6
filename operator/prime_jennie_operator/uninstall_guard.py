"""Let a release go only when nothing trades, and take our kinds' objects along: run by Helm before it deletes.

`python -m prime_jennie_operator.uninstall_guard [--all-namespaces]`. Exit status 0: all is gone; 1: no answer, or
something stays; 3: refused, and nothing was touched.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Final

from prime_jennie_operator.kube.api import KubeApi
from prime_jennie_operator.kube.errors import NotFound
from prime_jennie_operator.kube.kinds import BACKFILL, SCHEDULE, STRATEGY, Kind
from prime_jennie_operator.kube.once import FAILED, run_once, say
from prime_jennie_operator.manifest import Manifest
from prime_jennie_operator.resources.meta import GROUP, ConditionType

FORCE_ANNOTATION: Final = f"{GROUP}/force-uninstall"
DONE: Final = 0
REFUSED: Final = 3
GONE_WITHIN_SECS: Final = 200.0  # pods have half a minute to stop; Helm waits for five
LOOK_SECS: Final = 1.0
# Backfills and schedules first: nothing new starts while strategies go.
KINDS: Final = (BACKFILL, SCHEDULE, STRATEGY)


def objections(strategies: Iterable[Manifest]) -> Iterator[str]:
    """Say of each strategy why it must not lose its platform: what nobody knows counts as held."""
    for strategy in strategies:
        metadata = strategy["metadata"]
        if (metadata.get("annotations") or {}).get(FORCE_ANNOTATION) == "true":
            continue
        why = [reason for reason in (_trading(strategy), _holdings(strategy)) if reason]
        if why:
            yield f"TradingStrategy {metadata['namespace']}/{metadata['name']} {' and '.join(why)}"


def _trading(strategy: Manifest) -> str:
    trading = (strategy.get("spec") or {}).get("trading", "Active")
    return "" if trading == "Stopped" else f"is {trading}, not Stopped"


def _holdings(strategy: Manifest) -> str:
    status: dict[str, Any] = strategy.get("status") or {}
    if status.get("observedGeneration") != strategy["metadata"].get("generation"):
        return "may hold positions: its newest spec is not followed yet"
    positions, orders = status.get("positions"), status.get("openOrders")
    current = [
        c.get("status") for c in status.get("conditions") or () if c.get("type") == ConditionType.FIGURES_CURRENT
    ]
    if positions is None or orders is None or current != ["True"]:
        return "may hold positions: its figures are not known"
    if positions:
        return f"holds {positions} position{'s' if positions > 1 else ''}"
    return f"has {orders} open order{'s' if orders > 1 else ''}" if orders else ""


async def guard(api: KubeApi, namespace: str, *, everywhere: bool = False) -> int:
    """Refuse, or delete what there is of our kinds in the namespace and wait until its children are gone, too."""
    found = list(objections(await _existing(api, STRATEGY, None if everywhere else namespace)))
    if found:
        say("not uninstalled, and nothing was touched:", *found)
        say(
            f"set spec.trading to Stopped and sell what is held (/sellall), or annotate a strategy with "
            f"{FORCE_ANNOTATION}=true to let it go as it is, or pass --no-hooks to leave everything running"
        )
        say(
            "Helm calls the release uninstalling now and upgrades no such release: to go on with it, see its newest "
            "revision N in `helm history RELEASE`, then `helm rollback RELEASE N`"
        )
        return REFUSED
    for kind in KINDS:
        for item in await _existing(api, kind, namespace):
            name = item["metadata"]["name"]
            say(f"deleting {kind.name} {namespace}/{name}")
            await api.delete(kind, namespace, name, foreground=True)
    return await _until_gone(api, namespace)


async def _until_gone(api: KubeApi, namespace: str) -> int:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + GONE_WITHIN_SECS
    while True:
        left = [
            f"{kind.name} {namespace}/{item['metadata']['name']}"
            for kind in KINDS
            for item in await _existing(api, kind, namespace)
        ]
        if not left:
            return DONE
        if loop.time() > deadline:
            say(f"still there after {GONE_WITHIN_SECS:.0f} s: {', '.join(left)}")
            return FAILED
        await asyncio.sleep(LOOK_SECS)


async def _existing(api: KubeApi, kind: Kind, namespace: str | None) -> list[Manifest]:
    try:
        return await api.list(kind, namespace)
    except NotFound:  # without the kind there are none
        return []


def main() -> int:
    """Guard as a command."""
    parser = argparse.ArgumentParser(prog="python -m prime_jennie_operator.uninstall_guard", description=__doc__)
    parser.add_argument("--all-namespaces", action="store_true", help="the operator of this release serves them all")
    everywhere = parser.parse_args().all_namespaces
    return run_once(lambda api, namespace: guard(api, namespace, everywhere=everywhere))


if __name__ == "__main__":
    sys.exit(main())
