"""/api/account: whose money it is, and how much."""

from collections.abc import Callable

from fastapi import APIRouter, Depends

from kis_gateway.access import caller_who_may_look
from kis_gateway.parts import Parts
from prime_jennie.domain.broker import AccountInfo
from prime_jennie.domain.positions import PortfolioState


def account_routes(parts: Callable[[], Parts]) -> APIRouter:
    """Return the account's routes; all need a token, of a strategy or the platform's for reading."""
    router = APIRouter(prefix="/api/account", dependencies=[Depends(caller_who_may_look)])

    @router.get("/info")
    async def info() -> AccountInfo:
        settings = parts().settings
        return AccountInfo(account_no=settings.kis_account_no, environment=settings.kis_env)

    @router.post("/balance")
    async def balance() -> PortfolioState:
        return await parts().broker.balance()

    @router.post("/cash")
    async def cash() -> dict[str, int]:
        return {"cash_balance": await parts().broker.orderable_cash()}

    return router
