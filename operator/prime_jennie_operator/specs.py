"""The newest that the watches said of our own kinds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container

import orjson

from prime_jennie_operator.drift import canonical
from prime_jennie_operator.manifest import Manifest
from prime_jennie_operator.work import Key

OnChange = Callable[[Key, Manifest | None], None]


class Specs:
    """Every TradingStrategy, ScoutSchedule and Backfill as the API server last told it.

    Kept as JSON, a tenth of what dictionaries would take; every `get` makes a copy of its own.
    """

    def __init__(self, listings: Callable[[str], int] = lambda _: 0) -> None:
        self._listings = listings
        self._told_by: dict[Key, int] = {}
        self._texts: dict[str, dict[Key, bytes]] = defaultdict(dict)
        self._observers: dict[str, list[OnChange]] = defaultdict(list)

    def __contains__(self, key: Key) -> bool:
        return key in self._texts[key.kind]

    def get(self, key: Key) -> Manifest | None:
        text = self._texts[key.kind].get(key)
        return None if text is None else dict(orjson.loads(text))

    def keys(self, kind: str) -> list[Key]:
        return list(self._texts[kind])

    def on_change(self, kind: str, observer: OnChange) -> None:
        """Call an observer at every change of a kind, with None for what is gone: for compact indexes of one's own."""
        self._observers[kind].append(observer)

    def unmentioned(self, kinds: Container[str]) -> list[Key]:
        """List the objects that the last listing of their kind did not tell of: they may be gone."""
        return [key for key, told in self._told_by.items() if key.kind in kinds and told < self._listings(key.kind)]

    def put(self, key: Key, manifest: Manifest) -> None:
        """Remember an object; managedFields are left out."""
        metadata = {name: value for name, value in manifest["metadata"].items() if name != "managedFields"}
        kept = {**manifest, "metadata": metadata}
        self._told_by[key] = self._listings(key.kind)
        self._texts[key.kind][key] = canonical(kept)
        for observer in self._observers[key.kind]:
            observer(key, kept)

    def remove(self, key: Key) -> None:
        self._told_by.pop(key, None)
        self._texts[key.kind].pop(key, None)
        for observer in self._observers[key.kind]:
            observer(key, None)
