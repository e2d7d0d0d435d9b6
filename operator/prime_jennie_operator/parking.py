"""Give the GPUs of the model servers back outside working hours: run by two CronJobs of the chart.

`python -m prime_jennie_operator.parking wake|park STATEFULSET…`. On a day on which the exchange stays closed nothing
wakes; a day that the session table does not know counts as open, for a model too many only costs money.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from typing import Final, Literal

from prime_jennie.domain.sessions import KST, UnknownSession
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.clock import RealClock
from prime_jennie_operator.kube.api import KubeApi
from prime_jennie_operator.kube.errors import KubeError
from prime_jennie_operator.kube.kinds import STATEFUL_SET
from prime_jennie_operator.kube.once import run_once, say

Verb = Literal["wake", "park"]
REPLICAS: Final = {"wake": 1, "park": 0}


def stays_asleep(verb: Verb, today: date) -> bool:
    """Tell whether waking up is for nothing."""
    try:
        return verb == "wake" and not load_sessions().is_session(today)
    except UnknownSession:
        return False


async def scale(api: KubeApi, namespace: str, verb: Verb, servers: Sequence[str]) -> None:
    """Give every server its number of copies, though one of them is refused; raise the first refusal."""
    refusals = []
    for name in servers:
        try:
            await api.patch(STATEFUL_SET, namespace, name, {"spec": {"replicas": REPLICAS[verb]}}, "scale")
        except KubeError as error:
            refusals.append(error)
    if refusals:
        raise refusals[0]


def main() -> int:
    """Scale as a command."""
    parser = argparse.ArgumentParser(prog="python -m prime_jennie_operator.parking", description=__doc__)
    parser.add_argument("verb", choices=sorted(REPLICAS))
    parser.add_argument("servers", nargs="+", metavar="STATEFULSET")
    given = parser.parse_args()
    today = RealClock().now().astimezone(KST).date()
    if stays_asleep(given.verb, today):
        say(f"{today}: no session, nothing wakes")
        return 0

    async def work(api: KubeApi, namespace: str) -> int:
        await scale(api, namespace, given.verb, given.servers)
        return 0

    return run_once(work)


if __name__ == "__main__":
    sys.exit(main())
