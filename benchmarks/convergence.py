"""A thousand strategies at once: how fast their children come, what a resync writes, how much memory it takes."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from benchmarks.bare_client import apply_all, children_of
from benchmarks.figures import Figure
from benchmarks.operators import OperatorProcess, running_operator
from benchmarks.place import CHILDREN, Place
from prime_jennie_operator.desired.strategy import PROGRAMS
from prime_jennie_operator.kube.kinds import LEASE, Kind, kind_of
from prime_jennie_operator.manifest import Manifest

NAMESPACE, BARE = "bench-many", "bench-bare"
AT_ONCE = 16  # the operator's workers by default, each with one request under way
RENDERED_AT_ONCE = 100  # strategies; all their objects would be hundreds of megabytes
WITHIN_SECS = 900.0
LOOK_SECS = 0.2
CALM_SECS = 3.0
RESYNC_SECS = 25.0
LEASE_NAME = "prime-jennie-operator"


async def measure(place: Place, strategies: int) -> list[Figure]:
    """Measure; the strategies stay."""
    names = [f"s{number:04}" for number in range(strategies)]
    await place.namespace(NAMESPACE)
    await place.namespace(BARE)
    owners = await place.strategies(NAMESPACE, names)
    half = len(owners) // 2
    bare_secs = await _send_bare(place, owners[:half])  # half before and half after, as a store slows down as it grows
    await _hold_lease(place)
    async with running_operator(place, NAMESPACE, OPERATOR_WORKERS=str(AT_ONCE)) as one:
        secs, cpu_secs = await _converge(place, one, owners)
        bare_secs += await _send_bare(place, owners[half:])
        await _calm(place)
        peak_mib = one.peak_mib
        await one.stop()
    await place.acknowledge(names, [program for program, *_ in PROGRAMS], 1)
    children = sum(_of_each_kind(owners[0]).values()) * strategies
    ours, bare = children / secs, children / bare_secs
    told = f"{ours:,.0f}/s of {bare:,.0f}/s; {children:,} children in {secs:.1f} s, {cpu_secs:.1f} s of CPU"
    rate = Figure(
        f"children of {strategies:,} strategies, rate against a bare client", ours / bare, told=told, at_least=0.8
    )
    async with running_operator(place, NAMESPACE, OPERATOR_RESYNC_SECS=str(RESYNC_SECS)) as two:
        restarted, resynced = await _look_again(place, two, strategies)
        memory = Figure("memory of the operator, at its most", max(peak_mib, two.peak_mib), "MiB", at_most=150)
        await two.stop()
    return [rate, restarted, resynced, memory]


def _of_each_kind(owner: Manifest) -> Counter[Kind]:
    return Counter(kind_of(one) for one in children_of(owner))


async def _send_bare(place: Place, owners: Sequence[Manifest]) -> float:
    """Send what the operator would apply, into a namespace that nobody watches."""
    secs = 0.0
    for first in range(0, len(owners), RENDERED_AT_ONCE):
        some = owners[first : first + RENDERED_AT_ONCE]
        moved = ({**owner, "metadata": {**owner["metadata"], "namespace": BARE}} for owner in some)
        secs += await apply_all([child for owner in moved for child in children_of(owner)], AT_ONCE)
    return secs


async def _converge(place: Place, operator: OperatorProcess, owners: Sequence[Manifest]) -> tuple[float, float]:
    """Let a ready standby lead, and return the seconds until the last child is there, and its CPU's."""
    wanted = {kind: number * len(owners) for kind, number in _of_each_kind(owners[0]).items()}
    before = {kind: await place.count(kind, NAMESPACE) for kind in CHILDREN}
    began_at, cpu_secs = await _lead(place, operator)
    await _made(place, {kind: before[kind] + number for kind, number in wanted.items()})
    return time.time() - began_at, operator.cpu_secs - cpu_secs


async def _hold_lease(place: Place) -> None:
    """Keep every operator waiting."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
    spec = {"holderIdentity": "benchmark", "leaseDurationSeconds": 3600, "acquireTime": now, "renewTime": now}
    await place.api.write_lease(
        {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.name,
            "metadata": {"name": LEASE_NAME, "namespace": NAMESPACE},
            "spec": spec,
        },
        10.0,
    )


async def _lead(place: Place, operator: OperatorProcess) -> tuple[float, float]:
    """Give the lease to an operator that has seen everything; return when it led from, and its CPU seconds by then."""
    await operator.ready()
    await asyncio.sleep(CALM_SECS)
    cpu_secs = operator.cpu_secs
    await place.api.patch(LEASE, NAMESPACE, LEASE_NAME, {"spec": {"holderIdentity": ""}})
    while True:
        lease = await place.api.get(LEASE, NAMESPACE, LEASE_NAME)
        if lease is not None and lease["spec"].get("holderIdentity"):
            return datetime.fromisoformat(lease["spec"]["acquireTime"]).timestamp(), cpu_secs
        await asyncio.sleep(0.02)


async def _made(place: Place, wanted: Mapping[Kind, int]) -> None:
    """Return once there are so many of each kind; fail when there are more."""
    deadline = time.monotonic() + WITHIN_SECS
    for kind, number in wanted.items():
        while (found := await place.count(kind, NAMESPACE)) < number:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{found} of {number} {kind.plural} within {WITHIN_SECS} s")
            await asyncio.sleep(LOOK_SECS)
        if found > number:
            raise RuntimeError(f"{found} {kind.plural}, {number} were wanted")


async def _look_again(place: Place, operator: OperatorProcess, strategies: int) -> tuple[Figure, Figure]:
    """Count what a new process writes that finds everything as it should be, and then what a resync writes."""
    await operator.ready()
    await _reconciled(operator, strategies)
    await _calm(place)
    made = await operator.counted("jennie_operator_child_writes_total")
    restarted = Figure("writes of children after a restart", made, at_most=0)
    looks, writes = await operator.counted(*_RECONCILES), await place.writes()
    await asyncio.sleep(RESYNC_SECS)
    await _reconciled(operator, looks + strategies)
    written = await place.writes() - writes
    looked = await operator.counted(*_RECONCILES) - looks
    told = f"{looked:,.0f} looks; counted by the API server, leases left out"
    return restarted, Figure("writes of a resync of all", written, told=told, at_most=0)


_RECONCILES = ("controller_runtime_reconcile_total", 'controller="TradingStrategy"')


async def _reconciled(operator: OperatorProcess, looks: float) -> None:
    deadline = time.monotonic() + WITHIN_SECS
    while await operator.counted(*_RECONCILES) < looks:
        if time.monotonic() > deadline:
            raise RuntimeError(f"not {looks} looks within {WITHIN_SECS} s")
        await asyncio.sleep(1)


async def _calm(place: Place) -> None:
    """Wait until nobody writes anything any more."""
    deadline, before = time.monotonic() + WITHIN_SECS, -1.0
    while (now := await place.writes()) != before:
        if time.monotonic() > deadline:
            raise RuntimeError(f"still writing after {WITHIN_SECS} s")
        before = now
        await asyncio.sleep(CALM_SECS)
