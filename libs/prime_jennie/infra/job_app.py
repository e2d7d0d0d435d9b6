"""The application of a platform service that runs slots: alive at once, ready when its desk is open."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated, Any

from fastapi import FastAPI, Path

from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.health import DependencyHealth, DependencyStatus
from prime_jennie.domain.slots import Slot, TriggerAnswer, TriggerRequest
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.clients.kis_gateway import GatewayClient
from prime_jennie.infra.clock import open_clock
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.schema import ExpectedSchema
from prime_jennie.infra.heartbeat import heartbeat, worker_id_of
from prime_jennie.infra.job_board import JobBoard
from prime_jennie.infra.jobs import JobDesk, JobWork
from prime_jennie.infra.outages import Outages
from prime_jennie.infra.redis.connection import connect
from prime_jennie.infra.runtime import StartError, behind_edge, service_app, supervise, survive
from prime_jennie.infra.settings import ServiceSettings


def demand_token(settings: ServiceSettings) -> None:
    """Raise StartError for a service that must know whose account it is, and has nothing to be told it for."""
    if settings.service_token is None and settings.read_token is None:
        raise StartError(
            "environment: JENNIE_READ_TOKEN is not set, and kis-gateway tells the account to none but its holders"
        )


@asynccontextmanager
async def open_job_desk(
    settings: ServiceSettings,
    service: str,
    *,
    schema: ExpectedSchema,
    doing: Callable[[], Mapping[str, object]] = dict,
) -> AsyncIterator[JobDesk]:
    """Open everything, wait for the tables and begin to beat; in a virtual day this waits until its leader speaks.

    `doing` are the service's figures, told with each heartbeat.
    """
    async with AsyncExitStack() as stack:
        clock = await stack.enter_async_context(open_clock(settings.clock_url))
        redis = connect(settings.redis_url)
        stack.push_async_callback(redis.aclose)
        db = Database(settings.database_url)
        stack.push_async_callback(db.close)
        await schema.wait_in(db)
        token = settings.service_token or settings.read_token
        gateway = await stack.enter_async_context(GatewayClient(settings.kis_gateway_url, token, caller=service))
        await stack.enter_async_context(heartbeat(db, settings, service, doing))
        yield JobDesk(
            service=service,
            worker_id=worker_id_of(settings, service),
            clock=clock,
            redis=redis,
            db=db,
            gateway=gateway,
            sessions=load_sessions(closures=settings.closures_file),
            outages=Outages(),
            namespace=settings.namespace,
        )


def job_app(
    settings: ServiceSettings,
    name: str,
    work_of: Callable[[JobDesk], JobWork],
    *,
    starting_extras: Mapping[str, object] | None = None,
) -> FastAPI:
    """Return the service's application with /trigger, /status and /jobs/{job_id}; its lifespan runs slots and loops.

    Before the first trigger, what an earlier process left running is closed as an interrupted attempt; what another
    copy runs is left to it for as long as its heartbeat is heard. Until then /health carries `starting_extras` and
    triggers are 503.
    """
    at_work: list[tuple[JobDesk, JobWork, JobBoard]] = []
    schema = ExpectedSchema()

    async def open_and_work(app: FastAPI, stack: AsyncExitStack) -> None:
        desk = await stack.enter_async_context(open_job_desk(settings, name, schema=schema, doing=extras))
        app.state.clock = desk.clock
        work = work_of(desk)
        board = JobBoard(desk, work.tasks)
        await survive("recover", board.recover, desk.outages)
        stack.push_async_callback(board.stop)
        loops = {**work.loops, "interrupted": board.close_interrupted_for_ever}
        await stack.enter_async_context(
            supervise({loop: survive(loop, run, desk.outages) for loop, run in loops.items()})
        )
        at_work.append((desk, work, board))
        await asyncio.Event().wait()

    async def dependencies() -> dict[str, DependencyHealth]:
        if not at_work:
            return {"desk": DependencyHealth(status=DependencyStatus.DEGRADED, message=schema.missing or "starting")}
        desk, work, _ = at_work[0]
        return {**await desk.dependencies(), **work.dependencies()}

    def extras() -> Mapping[str, object]:
        if not at_work:
            return starting_extras or {}
        _, work, board = at_work[0]
        return {**board.extras(), **work.extras()}

    def board_at_work() -> JobBoard:
        if not at_work:
            raise Unavailable(f"{name} is starting")
        return at_work[0][2]

    app = service_app(
        name,
        lifespan=behind_edge("desk", open_and_work, at_work.clear),
        dependencies=dependencies,
        extras=extras,
        ready=lambda: bool(at_work) and at_work[0][1].ready(),
        waits_for=lambda: schema.missing,
    )

    @app.post("/trigger", response_model_exclude_none=True)
    async def trigger(request: TriggerRequest | None = None) -> TriggerAnswer:
        return await board_at_work().trigger(request or TriggerRequest())

    @app.get("/status")
    async def status() -> dict[str, Any]:
        board = board_at_work()
        return {**at_work[0][1].status(), **board.status()}

    @app.get("/jobs/{job_id}")
    async def job(job_id: Annotated[str, Path(max_length=80)]) -> Slot:
        return await board_at_work().slot(job_id)

    return app
