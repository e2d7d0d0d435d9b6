"""The operator put together: watch, hold the lease, reconcile while it is held, give it back."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Final, TypeVar

import structlog

from prime_jennie.domain.ports import Clock
from prime_jennie.infra.clock import RealClock, open_clock
from prime_jennie.infra.tasks import end_task, end_tasks
from prime_jennie_operator.applier import Applier
from prime_jennie_operator.children import Children
from prime_jennie_operator.dependencies import Dependencies, Factory
from prime_jennie_operator.election import Election
from prime_jennie_operator.health import serving
from prime_jennie_operator.hearing import Hearing
from prime_jennie_operator.kube.api import KubeApi
from prime_jennie_operator.kube.connection import Connection, find_connection
from prime_jennie_operator.kube.errors import KubeError
from prime_jennie_operator.leadership import Leadership
from prime_jennie_operator.loading import load_values
from prime_jennie_operator.recorder import Recorder
from prime_jennie_operator.settings import OperatorSettings
from prime_jennie_operator.specs import Specs
from prime_jennie_operator.statuses import StatusWriter
from prime_jennie_operator.watches import Watches
from prime_jennie_operator.watching import CHILD_KINDS, OWN_KINDS, watch
from prime_jennie_operator.work import Again, Key, Reconciler, WorkQueue

log = structlog.get_logger(__name__)

RECONCILE_SECS: Final = 120.0  # for one object; what hangs for longer is a failure
LOOK_SECS: Final = 0.1
KINDS_EVERY_SECS: Final = 2.0

T = TypeVar("T")


class _Stopped(Exception):  # noqa: N818 - not an error
    """We were asked to stop."""


class Operator:
    """One process of the operator, leader or standby."""

    def __init__(
        self,
        settings: OperatorSettings,
        factories: Sequence[Factory],
        *,
        connect: Callable[[], Connection] = find_connection,
    ) -> None:
        self._settings = settings
        self._factories = factories
        self._connect = connect
        self._values = load_values(settings.values_file)
        connection = connect()
        self._namespace = settings.namespace or connection.namespace
        self._served = None if settings.scope == "cluster" else self._namespace
        self._watches = Watches((*OWN_KINDS, *CHILD_KINDS), self._served)
        self._leadership = Leadership()
        self._queue = WorkQueue()
        self._specs = Specs(self._watches.listings)
        self._children = Children(self._watches.listings, self._specs.__contains__)
        self._hearing = Hearing(self._specs, self._children, self._queue, self._watches)
        self._connection = connection
        self._reconcilers: dict[str, Reconciler] = {}
        self._stop = asyncio.Event()
        self.port = 0

    @property
    def is_synced(self) -> bool:
        """Whether every watch is open."""
        return self._watches.synced

    @property
    def is_leading(self) -> bool:
        return self._leadership.is_leader

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits for a worker and none works."""
        return self._queue.is_idle

    def look_at_all(self) -> None:
        """Have every object looked at now, as a resync does over time."""
        self._hearing.add_all()

    def stop(self) -> None:
        """Ask `run` to end."""
        self._stop.set()

    async def run(self) -> None:
        """Serve until asked to stop; whatever else ends it is raised."""
        settings = self._settings
        self._heed_signals()
        async with AsyncExitStack() as stack:
            answering = serving(settings.host, settings.port, alive=self._not_alive, ready=self._not_ready)
            self.port = await stack.enter_async_context(answering)
            api = KubeApi(self._connection, self._leadership, request_secs=settings.request_secs)
            stack.push_async_callback(api.close)
            log.info("started", port=self.port, serves=self._served or "all namespaces", instance=settings.instance)
            with suppress(_Stopped):
                await self._unless_stopped(self._wait_for_kinds(api))
                opened = stack.enter_async_context(open_clock(settings.clock_url))
                await self._live(api, await self._unless_stopped(opened))
        log.info("stopped")

    async def _live(self, api: KubeApi, clock: Clock) -> None:
        dependencies = Dependencies(
            api=api,
            specs=self._specs,
            children=self._children,
            applier=Applier(api, self._children, at_once=self._settings.workers),
            statuses=StatusWriter(api),
            recorder=Recorder(api, instance=self._settings.instance, clock=RealClock()),
            queue=self._queue,
            leadership=self._leadership,
            clock=clock,
            settings=self._settings,
            values=self._values,
        )
        reconcilers = [factory(dependencies) for factory in self._factories]
        self._reconcilers = {reconciler.kind: reconciler for reconciler in reconcilers}
        watching = asyncio.create_task(
            watch(
                self._connect,
                (*OWN_KINDS, *CHILD_KINDS),
                self._served,
                self._hearing.observe,
                self._watches,
                watch_secs=self._settings.watch_secs,
                on_start=self._heed_signals,
            ),
            name="watches",
        )
        self._watches.begin()
        leading = asyncio.create_task(self._lead(api), name="leading")
        try:
            await _first_of(watching, leading)
        finally:
            self._stop.set()
            await asyncio.wait({leading})
            await end_task(watching)
            for reconciler in reconcilers:
                close = getattr(reconciler, "close", None)
                if close is not None:
                    await close()

    async def _lead(self, api: KubeApi) -> None:
        """Stand for election once everything is known; give the lease back in the end."""
        with suppress(_Stopped):
            await self._unless_stopped(self._synced())
            await self._lead_when_elected(api)

    async def _lead_when_elected(self, api: KubeApi) -> None:
        log.info("all watches are open", children=len(self._children))
        election = Election(api, self._leadership, self._settings, self._namespace)
        electing = asyncio.create_task(election.run(), name="election")
        tasks = [
            asyncio.create_task(self._work(), name="work"),
            asyncio.create_task(self._hearing.resync(self._settings.resync_secs), name="resync"),
            asyncio.create_task(self._hearing.sweep(api), name="sweep"),
        ]
        try:
            await self._unless_stopped(_first_of(electing, *tasks))
        finally:
            await end_task(electing)  # first, so that no renewal makes us lead again
            self._leadership.end()
            await end_tasks(tasks)
            await api.settle()
            await election.release()

    async def _synced(self) -> None:
        while not self._watches.synced:  # noqa: ASYNC110 - the watches know nothing of events
            await asyncio.sleep(LOOK_SECS)

    async def _unless_stopped(self, work: Awaitable[T]) -> T:
        """Await some work; raise _Stopped, and end it, when we are asked to stop before it is done."""
        working, stopped = asyncio.ensure_future(work), asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            raise _Stopped
        finally:
            await end_tasks([working, stopped])

    async def _work(self) -> None:
        """Reconcile while the lease is held."""
        while True:
            await self._leadership.gained()
            self._hearing.add_all()
            working = asyncio.create_task(self._queue.run(self._settings.workers, self._reconcile), name="workers")
            losing = asyncio.create_task(self._leadership.lost(), name="lost")
            try:
                await asyncio.wait({working, losing}, return_when=asyncio.FIRST_COMPLETED)
                if working.done():
                    working.result()
            finally:
                await end_tasks([working, losing])

    async def _reconcile(self, key: Key) -> Again | None:
        reconciler = self._reconcilers.get(key.kind)
        if reconciler is None:
            return None
        async with asyncio.timeout(RECONCILE_SECS):
            return await reconciler.reconcile(key)

    async def _wait_for_kinds(self, api: KubeApi) -> None:
        """Wait until our kinds are installed: Helm may install them after us, and a restart would help nobody."""
        told = ""
        while True:
            try:
                missing = [kind.name for kind in OWN_KINDS if not await api.serves(kind)]
            except KubeError as error:
                missing = [error.message]
            if not missing:
                return
            if (wait_for := ", ".join(missing)) != told:
                log.warning("waiting for kinds", missing=wait_for)
                told = wait_for
            await asyncio.sleep(KINDS_EVERY_SECS)

    def _heed_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for asked in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(asked, self._stop_for_certain)

    def _stop_for_certain(self) -> None:
        """Stop in order, or at once when that takes too long: whoever recovers from SIGKILL recovers from this."""
        last_resort = threading.Timer(self._settings.stop_within_secs, os._exit, [1])
        last_resort.daemon = True
        last_resort.start()
        self.stop()

    def _not_alive(self) -> list[str]:
        stale = [f"stale watch: {path}" for path in self._watches.stale(self._settings.stale_watch_secs)]
        stuck = self._queue.longest_running_secs > 2 * RECONCILE_SECS
        return stale + (["a reconciliation hangs"] if stuck else [])

    def _not_ready(self) -> list[str]:
        return self._not_alive() + ([] if self._watches.synced else ["not every watch is open yet"])


async def _first_of(*tasks: asyncio.Task[None]) -> None:
    """Return when one of the tasks returns; raise what it raises."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
