"""/api/events and /api/briefings: what a person should find again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import JsonValue, TypeAdapter

from dashboard_api.access import may_read
from dashboard_api.desk import DashboardDesk
from dashboard_api.pages import Page, page
from prime_jennie.domain.briefing import Briefing
from prime_jennie.domain.errors import NotFound
from prime_jennie.domain.model import Record, Timestamp
from prime_jennie.infra.database.repositories.briefings import BriefingRepository
from prime_jennie.infra.database.repositories.events import EventLevel, EventRepository

_JSON: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)


class EventReport(Record):
    """Something that happened; strategy "" means the whole account."""

    at: Timestamp
    level: EventLevel
    kind: str
    service: str
    strategy: str
    message: str
    who: str | None
    payload: JsonValue


def journal_routes(desk: Callable[[], DashboardDesk]) -> APIRouter:
    """Return the journal's routes."""
    router = APIRouter(prefix="/api", tags=["journal"], dependencies=[Depends(may_read)])

    @router.get("/events")
    async def events(
        response: Response,
        at_page: Annotated[Page, Depends(page)],
        kind: Annotated[str | None, Query(max_length=40, description="such as settlement, command, halt")] = None,
        strategy: Annotated[str | None, Query(max_length=63)] = None,
    ) -> list[EventReport]:
        """Return events, the newest first."""
        rows = await EventRepository(desk().jobs.db).newest(
            strategy=strategy, kinds=(kind,) if kind else (), limit=at_page.one_more, offset=at_page.offset
        )
        return [
            EventReport(
                at=row.at,
                level=EventLevel(row.level),
                kind=row.kind,
                service=row.service,
                strategy=row.strategy,
                message=row.message,
                who=row.who,
                payload=_JSON.validate_python(row.payload),
            )
            for row in at_page.close(rows, response)
        ]

    @router.get("/briefings/{day}")
    async def briefing(day: date) -> Briefing:
        """Return a day's briefing as it was written, with what it could not say."""
        found = await BriefingRepository(desk().jobs.db).find(day)
        if found is None:
            raise NotFound(f"no briefing of {day}")
        return found

    return router
