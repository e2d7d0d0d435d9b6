"""Which watches there must be, when each was last opened, and what a new listing did not mention."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable

from prime_jennie_operator.kube.kinds import Kind
from prime_jennie_operator.work import metrics


class Watches:
    """Hears every listing and every watch that the API server has begun to answer.

    A watch lives for a minute, then it is opened anew, so one that was not is dead, whatever its task believes.
    """

    def __init__(
        self, kinds: Iterable[Kind], namespace: str | None, *, now_secs: Callable[[], float] = time.monotonic
    ) -> None:
        self._kind_by_path = {kind.path(namespace): kind for kind in kinds}
        self._now_secs = now_secs
        self._began_secs = math.inf
        self._opened_secs: dict[str, float] = {}
        self._listings: dict[str, int] = {}
        self._complete: set[str] = set()
        for path in self._kind_by_path:
            age = metrics.WATCH_AGE_SECONDS.labels(path)
            age.set_function(lambda path=path: self._age_secs(path))  # type: ignore[misc]

    def begin(self) -> None:
        """Expect every watch from now on."""
        self._began_secs = self._now_secs()

    def listing(self, path: str) -> None:
        kind = self._kind_by_path.get(path)
        if kind is not None:
            self._listings[kind.name] = self.listings(kind.name) + 1
            self._complete.discard(kind.name)

    def watching(self, path: str) -> None:
        kind = self._kind_by_path.get(path)
        if kind is not None:
            self._opened_secs[path] = self._now_secs()
            self._complete.add(kind.name)

    def listings(self, kind: str) -> int:
        """Count how often a kind's objects were told anew: what was not mentioned since the last time may be gone."""
        return self._listings.get(kind, 0)

    @property
    def complete(self) -> frozenset[str]:
        """Kinds of which the last listing was told to its end."""
        return frozenset(self._complete)

    @property
    def synced(self) -> bool:
        """Whether every kind was listed and is watched."""
        return self._opened_secs.keys() == self._kind_by_path.keys()

    def stale(self, after_secs: float) -> list[str]:
        """Name the paths of watches that were not opened for so long, or never since the start."""
        return [path for path in self._kind_by_path if self._age_secs(path) > after_secs]

    def _age_secs(self, path: str) -> float:
        return max(0.0, self._now_secs() - self._opened_secs.get(path, self._began_secs))
