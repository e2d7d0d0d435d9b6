"""What nothing can beat by much: a loop that sends ready objects by server-side apply and does nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

import aiohttp
import orjson
from yarl import URL

from benchmarks.own_time import own_secs
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
from tests.support.values import REAL_TIME

_PRINT = "0123456789abcdef"
_VALUES = laptop_values(REAL_TIME)
PLAIN: Final = "fieldManager=bare-client&force=true"
UNWARNED: Final = f"{PLAIN}&fieldValidation=Ignore"  # as the operator asks
_APPLY: Final = {"Content-Type": "application/apply-patch+yaml"}


def children_of(owner: Manifest) -> list[Manifest]:
    """Render what the operator applies for a strategy."""
    found = load_document(owner, "benchmark")
    assert isinstance(found, TradingStrategy)
    name, share = found.name, found.spec.gateway.requests_per_second
    circumstances = Circumstances(share=share, token=mint(name, TOKEN_KEY), secrets_print=_PRINT)
    objects = through_gate(strategy_objects(found, _VALUES, circumstances), {}, Gate()).objects
    return [stamped(owner, one) for one in objects]


class BareClient:
    """One session that stays open; `async with` it."""

    def __init__(self, at_once: int) -> None:
        self._connection, self._at_once = from_kubeconfig(), at_once
        connector = aiohttp.TCPConnector(ssl=self._connection.ssl_context, limit=at_once)
        self._session = aiohttp.ClientSession(connector=connector)

    async def __aenter__(self) -> BareClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def apply_all(self, objects: Sequence[Manifest], query: str = PLAIN) -> float:
        """Send all, so many at once; return the seconds that it took."""
        left, began = iter(objects), own_secs()
        await asyncio.gather(*(self._send(left, query) for _ in range(self._at_once)))
        return own_secs() - began

    async def _send(self, left: Iterator[Manifest], query: str) -> None:
        for one in left:
            about = one["metadata"]
            path = kind_of(one).path(about["namespace"], about["name"])
            url = URL(f"{self._connection.server}{path}?{query}", encoded=True)
            async with self._session.patch(url, data=orjson.dumps(one), headers=_APPLY) as answer:
                text = await answer.read()
                if answer.status >= 300:
                    raise RuntimeError(f"{answer.status} {text.decode()[:500]}")
