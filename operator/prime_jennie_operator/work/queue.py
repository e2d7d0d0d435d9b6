"""A queue of keys: one key is never worked on twice at once, and one that waits is never queued twice."""

from __future__ import annotations

import asyncio
import heapq
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

import structlog

from prime_jennie.infra.outages import UNANSWERED
from prime_jennie.infra.tasks import end_tasks
from prime_jennie_operator.kube.errors import KubeError, NotLeading, Unavailable
from prime_jennie_operator.work import metrics

log = structlog.get_logger(__name__)

FIRST_BACKOFF_SECS: Final = 0.05
LONGEST_BACKOFF_SECS: Final = 60.0
JITTER: Final = 0.2  # of the backoff, so that what failed together does not come back together


class Key(NamedTuple):
    """Which object of ours: its kind, its namespace, its name."""

    kind: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Again:
    """Look at the key once more after these seconds; not a failure."""

    after_secs: float


Reconcile = Callable[[Key], Awaitable[Again | None]]


class Reconciler(Protocol):
    """Brings the world to what one object of ours says.

    Raise for a failure: it is logged, counted and tried again with backoff. A defect of one key never touches others.
    """

    kind: str

    async def reconcile(self, key: Key) -> Again | None: ...


class WorkQueue:
    """Keys to look at, worked on by a bounded number of workers."""

    def __init__(self) -> None:
        self._ready: deque[Key] = deque()
        self._waiting_since: dict[Key, float] = {}
        self._working_since: dict[Key, float] = {}
        self._dirty: dict[Key, bool] = {}
        """Keys to look at once more when they are done, and whether that goes first."""
        self._later: list[tuple[float, Key]] = []
        self._due: dict[Key, float] = {}
        self._failures: dict[Key, int] = {}
        self._something = asyncio.Event()
        self._alarm = asyncio.Event()
        self._measured: set[str] = set()
        self._workers = 0

    def add(self, key: Key, after_secs: float = 0.0, *, first: bool = False) -> None:
        """Look at a key, now or later; of several times for later the earliest counts.

        `first` is for what a person has changed: it waits for no key that is only looked at again.
        """
        if after_secs > 0:
            due = time.monotonic() + after_secs
            if due < self._due.get(key, float("inf")):
                self._due[key] = due
                heapq.heappush(self._later, (due, key))
                self._alarm.set()
            return
        if key in self._working_since:
            self._dirty[key] = first or self._dirty.get(key, False)
        elif key in self._waiting_since:
            if first:
                self._ready.remove(key)
                self._ready.appendleft(key)
        else:
            if key.kind not in self._measured:
                self._measure(key.kind)
            self._waiting_since[key] = time.monotonic()
            if first:
                self._ready.appendleft(key)
            else:
                self._ready.append(key)
            metrics.QUEUE_ADDS.labels(key.kind).inc()
            self._something.set()

    def forget(self, key: Key) -> None:
        """Drop what was planned for a key that is no more."""
        self._due.pop(key, None)
        self._failures.pop(key, None)
        self._dirty.pop(key, None)

    @property
    def depth(self) -> int:
        """Keys that wait for a worker."""
        return len(self._ready)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits and nobody works; what is planned for later does not count."""
        return not self._ready and not self._working_since

    @property
    def longest_running_secs(self) -> float:
        """Seconds since the oldest work that is not done began; 0 when nobody works."""
        return max(self._running_secs(), default=0.0)

    async def run(self, workers: int, reconcile: Reconcile) -> None:
        """Work until cancelled."""
        for kind in self._measured:
            metrics.MAX_CONCURRENT.labels(kind).set(workers)
        self._workers = workers
        tasks = [asyncio.create_task(self._work(reconcile), name=f"worker-{number}") for number in range(workers)]
        tasks.append(asyncio.create_task(self._bring_what_is_due(), name="queue-alarm"))
        try:
            await asyncio.gather(*tasks)
        finally:
            await end_tasks(tasks)

    async def _work(self, reconcile: Reconcile) -> None:
        while True:
            while not self._ready:
                self._something.clear()
                await self._something.wait()
            key = self._ready.popleft()
            now = time.monotonic()
            metrics.QUEUE_SECONDS.labels(key.kind).observe(now - self._waiting_since.pop(key))
            self._working_since[key] = now
            again_secs: float | None = None
            try:
                again_secs = await self._once(key, reconcile)
            finally:
                began = self._working_since.pop(key)
                metrics.WORK_SECONDS.labels(key.kind).observe(time.monotonic() - began)
                if key in self._dirty:
                    self.add(key, first=self._dirty.pop(key))
                if again_secs is not None:
                    self.add(key, again_secs)

    async def _once(self, key: Key, reconcile: Reconcile) -> float | None:
        """Reconcile one key; return the seconds until it should be looked at again."""
        began = time.monotonic()
        metrics.ACTIVE_WORKERS.labels(key.kind).inc()
        try:
            again = await reconcile(key)
        except NotLeading:
            return None  # whoever leads looks at every key
        except Exception as error:
            metrics.RECONCILES.labels(key.kind, "error").inc()
            metrics.RECONCILE_ERRORS.labels(key.kind).inc()
            return self._after_failure(key, error)
        finally:
            metrics.ACTIVE_WORKERS.labels(key.kind).dec()
            metrics.RECONCILE_SECONDS.labels(key.kind).observe(time.monotonic() - began)
        self._failures.pop(key, None)
        metrics.RECONCILES.labels(key.kind, "success" if again is None else "requeue_after").inc()
        return None if again is None else max(again.after_secs, 0.001)

    def _after_failure(self, key: Key, error: Exception) -> float:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        metrics.QUEUE_RETRIES.labels(key.kind).inc()
        wait_secs = min(FIRST_BACKOFF_SECS * 2.0 ** min(failures - 1, 20), LONGEST_BACKOFF_SECS)
        if isinstance(error, Unavailable) and error.retry_after_secs is not None:
            wait_secs = max(wait_secs, error.retry_after_secs)
        wait_secs *= 1 + random.uniform(0, JITTER)  # noqa: S311 — spreads load, guards nothing
        about: dict[str, Any] = {"kind": key.kind, "namespace": key.namespace, "name": key.name, "failures": failures}
        about["retry_in_secs"] = round(wait_secs, 2)
        if isinstance(error, (KubeError, *UNANSWERED)):
            log.warning("reconciliation failed", **about, why=f"{type(error).__name__}: {error}")
        else:
            metrics.RECONCILE_PANICS.labels(key.kind).inc()
            log.error("reconciliation has a defect", **about, exc_info=error)
        return wait_secs

    async def _bring_what_is_due(self) -> None:
        while True:
            while self._later and self._later[0][0] <= time.monotonic():
                due, key = heapq.heappop(self._later)
                if self._due.get(key) == due:  # else an earlier time was set since
                    del self._due[key]
                    self.add(key)
            self._alarm.clear()
            wait_secs = self._later[0][0] - time.monotonic() if self._later else None
            try:
                await asyncio.wait_for(self._alarm.wait(), wait_secs)
            except TimeoutError:
                continue

    def _running_secs(self, kind: str | None = None) -> list[float]:
        now = time.monotonic()
        return [now - began for key, began in self._working_since.items() if kind in (None, key.kind)]

    def _measure(self, kind: str) -> None:
        """Show a kind's part of the queue to whoever scrapes."""
        self._measured.add(kind)
        metrics.MAX_CONCURRENT.labels(kind).set(self._workers)
        metrics.QUEUE_DEPTH.labels(kind).set_function(lambda: sum(key.kind == kind for key in self._ready))
        metrics.UNFINISHED_SECONDS.labels(kind).set_function(lambda: sum(self._running_secs(kind)))
        metrics.LONGEST_RUNNING_SECONDS.labels(kind).set_function(lambda: max(self._running_secs(kind), default=0.0))
