"""The application of a service that works at a desk: alive at once, ready when the desk is open."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from fastapi import FastAPI

from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.health import DependencyHealth, DependencyStatus
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.database.schema import ExpectedSchema
from prime_jennie.infra.desk import Desk, open_desk
from prime_jennie.infra.heartbeat import heartbeat
from prime_jennie.infra.runtime import StartError, behind_edge, service_app, supervise, survive
from prime_jennie.infra.settings import ServiceSettings


@dataclass(frozen=True)
class DeskWork:
    """What one service does at its desk; `loops` live through outages, `extras` and `dependencies` go to /health."""

    loops: Mapping[str, Callable[[], Awaitable[None]]]
    ready: Callable[[], bool]
    extras: Callable[[], Mapping[str, object]]
    dependencies: Callable[[], Mapping[str, DependencyHealth]] = dict


def desk_app(
    settings: ServiceSettings,
    name: str,
    work_of: Callable[[Desk], DeskWork],
    *,
    starting_extras: Mapping[str, object],
    check: Callable[[LiveConfig], None] | None = None,
) -> FastAPI:
    """Return the service's application; its lifespan opens the desk behind the HTTP edge and runs the work's loops.

    Opening waits for the tables and for the gateway, however long they are away: a pod that waits is alive and must
    not be restarted. Until then /health carries `starting_extras`. A configuration that is unreadable, or that `check`
    refuses, ends the process as wrong input.
    """
    at_work: list[tuple[Desk, DeskWork]] = []
    schema = ExpectedSchema()

    async def open_and_work(app: FastAPI, stack: AsyncExitStack) -> None:
        try:
            desk = await stack.enter_async_context(open_desk(settings, name, schema=schema, check=check))
        except BadInput as error:
            raise StartError(str(error)) from error
        app.state.clock = desk.clock
        work = work_of(desk)
        loops = {**work.loops, "config": desk.config.follow}
        await stack.enter_async_context(
            supervise({loop: survive(loop, run, desk.outages) for loop, run in loops.items()})
        )
        await stack.enter_async_context(heartbeat(desk.db, settings, name, work.extras))
        at_work.append((desk, work))
        await asyncio.Event().wait()

    async def dependencies() -> dict[str, DependencyHealth]:
        if not at_work:
            return {"desk": DependencyHealth(status=DependencyStatus.DEGRADED, message=schema.missing or "starting")}
        desk, work = at_work[0]
        return {**await desk.dependencies(), **work.dependencies()}

    def extras() -> Mapping[str, object]:
        if not at_work:
            return starting_extras
        desk, work = at_work[0]
        return {**work.extras(), "generation": desk.config.current.generation}

    return service_app(
        name,
        lifespan=behind_edge("desk", open_and_work, at_work.clear),
        dependencies=dependencies,
        extras=extras,
        ready=lambda: bool(at_work) and at_work[0][1].ready(),
        waits_for=lambda: schema.missing,
    )
