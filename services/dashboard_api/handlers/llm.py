"""/api/llm: what language models were asked, and what that came to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Final

from fastapi import APIRouter, Depends

from dashboard_api.access import may_read
from dashboard_api.desk import DashboardDesk
from prime_jennie.domain.language import Usage
from prime_jennie.domain.model import Record
from prime_jennie.domain.sessions import KST
from prime_jennie.infra.clients.llm.stats import UsageReader

SERVICES: Final = ("scout", "council", "briefing")


class UsageReport(Record):
    """One day's calls and tokens, by service and in all."""

    date: date
    services: dict[str, Usage]
    total: Usage


def llm_routes(desk: Callable[[], DashboardDesk]) -> APIRouter:
    """Return the models' routes."""
    router = APIRouter(prefix="/api/llm", tags=["llm"], dependencies=[Depends(may_read)])

    @router.get("/stats")
    async def today() -> UsageReport:
        """Return today's usage."""
        at = desk()
        day = at.jobs.clock.now().astimezone(KST).date()
        services = await UsageReader(at.jobs.redis).of_day(day, SERVICES)
        return UsageReport(date=day, services=services, total=sum(services.values(), Usage()))

    @router.get("/stats/{day}")
    async def of_day(day: date) -> dict[str, Usage]:
        """Return a day's usage by service; counts live for 90 days."""
        return await UsageReader(desk().jobs.redis).of_day(day, SERVICES)

    return router
