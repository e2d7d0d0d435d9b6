"""Say every half minute that a process lives and what it does: a row that outlives it.

Best effort: a database that does not answer costs the beat and nothing else. Real time, as every heartbeat (design §9).
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog

from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.workers import HEARTBEAT_SECS, RUNNING, WorkerRepository
from prime_jennie.infra.outages import OUTAGES
from prime_jennie.infra.settings import ServiceSettings
from prime_jennie.infra.tasks import end_task

log = structlog.get_logger(__name__)

LAST_BEAT_WITHIN_SECS: Final = 1.0
EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
EXITING: Final = "EXITING"


@asynccontextmanager
async def heartbeat(
    db: Database,
    settings: ServiceSettings,
    service: str,
    doing: Callable[[], Mapping[str, object]] = dict,
    *,
    every_secs: float = HEARTBEAT_SECS,
) -> AsyncIterator[None]:
    """Beat while the block runs; `doing` are a service's own figures, of which the plain ones become its work."""
    workers = WorkerRepository(db)
    worker_id = worker_id_of(settings, service)

    async def beat(status: str, *, is_start: bool = False) -> None:
        await workers.beat(
            worker_id,
            service=service,
            strategy=settings.strategy or "",
            status=status,
            is_start=is_start,
            current_work=work_of(doing()),
        )

    is_known = False

    async def beat_for_ever() -> None:
        nonlocal is_known
        is_start = True
        while True:
            try:
                await beat(RUNNING, is_start=is_start)
                is_start, is_known = False, True
            except OUTAGES as error:
                is_known = False
                log.debug("heartbeat lost", error=f"{type(error).__name__}: {error}")
            await asyncio.sleep(every_secs)

    beating = asyncio.create_task(beat_for_ever(), name="heartbeat")
    try:
        yield
    finally:
        await end_task(beating)
        if is_known:  # else a stop would wait for a database that does not answer
            with suppress(*OUTAGES, TimeoutError):
                async with asyncio.timeout(LAST_BEAT_WITHIN_SECS):
                    await beat(EXITING)


def worker_id_of(settings: ServiceSettings, service: str) -> str:
    """Name a process by where it listens: whoever else is called so has ended, or the port would be taken."""
    return f"{service}@{own_host(settings.host)}:{settings.port}"


def own_host(listens_on: str) -> str:
    """Return where others reach this process: in a pod, whose host name stands for its address, that address."""
    if listens_on not in EVERYWHERE:
        return listens_on
    try:
        return socket.gethostbyname(socket.gethostname())
    except OSError:
        return socket.gethostname()


def work_of(figures: Mapping[str, object]) -> str | None:
    """Return the plain figures in one line, None where there are none."""
    plain = [f"{name}={value}" for name, value in figures.items() if isinstance(value, str | int | float)]
    return " ".join(plain) or None
