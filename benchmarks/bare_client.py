"""What nothing can beat by much: a loop that sends ready objects by server-side apply and does nothing else."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence

import aiohttp

from benchmarks.place import TOKEN_KEY
from prime_jennie.infra.tokens import mint
from prime_jennie_operator.applier import stamped
from prime_jennie_operator.desired.strategy import Circumstances, strategy_objects
from prime_jennie_operator.kube.connection import from_kubeconfig
from prime_jennie_operator.kube.kinds import kind_of
from prime_jennie_operator.loading import laptop_values, load_document
from prime_jennie_operator.manifest import Manifest
from prime_jennie_operator.resources import TradingStrategy
from prime_jennie_operator.strategy.rollout import Gate, through_gate

_PRINT = "0123456789abcdef"
_VALUES = laptop_values()


def children_of(owner: Manifest) -> list[Manifest]:
    """Render what the operator applies for a strategy."""
    found = load_document(owner, "benchmark")
    assert isinstance(found, TradingStrategy)
    name, share = found.name, found.spec.gateway.requests_per_second
    circumstances = Circumstances(share=share, token=mint(name, TOKEN_KEY), secrets_print=_PRINT)
    objects = through_gate(strategy_objects(found, _VALUES, circumstances), {}, Gate()).objects
    return [stamped(owner, one) for one in objects]


async def apply_all(objects: Sequence[Manifest], at_once: int) -> float:
    """Send all, so many at once; return the seconds that it took."""
    connection, left = from_kubeconfig(), iter(objects)
    connector = aiohttp.TCPConnector(ssl=connection.ssl_context, limit=at_once)
    params = {"fieldManager": "bare-client", "force": "true"}
    headers = {"Content-Type": "application/apply-patch+yaml"}

    async def send(session: aiohttp.ClientSession) -> None:
        for one in left:
            about = one["metadata"]
            url = connection.server + kind_of(one).path(about["namespace"], about["name"])
            async with session.patch(url, params=params, data=json.dumps(one), headers=headers) as answer:
                text = await answer.read()
                if answer.status >= 300:
                    raise RuntimeError(f"{answer.status} {text.decode()[:500]}")

    async with aiohttp.ClientSession(connector=connector) as session:
        began = time.monotonic()
        await asyncio.gather(*(send(session) for _ in range(at_once)))
        return time.monotonic() - began
