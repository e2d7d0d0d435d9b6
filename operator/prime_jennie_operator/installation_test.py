"""Prove an installation: a strategy that may not trade becomes Ready and is deleted again. Run by `helm test`.

`python -m prime_jennie_operator.installation_test [--environment paper] [--credentials-secret NAME]`. Exit status 0: it
became Ready and is gone; 1: it did not, with every condition that stood against it.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import Any, Final

from prime_jennie_operator.kube.api import KubeApi
from prime_jennie_operator.kube.kinds import STRATEGY
from prime_jennie_operator.kube.once import run_once, say
from prime_jennie_operator.manifest import Manifest
from prime_jennie_operator.resources.meta import API_VERSION, GROUP, ConditionType

NAME: Final = "helm-test"  # not as the Job is called: a strategy has a ServiceAccount of its own name
READY_WITHIN_SECS: Final = 180.0  # four pods on a slow node; Helm waits for five minutes
GONE_WITHIN_SECS: Final = 90.0
LOOK_SECS: Final = 1.0
FORCE_ANNOTATION: Final = f"{GROUP}/force-delete"  # it is Ready before anybody knows that it holds nothing
SMALLEST_SHARE: Final = 0.01  # requests a second: fits beside whoever trades


def strategy(namespace: str, environment: str, credentials_secret: str) -> Manifest:
    """Describe a strategy of the gateway's own money that neither buys nor sells."""
    spec: dict[str, Any] = {"trading": "Stopped", "gateway": {"requestsPerSecond": SMALLEST_SHARE}}
    if environment == "live":
        spec |= {
            "mode": "live",
            "capitalKrw": 1_000_000,
            "account": {"secretRef": {"name": credentials_secret}},
            "risk": {"dailyLossLimitPct": 1},
        }
    return {
        "apiVersion": API_VERSION,
        "kind": STRATEGY.name,
        "metadata": {"name": NAME, "namespace": namespace, "annotations": {FORCE_ANNOTATION: "true"}},
        "spec": spec,
    }


async def prove(api: KubeApi, wanted: Manifest, *, within_secs: float = READY_WITHIN_SECS) -> bool:
    """Apply it, wait until it is Ready, delete it whatever came of it; tell of each condition that changes."""
    await _remove(api, wanted)  # of an earlier, interrupted proof
    await api.create(wanted)
    try:
        return await _until_ready(api, wanted, within_secs)
    finally:
        await _remove(api, wanted)


async def _until_ready(api: KubeApi, wanted: Manifest, within_secs: float) -> bool:
    loop = asyncio.get_running_loop()
    deadline, told = loop.time() + within_secs, ""
    while True:
        found = await api.get(STRATEGY, wanted["metadata"]["namespace"], NAME) or {}
        conditions = {c["type"]: c for c in (found.get("status") or {}).get("conditions") or ()}
        ready = conditions.get(ConditionType.READY)
        said = f"Ready {ready['status']} {ready['reason']}: {ready.get('message', '')}" if ready else "no answer yet"
        if said != told:
            say(said)
            told = said
        if ready is not None and ready["status"] == "True":
            return True
        if loop.time() > deadline:
            say(f"not Ready within {within_secs:.0f} s", *(_line(c) for c in conditions.values()))
            if not conditions:
                say("no condition at all: is the operator running, and does it serve this namespace?")
            return False
        await asyncio.sleep(LOOK_SECS)


async def _remove(api: KubeApi, wanted: Manifest) -> None:
    """Delete it with its children and wait until all are gone."""
    namespace = wanted["metadata"]["namespace"]
    loop = asyncio.get_running_loop()
    deadline = loop.time() + GONE_WITHIN_SECS
    await api.delete(STRATEGY, namespace, NAME, foreground=True)
    while await api.get(STRATEGY, namespace, NAME) is not None:
        if loop.time() > deadline:
            raise TimeoutError(f"TradingStrategy {namespace}/{NAME} is still there after {GONE_WITHIN_SECS:.0f} s")
        await asyncio.sleep(LOOK_SECS)


def _line(condition: dict[str, Any]) -> str:
    return f"  {condition['type']} {condition['status']} {condition['reason']}: {condition.get('message', '')}"


def main() -> int:
    """Prove as a command."""
    parser = argparse.ArgumentParser(prog="python -m prime_jennie_operator.installation_test", description=__doc__)
    parser.add_argument("--environment", choices=("mock", "paper", "live"), default="mock", help="of the gateway")
    parser.add_argument("--credentials-secret", default="kis-credentials", help="the gateway's Secret")
    given = parser.parse_args()

    async def work(api: KubeApi, namespace: str) -> int:
        return 0 if await prove(api, strategy(namespace, given.environment, given.credentials_secret)) else 1

    return run_once(work)


if __name__ == "__main__":
    sys.exit(main())
