"""/api/halts: who stopped trading, and a person's own stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path
from pydantic import Field

from dashboard_api.access import may_operate, may_read
from dashboard_api.desk import DashboardDesk
from prime_jennie.domain.errors import NotFound
from prime_jennie.domain.model import Record
from prime_jennie.domain.risk import WHOLE_ACCOUNT, Halt, HaltSource, HaltState, StandingHalt

ACCOUNT = "account"
Scope = Annotated[str, Path(max_length=63, description='a strategy\'s name, or "account" for the whole account')]


class HaltReport(Record):
    """What binds one strategy, the most severe first."""

    strategy: str
    state: HaltState
    halts: tuple[StandingHalt, ...]


class HaltRequest(Record):
    """A person's stop."""

    state: Literal[HaltState.PAUSED, HaltState.STOPPED]
    why: str = Field(min_length=1, max_length=200)
    who: str = Field(default="dashboard", min_length=1, max_length=60)


def halt_routes(desk: Callable[[], DashboardDesk]) -> APIRouter:
    """Return the halts' routes."""
    router = APIRouter(prefix="/api/halts", tags=["halts"])

    @router.get("", dependencies=[Depends(may_read)])
    async def halts() -> list[HaltReport]:
        """Return what is in force for every strategy."""
        at = desk()
        board = await at.halts()
        found = []
        for name, live in (await at.strategies()).items():
            standing = await board.in_force(name, live.spec.trading)
            state = HaltState.most_severe(*(halt.state for halt in standing))
            found.append(HaltReport(strategy=name, state=state, halts=tuple(standing)))
        return found

    @router.put("/{scope}", dependencies=[Depends(may_operate)])
    async def halt(scope: Scope, request: HaltRequest) -> Halt:
        """Set a person's halt; it stays until a person lifts it."""
        at = desk()
        asked = Halt(
            state=request.state,
            source=HaltSource.PERSON,
            who=request.who,
            why=request.why,
            at=at.jobs.clock.now(),
        )
        return await (await at.halts()).set(await _strategy(at, scope), asked)

    @router.delete("/{scope}", dependencies=[Depends(may_operate)])
    async def lift(scope: Scope) -> dict[str, bool]:
        """Lift a person's halt; what the spec or the risk engine has set stays."""
        at = desk()
        return {"lifted": await (await at.halts()).lift(await _strategy(at, scope), HaltSource.PERSON)}

    return router


async def _strategy(at: DashboardDesk, scope: str) -> str:
    if scope == ACCOUNT:
        return WHOLE_ACCOUNT
    if scope not in await at.strategies():
        raise NotFound(f"no strategy {scope!r}; {ACCOUNT} means the whole account")
    return scope
