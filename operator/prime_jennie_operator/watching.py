"""Kopf's part: it watches, and what it hears becomes records and keys. The only module with its decorators."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Final

import kopf
import structlog
from kopf._core.reactor.inventory import ResourceMemories, ResourceMemory

from prime_jennie.infra.tasks import end_tasks
from prime_jennie_operator.children import MANAGED_BY_LABEL
from prime_jennie_operator.desired.strategy import MANAGED_BY
from prime_jennie_operator.kube.connection import Connection
from prime_jennie_operator.kube.kinds import (
    BACKFILL,
    CONFIG_MAP,
    CRON_JOB,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    JOB,
    NETWORK_POLICY,
    POD,
    SCHEDULE,
    SERVICE,
    SERVICE_ACCOUNT,
    STRATEGY,
    Kind,
)
from prime_jennie_operator.kube.session import WatchListener, open_session
from prime_jennie_operator.manifest import Manifest

log = structlog.get_logger(__name__)

OWN_KINDS: Final = (STRATEGY, SCHEDULE, BACKFILL)
CHILD_KINDS: Final = (
    *(DEPLOYMENT, SERVICE, CONFIG_MAP, SERVICE_ACCOUNT, DISRUPTION_BUDGET, NETWORK_POLICY),
    *(CRON_JOB, JOB, POD),
)
PATIENCE: Final = 1.25  # of a watch's seconds; then this side ends it: a frozen connection says nothing at all
REQUEST_SECS: Final = 30
LISTED_AT_ONCE: Final = 50  # objects; all at once they would be in memory at once
LOGIN_EVERY_SECS: Final = 5.0
RESTART_SECS: Final = 2.0

Observe = Callable[[Manifest, bool], None]
"""Called with an object and whether it was deleted."""


async def watch(
    connect: Callable[[], Connection],
    kinds: Collection[Kind],
    namespace: str | None,
    observe: Observe,
    listener: WatchListener,
    *,
    watch_secs: float,
    on_start: Callable[[], None] = lambda: None,
) -> None:
    """Watch the kinds in a namespace, or in all, until cancelled; what kopf gives up begins anew with a listing.

    The server ends a watch after `watch_secs`, and kopf opens the next one where it ended.
    """
    while True:
        tasks = await kopf.spawn_tasks(
            registry=_registry(connect, kinds, observe, listener),
            settings=_settings(kinds, watch_secs),
            memories=_NoMemories(),
            standalone=True,
            clusterwide=namespace is None,
            namespaces=[namespace] if namespace is not None else [],
        )
        on_start()  # kopf has taken the signals' handlers
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            errors = [task.exception() for task in done if not task.cancelled()]
            log.error("the watches have ended, beginning anew", exc_info=next((e for e in errors if e), None))
        finally:
            await end_tasks(tasks)
        await asyncio.sleep(RESTART_SECS)


def _registry(
    connect: Callable[[], Connection], kinds: Iterable[Kind], observe: Observe, listener: WatchListener
) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()
    last_login_secs = float("-inf")

    async def login(**_: Any) -> kopf.AiohttpSession:
        """Open a session; kopf asks again after a 401, which may come again at once."""
        nonlocal last_login_secs
        await asyncio.sleep(max(0.0, last_login_secs + LOGIN_EVERY_SECS - time.monotonic()))
        last_login_secs = time.monotonic()
        connection = connect()
        session = open_session(connection, listener=listener)
        return kopf.AiohttpSession(server=connection.server, aiohttp_session=session)

    def observed(event: kopf.RawEvent, **_: Any) -> bool:
        """Take an event where kopf asks whether a handler wants it: calling one would cost as much again."""
        try:
            observe(dict(event["object"]), event["type"] == "DELETED")
        except Exception:
            log.exception("an event has met a defect", kind=event["object"].get("kind"))
        return False

    async def on_event(**_: Any) -> None:
        """Never called: `observed` wants no more of any event."""

    kopf.on.login(registry=registry, id="service-account-or-kubeconfig")(login)
    for kind in kinds:
        kopf.on.event(kind.group, kind.version, kind.plural, registry=registry, id=kind.plural, when=observed)(on_event)
    return registry


def _settings(kinds: Iterable[Kind], watch_secs: float) -> kopf.OperatorSettings:
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)  # a line for every event says nothing
    settings = kopf.OperatorSettings()
    settings.watching.server_timeout = max(1, round(watch_secs))
    settings.watching.client_timeout = settings.watching.inactivity_timeout = watch_secs * PATIENCE
    settings.watching.connect_timeout = 10
    settings.watching.chunk_size = LISTED_AT_ONCE
    settings.networking.request_timeout = REQUEST_SECS
    settings.networking.error_backoffs = _ForEver()
    settings.queueing.idle_timeout = 0.2  # a task for every object that ever changed costs memory
    settings.queueing.exit_timeout = 0.5
    settings.posting.enabled = False
    settings.scanning.disabled = True  # our kinds are there before the watches begin
    settings.process.ultimate_exiting_timeout = None  # the process has its own last resort
    settings.persistence.diffbase_storage = _NoDiffs()
    ours = f"{MANAGED_BY_LABEL}={MANAGED_BY}"
    for kind in kinds:
        if kind not in OWN_KINDS:
            settings.watching.label_selectors[kind.group, kind.version, kind.plural] = ours
    return settings


class _ForEver:
    """Pauses between attempts: a watch must not end because the API server is away for longer than somebody thought."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((0.2, 0.5, 1.0, 2.0), itertools.repeat(3.0))


class _NoDiffs(kopf.DiffBaseStorage):
    """No comparison of specs: kopf would copy every object deeply, and nobody asks for the result."""

    def build(self, *, body: kopf.Body, extra_fields: object = None) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        return None


class _NoMemories(ResourceMemories):
    """No memory of every object that was ever seen: handlers of events need none, and it is 2 kB each."""

    async def recall(self, raw_body: Any, **more: Any) -> ResourceMemory:
        return await super().recall(raw_body, **{**more, "ephemeral": True})
