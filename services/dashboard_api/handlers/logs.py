"""/api/logs: the newest lines of a service's log, masked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from dashboard_api.access import may_read
from dashboard_api.desk import DashboardDesk
from dashboard_api.log_folder import LogFolder
from prime_jennie.domain.errors import NotFound, Unavailable
from prime_jennie.domain.model import Record, Timestamp


class LogLines(Record):
    """Lines of one service, oldest first."""

    service: str
    lines: tuple[str, ...]


def log_routes(desk: Callable[[], DashboardDesk]) -> APIRouter:
    """Return the logs' routes."""
    router = APIRouter(prefix="/api/logs", tags=["logs"], dependencies=[Depends(may_read)])

    def folder() -> LogFolder:
        path = desk().settings.logs_folder
        if path is None:
            raise Unavailable("logs are kept elsewhere: set LOGS_FOLDER to show those of a folder here")
        return LogFolder(path)

    @router.get("/services")
    async def services() -> list[str]:
        """Return the services that have a log here."""
        return await folder().services()

    @router.get("/stream")
    async def stream(
        service: Annotated[str, Query(max_length=80)],
        limit: Annotated[int, Query(ge=1, le=2_000, description="lines, the newest")] = 200,
        start: Annotated[Timestamp | None, Query(description="no older lines (ISO 8601 with its zone)")] = None,
        end: Annotated[Timestamp | None, Query(description="no newer lines")] = None,
    ) -> LogLines:
        """Return the newest lines of a log within a span of time; a name that is not listed is 404."""
        logs = folder()
        if service not in await logs.services():
            raise NotFound(f"no log of {service!r}")
        return LogLines(service=service, lines=tuple(await logs.newest(service, limit, since=start, until=end)))

    return router
