"""The queue: one key once at a time, bounded workers, failures that keep to themselves."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from prometheus_client import REGISTRY

from prime_jennie.infra.tasks import end_task
from prime_jennie_operator.kube.errors import NotLeading, Unavailable
from prime_jennie_operator.work import Again, Key, WorkQueue, queue
from prime_jennie_operator.work.queue import Reconcile
from tests.support.eventually import eventually


def key(name: str, kind: str = "TradingStrategy") -> Key:
    return Key(kind, "default", name)


@asynccontextmanager
async def working(keys: WorkQueue, reconcile: Reconcile, workers: int = 4) -> AsyncIterator[None]:
    task = asyncio.create_task(keys.run(workers, reconcile))
    try:
        yield
        assert not task.done(), "the workers have ended"
    finally:
        await end_task(task)


def counted(metric: str, /, **labels: str) -> float:
    return REGISTRY.get_sample_value(metric, labels) or 0.0


class Work:
    """Counts what is done, and lets a test hold it up."""

    def __init__(self, *, held: bool = False) -> None:
        self.done: Counter[str] = Counter()
        self.at_once = 0
        self.most_at_once = 0
        self.keys_at_once: Counter[Key] = Counter()
        self.same_key_at_once = 0
        self.go_on = asyncio.Event()
        if not held:
            self.go_on.set()

    async def __call__(self, at: Key) -> Again | None:
        self.at_once += 1
        self.keys_at_once[at] += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.same_key_at_once = max(self.same_key_at_once, self.keys_at_once[at])
        await self.go_on.wait()
        await asyncio.sleep(0)
        self.at_once -= 1
        self.keys_at_once[at] -= 1
        self.done[at.name] += 1
        return None


async def test_a_key_that_waits_is_not_queued_twice() -> None:
    keys, work = WorkQueue(), Work()
    for _ in range(5):
        keys.add(key("a"))
    assert keys.depth == 1
    async with working(keys, work):
        await eventually(lambda: keys.is_idle)
    assert work.done == {"a": 1}


async def test_a_key_that_is_worked_on_is_looked_at_once_more_and_never_twice_at_once() -> None:
    keys, work = WorkQueue(), Work(held=True)
    async with working(keys, work):
        keys.add(key("a"))
        await eventually(lambda: work.at_once == 1)
        for _ in range(5):
            keys.add(key("a"))
        assert keys.depth == 0
        work.go_on.set()
        await eventually(lambda: work.done["a"] == 2)
        await eventually(lambda: keys.is_idle)
    assert work.done == {"a": 2}
    assert work.same_key_at_once == 1


async def test_no_more_keys_are_worked_on_than_there_are_workers() -> None:
    keys, work = WorkQueue(), Work(held=True)
    async with working(keys, work, workers=3):
        for number in range(10):
            keys.add(key(f"k{number}"))
        await eventually(lambda: work.at_once == 3)
        await asyncio.sleep(0.02)
        assert work.at_once == 3
        assert keys.depth == 7
        work.go_on.set()
        await eventually(lambda: keys.is_idle)
    assert work.most_at_once == 3
    assert sum(work.done.values()) == 10


async def test_a_failure_is_tried_again_with_growing_pauses_and_touches_no_other_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queue, "FIRST_BACKOFF_SECS", 0.01)
    tried: list[float] = []
    others = 0
    keys = WorkQueue()

    async def reconcile(at: Key) -> None:
        nonlocal others
        if at.name != "bad":
            others += 1
            return
        tried.append(time.monotonic())
        if len(tried) < 5:
            raise ZeroDivisionError("a defect of ours")

    defects = counted("controller_runtime_reconcile_panics_total", controller="Bad")
    async with working(keys, reconcile, workers=2):
        keys.add(key("bad", "Bad"))
        for number in range(20):
            keys.add(key(f"good{number}"))
        await eventually(lambda: len(tried) == 5)
    pauses = [after - before for before, after in itertools.pairwise(tried)]
    assert others == 20
    assert all(pause >= 0.01 * 2**n for n, pause in enumerate(pauses)), pauses
    assert counted("controller_runtime_reconcile_panics_total", controller="Bad") == defects + 4
    assert counted("workqueue_retries_total", name="Bad") == 4


async def test_success_forgets_the_failures_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "FIRST_BACKOFF_SECS", 0.01)
    outcomes = [Unavailable("away")] * 4 + [None] + [Unavailable("away"), None]
    at: list[float] = []
    keys = WorkQueue()

    async def reconcile(_: Key) -> None:
        at.append(time.monotonic())
        if (error := outcomes[len(at) - 1]) is not None:
            raise error

    async with working(keys, reconcile):
        keys.add(key("a"))
        await eventually(lambda: len(at) == 5)
        keys.add(key("a"))
        await eventually(lambda: len(at) == 7)
    assert at[6] - at[5] < at[4] - at[3]


async def test_the_pause_has_a_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "FIRST_BACKOFF_SECS", 0.001)
    monkeypatch.setattr(queue, "LONGEST_BACKOFF_SECS", 0.01)
    tried = 0
    keys = WorkQueue()

    async def reconcile(_: Key) -> None:
        nonlocal tried
        tried += 1
        raise Unavailable("away")

    async with working(keys, reconcile):
        keys.add(key("a"))
        await eventually(lambda: tried > 30, within_secs=5)


async def test_the_servers_wish_to_wait_is_heeded() -> None:
    at: list[float] = []
    keys = WorkQueue()

    async def reconcile(_: Key) -> None:
        at.append(time.monotonic())
        if len(at) == 1:
            raise Unavailable("too many requests", retry_after_secs=0.3)

    async with working(keys, reconcile):
        keys.add(key("a"))
        await eventually(lambda: len(at) == 2)
    assert at[1] - at[0] >= 0.3


async def test_a_key_can_be_asked_for_later_and_the_earliest_wish_counts() -> None:
    keys, work = WorkQueue(), Work()
    async with working(keys, work):
        keys.add(key("a"), 30.0)
        keys.add(key("a"), 0.05)
        keys.add(key("a"), 30.0)
        assert keys.is_idle
        await eventually(lambda: work.done["a"] == 1, within_secs=2)
        await asyncio.sleep(0.05)
    assert work.done == {"a": 1}


async def test_what_a_reconciler_asks_for_later_comes_again() -> None:
    seen = 0
    keys = WorkQueue()

    async def reconcile(_: Key) -> Again:
        nonlocal seen
        seen += 1
        return Again(0.01)

    async with working(keys, reconcile):
        keys.add(key("a"))
        await eventually(lambda: seen >= 3)


async def test_a_forgotten_key_does_not_come_again() -> None:
    keys, work = WorkQueue(), Work()
    async with working(keys, work):
        keys.add(key("a"), 0.05)
        keys.forget(key("a"))
        await asyncio.sleep(0.15)
    assert not work.done


async def test_who_does_not_lead_does_not_insist() -> None:
    tried = 0
    keys = WorkQueue()

    async def reconcile(_: Key) -> None:
        nonlocal tried
        tried += 1
        raise NotLeading("not ours")

    async with working(keys, reconcile):
        keys.add(key("a"))
        await asyncio.sleep(0.3)
    assert tried == 1


async def test_keys_outlive_the_workers() -> None:
    keys, held = WorkQueue(), Work(held=True)
    async with working(keys, held, workers=1):
        keys.add(key("a"))
        keys.add(key("b"))
        await eventually(lambda: held.at_once == 1)
    work = Work()
    async with working(keys, work):
        await eventually(lambda: work.done["b"] == 1)
        keys.add(key("a"))
        await eventually(lambda: work.done["a"] == 1)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("workqueue_depth", lambda value: value == 1),
        ("workqueue_unfinished_work_seconds", lambda value: value > 0),
        ("workqueue_longest_running_processor_seconds", lambda value: value > 0),
    ],
)
async def test_a_scrape_tells_what_waits_and_what_takes_long(metric: str, expected: Callable[[float], bool]) -> None:
    keys, work = WorkQueue(), Work(held=True)
    async with working(keys, work, workers=1):
        keys.add(key("a", "Slow"))
        await eventually(lambda: work.at_once == 1)
        keys.add(key("b", "Slow"))
        await asyncio.sleep(0.02)
        assert expected(counted(metric, name="Slow"))
        assert counted("controller_runtime_active_workers", controller="Slow") == 1
        assert counted("controller_runtime_max_concurrent_reconciles", controller="Slow") == 1
        work.go_on.set()
        await eventually(lambda: keys.is_idle)
    assert counted("controller_runtime_active_workers", controller="Slow") == 0


async def test_every_metric_has_controller_runtimes_name() -> None:
    keys, work = WorkQueue(), Work()
    async with working(keys, work):
        keys.add(key("a", "Named"))
        await eventually(lambda: keys.is_idle)
    for name, labels in {
        "controller_runtime_reconcile_total": {"controller": "Named", "result": "success"},
        "controller_runtime_reconcile_time_seconds_count": {"controller": "Named"},
        "workqueue_adds_total": {"name": "Named"},
        "workqueue_queue_duration_seconds_count": {"name": "Named"},
        "workqueue_work_duration_seconds_count": {"name": "Named"},
    }.items():
        assert counted(name, **labels) == 1, name


async def test_what_a_person_has_changed_waits_for_no_key_that_is_only_looked_at_again() -> None:
    keys, done, go_on = WorkQueue(), list[str](), asyncio.Event()

    async def work(at: Key) -> None:
        done.append(at.name)
        await go_on.wait()

    for name in "abcd":
        keys.add(key(name))
    keys.add(key("c"), first=True)
    keys.add(key("new"), first=True)
    assert keys.depth == 5
    async with working(keys, work, workers=1):
        await eventually(lambda: done == ["new"])
        keys.add(key("new"), first=True)
        keys.add(key("new"))
        go_on.set()
        await eventually(lambda: keys.is_idle)
    assert done == ["new", "new", "c", "a", "b", "d"]
