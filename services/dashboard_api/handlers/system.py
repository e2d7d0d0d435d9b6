"""/api/system/health: what every service says of itself, and which ones say nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import httpx
from fastapi import APIRouter, Depends
from pydantic import ValidationError

from dashboard_api.access import may_read
from dashboard_api.desk import DashboardDesk
from prime_jennie.domain.health import HealthStatus, ServiceStatus
from prime_jennie.infra.database.repositories.workers import Worker, WorkerRepository
from prime_jennie.infra.heartbeat import EXITING
from prime_jennie.infra.outages import OUTAGES
from prime_jennie.infra.tls import trust

ANSWER_SECS: Final = 2.0


def system_routes(desk: Callable[[], DashboardDesk]) -> APIRouter:
    """Return the system's routes."""
    router = APIRouter(prefix="/api/system", tags=["system"], dependencies=[Depends(may_read)])

    @router.get("/health")
    async def health() -> dict[str, HealthStatus]:
        """Return every service's own report by its name (`strategy/service` for a strategy's).

        A service is known from the platform's settings or from its heartbeats. One that does not answer within two
        seconds is `unhealthy`, with the reason.
        """
        addresses = await addresses_of(desk())
        async with httpx.AsyncClient(timeout=ANSWER_SECS, trust_env=False, verify=trust()) as http:
            reports = await asyncio.gather(*(_ask(http, name, url) for name, url in addresses.items()))
        return dict(zip(addresses, reports, strict=True))

    return router


async def addresses_of(at: DashboardDesk) -> dict[str, str]:
    """Return where every service listens, by its name; without SQL only those that the settings name."""
    try:
        workers = await WorkerRepository(at.jobs.db).all()
    except OUTAGES:
        workers = []
    return dict(sorted({**_beating(workers), **at.settings.addresses}.items()))


def _beating(workers: list[Worker]) -> Mapping[str, str]:
    """Return the last address under which each service was heard; one that left in order is no longer expected."""
    newest: dict[str, Worker] = {}
    for worker in sorted(workers, key=lambda one: one.last_heartbeat_at):
        newest[f"{worker.strategy}/{worker.service}" if worker.strategy else worker.service] = worker
    return {name: f"http://{worker.address}" for name, worker in newest.items() if worker.status != EXITING}


async def _ask(http: httpx.AsyncClient, name: str, url: str) -> HealthStatus:
    try:
        answer = (await http.get(f"{url}/health")).raise_for_status()
        return HealthStatus.model_validate_json(answer.content)
    except (httpx.HTTPError, ValidationError) as error:
        reason = f"no answer from {url}: {type(error).__name__}"
        return HealthStatus.model_validate(
            {"service": name, "status": ServiceStatus.UNHEALTHY, "uptime_seconds": 0, "message": reason}
        )
