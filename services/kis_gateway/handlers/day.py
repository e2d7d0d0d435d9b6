"""/api/market/state and what a person may do about it: recover, and level the books with the broker."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException, Request
from pydantic import Field

from kis_gateway.access import caller_who_may_look, caller_who_may_operate, is_operator
from kis_gateway.parts import Parts
from kis_gateway.position_sync import SyncReport
from prime_jennie.domain.lifecycle import MarketStatus, RecoveryReport
from prime_jennie.domain.model import Record


class SyncBody(Record):
    """Dry unless it says otherwise; `who` stands in the rows that a correction leaves."""

    dry_run: bool = True
    who: Annotated[str, Field(min_length=1, max_length=100)] = "operator"


def day_routes(parts: Callable[[], Parts]) -> APIRouter:
    """Return the routes of the day; looking needs no more than a token that may look."""
    router = APIRouter(prefix="/api")

    @router.get("/market/state")
    async def market_state() -> MarketStatus:
        return parts().lifecycle.status()

    @router.post("/market/recover", dependencies=[Depends(caller_who_may_operate)])
    async def recover() -> RecoveryReport:
        return await parts().lifecycle.recover()

    @router.post("/account/position-sync")
    async def position_sync(
        request: Request, body: SyncBody | None = None, authorization: Annotated[str | None, Header()] = None
    ) -> SyncReport:
        asked = body or SyncBody()
        if not is_operator(request, authorization):
            caller_who_may_look(request, authorization)
            if not asked.dry_run:
                raise HTTPException(403, "correcting the books needs the operator's token (JENNIE_OPERATOR_TOKEN)")
        return await parts().lifecycle.sync(dry_run=asked.dry_run, who=asked.who)

    return router
