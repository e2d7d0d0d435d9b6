"""The operator's runtime inside a test: real watches, a real API server behind a counting proxy, a tiny reconciler."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from prime_jennie_operator.app import Operator
from prime_jennie_operator.applier import Changes, stamped
from prime_jennie_operator.drift import difference
from prime_jennie_operator.kube.api import FIELD_MANAGER
from prime_jennie_operator.kube.connection import Connection
from prime_jennie_operator.kube.kinds import STRATEGY, Kind, kind_of
from prime_jennie_operator.manifest import Manifest
from prime_jennie_operator.settings import OperatorSettings
from tests.support.api_proxy import ApiProxy
from tests.support.cluster_access import ClusterAccess, Refused
from tests.support.eventually import eventually
from tests.support.tiny_operator import TinyReconciler, strategy, wanted_by

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
QUIET_SECS = 0.4  # in which echoes of what was just written would have caused more


class World:
    """One namespace, one strategy's children, and hands to spoil them."""

    def __init__(self, access: ClusterAccess, namespace: str, proxy: ApiProxy) -> None:
        self.access = access
        self.namespace = namespace
        self.proxy = proxy
        self.operators: list[Operator] = []
        self.reconcilers: list[TinyReconciler] = []

    @asynccontextmanager
    async def operator(self, **settings: Any) -> AsyncIterator[Operator]:
        """Run an operator until the block ends; it leads when the block begins, unless another does."""

        def factory(dependencies: Any) -> TinyReconciler:
            self.reconcilers.append(TinyReconciler(dependencies))
            return self.reconcilers[-1]

        def connect() -> Connection:
            return Connection(server=self.proxy.url, ssl_context=ssl.create_default_context())

        given: dict[str, Any] = {"port": 0, "namespace": self.namespace, "retry_period_secs": 0.2, **settings}
        operator = Operator(OperatorSettings(**given), [factory], connect=connect)
        self.operators.append(operator)
        task = asyncio.create_task(operator.run())
        try:
            await eventually(lambda: operator.is_synced or task.done(), within_secs=30)
            yield operator
        finally:
            operator.stop()
            await asyncio.wait({task}, timeout=15)
            self.operators.remove(operator)
            assert task.done(), "the operator does not stop"
            task.result()

    @property
    def changes(self) -> list[Changes]:
        return [changes for reconciler in self.reconcilers for _, changes in reconciler.changes]

    async def make(self, name: str = "one", **annotations: str) -> Manifest:
        """Create a strategy and wait until it has its children."""
        await self.ask("POST", STRATEGY.path(self.namespace), strategy(name, self.namespace, **annotations))
        await self.settled(name)
        return await self.get(STRATEGY, name)

    async def ask(self, method: str, path: str, body: Any = None, *, content: str = "application/json") -> Manifest:
        """Ask as a person would, past the proxy."""
        return await asyncio.to_thread(self.access.request, method, path, body, content_type=content)

    async def get(self, kind: Kind, name: str = "one") -> Manifest:
        return await self.ask("GET", kind.path(self.namespace, name))

    async def find(self, kind: Kind, name: str = "one") -> Manifest | None:
        try:
            return await self.get(kind, name)
        except Refused as refused:
            if refused.code == 404:
                return None
            raise

    async def spoil(self, kind: Kind, patch: Any, name: str = "one", manager: str = "kubectl-edit") -> Manifest:
        """Change a child as somebody else."""
        content = JSON_PATCH if isinstance(patch, list) else MERGE
        path = f"{kind.path(self.namespace, name)}?fieldManager={manager}"
        return await self.ask("PATCH", path, patch, content=content)

    async def delete(self, kind: Kind, name: str = "one") -> None:
        await self.ask("DELETE", kind.path(self.namespace, name))

    async def quiet(self) -> None:
        """Wait until the operator has nothing to do, and it stays so."""
        calm = 0
        while calm < 3:
            await asyncio.sleep(QUIET_SECS / 3)
            idle = all(operator.is_idle for operator in self.operators)
            calm = calm + 1 if idle else 0

    async def differences(self, name: str = "one") -> dict[str, str]:
        """Compare every child with what is wanted, by a way of its own and by that of the operator."""
        found = {}
        owner = await self.get(STRATEGY, name)
        for wanted in [stamped(owner, child) for child in wanted_by(owner)]:
            live = await self.find(kind_of(wanted), name)
            if live is None:
                found[wanted["kind"]] = "missing"
            elif (unlike := difference(wanted, live, FIELD_MANAGER)) is not None:
                found[wanted["kind"]] = unlike.where
            elif not _same(wanted, live):
                found[wanted["kind"]] = "values"
        return found

    async def settled(self, name: str = "one", within_secs: float = 15.0) -> None:
        """Wait until every child is as wanted."""

        async def is_settled() -> bool:
            return not await self.differences(name)

        try:
            await eventually(is_settled, within_secs=within_secs)
        except AssertionError:
            raise AssertionError(f"not as wanted: {await self.differences(name)}") from None


def _same(wanted: Manifest, live: Manifest) -> bool:
    """Tell whether a live object has every wanted value, whoever owns it."""
    fields = {key: value for key, value in wanted.items() if key not in ("metadata", "apiVersion", "kind")}
    labels = wanted["metadata"]["labels"].items()
    return labels <= live["metadata"].get("labels", {}).items() and all(
        _within(value, live.get(key)) for key, value in fields.items()
    )


def _within(wanted: Any, live: Any) -> bool:
    """Compare independently of the code under test; quantities are made canonical by the caller's objects."""
    if isinstance(wanted, dict):
        return isinstance(live, dict) and all(
            _within(v, live.get(k)) or (v in ("", {}, False, 0) and k not in live) for k, v in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(live, list)
            and len(wanted) == len(live)
            and all(_within(a, b) for a, b in zip(wanted, live, strict=True))
        )
    canonical = {"1000m": "1", "1024Mi": "1Gi"}
    return bool(canonical.get(wanted, wanted) == live)
