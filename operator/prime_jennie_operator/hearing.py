"""What is done with what the watches tell: specs are kept, children recorded, keys put on the queue."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import structlog

from prime_jennie_operator.children import ChildKey, Children
from prime_jennie_operator.drift import canonical
from prime_jennie_operator.kube.api import KubeApi
from prime_jennie_operator.kube.errors import KubeError
from prime_jennie_operator.kube.kinds import Kind
from prime_jennie_operator.manifest import Manifest
from prime_jennie_operator.specs import Specs
from prime_jennie_operator.watches import Watches
from prime_jennie_operator.watching import CHILD_KINDS, OWN_KINDS
from prime_jennie_operator.work import Key, WorkQueue

log = structlog.get_logger(__name__)

SWEEP_SECS: Final = 10.0
_OWN: Final = frozenset(kind.name for kind in OWN_KINDS)
_KINDS: Final = {kind.name: kind for kind in (*OWN_KINDS, *CHILD_KINDS)}
_SAID_BY_PEOPLE: Final = ("uid", "generation", "labels", "annotations", "deletionTimestamp")


class Hearing:
    """Turns objects of watches into records and keys."""

    def __init__(self, specs: Specs, children: Children, queue: WorkQueue, watches: Watches) -> None:
        self._specs = specs
        self._children = children
        self._queue = queue
        self._watches = watches
        self._asked: dict[Key, int] = {}
        """Hash of what each of our objects asks for: a status that we wrote is no reason to look again."""

    def observe(self, manifest: Manifest, deleted: bool) -> None:
        """Learn from one event."""
        if manifest["kind"] in _OWN:
            self._observe_own(manifest, deleted)
            return
        owner = self._children.saw(manifest, deleted=deleted)
        if owner is not None:
            self._queue.add(owner)

    def add_all(self) -> None:
        """Have every object of ours looked at."""
        for kind in OWN_KINDS:
            for key in self._specs.keys(kind.name):
                self._queue.add(key)

    async def resync(self, every_secs: float) -> None:
        """Have every object looked at once in so many seconds, evenly, until cancelled."""
        while True:
            keys = [key for kind in OWN_KINDS for key in self._specs.keys(kind.name)]
            for key in keys:
                await asyncio.sleep(every_secs / len(keys))
                self._queue.add(key)
            if not keys:
                await asyncio.sleep(every_secs)

    async def sweep(self, api: KubeApi) -> None:
        """Find what was deleted while a watch was cut: a new listing only does not mention it. Until cancelled."""
        settled: dict[str, int] = {}
        while True:
            await asyncio.sleep(SWEEP_SECS)
            complete = self._watches.complete
            kinds = {kind for kind in complete if settled.get(kind) == self._watches.listings(kind)}
            settled = {kind: self._watches.listings(kind) for kind in complete}
            try:
                for key in self._specs.unmentioned(kinds):
                    await self._verify_own(api, key)
                for child in self._children.unmentioned(kinds):
                    await self._verify_child(api, child)
            except KubeError as error:
                log.warning("not every deletion is known yet", why=error.message)

    async def _verify_own(self, api: KubeApi, key: Key) -> None:
        live = await api.get(_KINDS[key.kind], key.namespace, key.name)
        if live is None:
            self._forget(key)
            self._queue.add(key)
        else:
            self._observe_own(live, deleted=False)

    async def _verify_child(self, api: KubeApi, key: ChildKey) -> None:
        kind: Kind = _KINDS[key.kind]
        live = await api.get(kind, key.namespace, key.name)
        owner = self._children.lose(key) if live is None else self._children.saw(live)
        if owner is not None:
            self._queue.add(owner)

    def _observe_own(self, manifest: Manifest, deleted: bool) -> None:
        metadata: dict[str, Any] = manifest["metadata"]
        key = Key(manifest["kind"], metadata["namespace"], metadata["name"])
        if deleted:
            self._forget(key)
            self._queue.add(key)
            return
        asked = hash(canonical([metadata.get(name) for name in _SAID_BY_PEOPLE]))
        before, self._asked[key] = self._asked.get(key), asked
        self._specs.put(key, manifest)
        if before != asked:
            self._queue.add(key, first=before is not None)  # somebody has changed it, a halt perhaps

    def _forget(self, key: Key) -> None:
        self._asked.pop(key, None)
        self._specs.remove(key)
