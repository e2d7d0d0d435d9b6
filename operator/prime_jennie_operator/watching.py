"""Kopf's part: it watches, and what it hears becomes records and keys.

Its watch streams are taken as they come. What it would do with every event (a task, a memory, causes, differences of
specs, loggers) is for handlers, of which there are none, and cost more than everything that is done here with an event.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Final

import kopf
import structlog
from kopf._cogs.clients.errors import APINotFoundError
from kopf._cogs.clients.watching import Bookmark, infinite_watch
from kopf._cogs.structs.references import NamespaceName, Resource

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
    settings = _settings(kinds, watch_secs)
    while True:
        tasks = await kopf.spawn_tasks(
            registry=_registry(connect, listener),
            settings=settings,
            standalone=True,
            clusterwide=namespace is None,
            namespaces=[namespace] if namespace is not None else [],
            _command=_watch_each(settings, kinds, namespace, observe),
        )
        on_start()  # kopf has taken the signals' handlers
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            errors = [task.exception() for task in done if not task.cancelled()]
            log.error("the watches have ended, beginning anew", exc_info=next((e for e in errors if e), None))
        finally:
            await end_tasks(tasks)
        await asyncio.sleep(RESTART_SECS)


async def _watch_each(
    settings: kopf.OperatorSettings, kinds: Iterable[Kind], namespace: str | None, observe: Observe
) -> None:
    """Watch the kinds side by side; what ends one of the streams ends all."""
    async with asyncio.TaskGroup() as group:
        for kind in kinds:
            group.create_task(_watch_one(settings, kind, namespace, observe), name=f"watch {kind.plural}")


async def _watch_one(settings: kopf.OperatorSettings, kind: Kind, namespace: str | None, observe: Observe) -> None:
    """Watch a kind for ever; one that is not served, as its definition was deleted, ends nobody else's watch."""
    resource = Resource(kind.group, kind.version, kind.plural, kind=kind.name, namespaced=True)
    where = None if namespace is None else NamespaceName(namespace)
    while True:
        try:
            async for told in infinite_watch(settings=settings, resource=resource, namespace=where):
                if not isinstance(told, Bookmark) and told["type"] != "BOOKMARK":
                    _observe(kind, told, observe)
        except APINotFoundError:
            log.warning("a kind is not served", kind=kind.name)
        await asyncio.sleep(RESTART_SECS)


def _observe(kind: Kind, event: kopf.RawEvent, observe: Observe) -> None:
    try:
        observe(dict(event["object"]), event["type"] == "DELETED")
    except Exception:
        log.exception("an event has met a defect", kind=kind.name)


def _registry(connect: Callable[[], Connection], listener: WatchListener) -> kopf.OperatorRegistry:
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

    kopf.on.login(registry=registry, id="service-account-or-kubeconfig")(login)
    return registry


def _settings(kinds: Iterable[Kind], watch_secs: float) -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.watching.server_timeout = max(1, round(watch_secs))
    settings.watching.client_timeout = settings.watching.inactivity_timeout = watch_secs * PATIENCE
    settings.watching.connect_timeout = 10
    settings.watching.chunk_size = LISTED_AT_ONCE
    settings.networking.request_timeout = REQUEST_SECS
    settings.networking.error_backoffs = _ForEver()
    settings.posting.enabled = False
    settings.scanning.disabled = True  # our kinds are there before the watches begin
    settings.process.ultimate_exiting_timeout = None  # the process has its own last resort
    ours = f"{MANAGED_BY_LABEL}={MANAGED_BY}"
    for kind in kinds:
        if kind not in OWN_KINDS:
            settings.watching.label_selectors[kind.group, kind.version, kind.plural] = ours
    return settings


class _ForEver:
    """Pauses between attempts: a watch must not end because the API server is away for longer than somebody thought."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((0.2, 0.5, 1.0, 2.0), itertools.repeat(3.0))
