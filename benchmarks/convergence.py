"""A thousand strategies at once: how fast their children come, what a resync writes, how much memory it takes."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.bare_client import PLAIN, UNWARNED, BareClient, children_of
from benchmarks.figures import Figure
from benchmarks.operators import OperatorProcess, running_operator
from benchmarks.own_time import own_secs
from benchmarks.place import CHILDREN, Place
from prime_jennie_operator.desired.strategy import PROGRAMS
from prime_jennie_operator.kube.kinds import DEPLOYMENT, Kind, kind_of
from prime_jennie_operator.manifest import Manifest

NAMESPACE, BARE, WARM_UP = "bench-many", "bench-bare", "bench-warm-up"
AT_ONCE = 16  # the operator's workers by default, each with one request under way
RENDERED_AT_ONCE = 50  # strategies; all their objects would be hundreds of megabytes
WITHIN_SECS = 900.0
SHORTEST_LOOK_SECS, LONGEST_LOOK_SECS = 0.05, 2.0
CALM_SECS = 3.0
TURNS = 4  # in which the two take turns, as a machine does not stay as fast as it was
RESYNC_SECS = 25.0


@dataclass(slots=True)
class _Sent:
    """How many children went in what time."""

    children: int = 0
    secs: float = 0.0

    def add(self, children: int, secs: float) -> None:
        self.children += children
        self.secs += secs

    @property
    def rate(self) -> float:
        """Return children a second."""
        return self.children / self.secs


async def measure(place: Place, strategies: int) -> list[Figure]:
    """Measure; the strategies stay."""
    names = [f"s{number:04}" for number in range(strategies)]
    await place.namespace(NAMESPACE)
    await place.namespace(BARE)
    await place.namespace(WARM_UP)
    rate, peak_mib = await _side_by_side(place, names)
    await place.acknowledge(names, [program for program, *_ in PROGRAMS], 1)
    async with running_operator(place, NAMESPACE, OPERATOR_RESYNC_SECS=str(RESYNC_SECS)) as two:
        restarted, resynced = await _look_again(place, two, strategies)
        memory = Figure("memory of the operator, at its most", max(peak_mib, two.peak_mib), "MiB", at_most=150)
        await two.stop()
    return [rate, restarted, resynced, memory]


async def _side_by_side(place: Place, names: Sequence[str]) -> tuple[Figure, float]:
    """Have operator and bare client make the children of the same strategies in turns; return the memory it took, too.

    The operator is frozen while strategies are made and while the bare client works. Who goes first alternates, as a
    store slows down as it grows; most in the beginning, so the first objects of all are nobody's turn.
    """
    ours, plain, unwarned, ratios, wanted = _Sent(), _Sent(), _Sent(), [], Counter[Kind]()
    before = {kind: await place.count(kind, NAMESPACE) for kind in CHILDREN}
    lasting = {"OPERATOR_LEASE_SECS": "3600", "OPERATOR_RENEW_DEADLINE_SECS": "3000", "OPERATOR_RESYNC_SECS": "3600"}
    operator = running_operator(place, NAMESPACE, OPERATOR_WORKERS=str(AT_ONCE), **lasting)
    async with operator as one, BareClient(AT_ONCE) as client:
        await one.ready()
        while not await one.leads():
            await asyncio.sleep(SHORTEST_LOOK_SECS)
        await _send_bare(client, await place.strategies(WARM_UP, names[::TURNS]), _Sent(), _Sent(), namespace=WARM_UP)
        cpu_secs = one.cpu_secs
        for turn in range(TURNS):
            await _calm(place)
            one.freeze()
            owners = await place.strategies(NAMESPACE, names[turn::TURNS])
            more = Counter({kind: number * len(owners) for kind, number in _of_each_kind(owners[0]).items()})
            wanted += more
            bare, bare_goes_first = (_Sent(), _Sent()), turn % 2 == 0
            if bare_goes_first:
                await _send_bare(client, owners, *bare)
            began = own_secs()
            one.go_on()
            await _made(place, {kind: before[kind] + number for kind, number in wanted.items()})
            took = _Sent(more.total(), own_secs() - began)
            if not bare_goes_first:
                await _calm(place)
                one.freeze()
                await _send_bare(client, owners, *bare)
                one.go_on()
            for total, found in ((ours, took), (plain, bare[0]), (unwarned, bare[1])):
                total.add(found.children, found.secs)
            ratios.append(f"{took.rate / bare[0].rate:.2f}")
        await _calm(place)
        cpu_secs, peak_mib = one.cpu_secs - cpu_secs, one.peak_mib
        await one.stop()
    what = f"children of {len(names):,} strategies, rate against a bare client"
    told = (
        f"{ours.rate:,.0f}/s of {plain.rate:,.0f}/s (of {unwarned.rate:,.0f}/s asked as we ask); {ours.children:,} "
        f"children, {cpu_secs:.1f} s of CPU; turns: {', '.join(ratios)}"
    )
    return Figure(what, ours.rate / plain.rate, told=told, at_least=0.8), peak_mib


def _of_each_kind(owner: Manifest) -> Counter[Kind]:
    return Counter(kind_of(one) for one in children_of(owner))


async def _send_bare(
    client: BareClient, owners: Sequence[Manifest], plain: _Sent, unwarned: _Sent, *, namespace: str = BARE
) -> None:
    """Send what the operator would apply, into a namespace that nobody watches, half of it as the operator asks."""
    at_once = min(RENDERED_AT_ONCE, max(1, len(owners) // 4))
    for number, first in enumerate(range(0, len(owners), at_once)):
        some = owners[first : first + at_once]
        moved = ({**owner, "metadata": {**owner["metadata"], "namespace": namespace}} for owner in some)
        children = [child for owner in moved for child in children_of(owner)]
        query, sent = ((PLAIN, plain), (UNWARNED, unwarned))[number % 2]
        sent.add(len(children), await client.apply_all(children, query))


async def _made(place: Place, wanted: Mapping[Kind, int]) -> None:
    """Return once there are so many of each kind; fail when there are more.

    Asked seldom, as asking costs the server: each time after half of what is left will have taken at the rate so far.
    """
    began = time.monotonic()
    for kind in sorted(wanted, key=lambda kind: kind != DEPLOYMENT):  # which come last
        number, first = wanted[kind], await place.count(kind, NAMESPACE)
        found = first
        while found < number:
            took = time.monotonic() - began
            if took > WITHIN_SECS:
                raise RuntimeError(f"{found} of {number} {kind.plural} within {WITHIN_SECS} s")
            left_secs = took * (number - found) / (found - first) if found > first else 0.0
            await asyncio.sleep(min(max(left_secs / 2, SHORTEST_LOOK_SECS), LONGEST_LOOK_SECS))
            found = await place.count(kind, NAMESPACE)
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
