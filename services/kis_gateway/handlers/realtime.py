"""/api/realtime: whose ticks flow to stream:ticks."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Header, Request

from kis_gateway.handlers.bodies import CodesBody, SubscribeBody
from kis_gateway.parts import Parts
from prime_jennie.infra.tokens import strategy_of_header

Subscriber = Annotated[str, Header(alias="X-Subscriber", pattern=r"^[A-Za-z0-9._:-]{1,64}$")]


def realtime_routes(parts: Callable[[], Parts]) -> APIRouter:
    """Return the routes of the one WebSocket; each caller adds and removes only its own wishes.

    No token is needed, as the seeds have it; without one there is room for little, and what a strategy wants comes
    before it.
    """
    router = APIRouter(prefix="/api/realtime")

    @router.post("/subscribe")
    async def subscribe(
        body: SubscribeBody, request: Request, subscriber: Subscriber = "anonymous"
    ) -> dict[str, object]:
        await parts().registrations.add(_name(request, subscriber), body.codes, replace=body.replace)
        return _status(parts())

    @router.post("/unsubscribe")
    async def unsubscribe(body: CodesBody, request: Request, subscriber: Subscriber = "anonymous") -> dict[str, object]:
        await parts().registrations.remove(_name(request, subscriber), body.codes)
        return _status(parts())

    @router.get("/status")
    async def status() -> dict[str, object]:
        return _status(parts())

    return router


def _name(request: Request, subscriber: str) -> str:
    strategy = strategy_of_header(request.headers.get("authorization"), request.app.state.token_key)
    return subscriber if strategy is None else f"{strategy}/{subscriber}"


def _status(parts: Parts) -> dict[str, object]:
    socket = parts.broker.socket
    return {
        "connected": socket.status.connected,
        "codes": list(socket.wanted),
        "registered": list(socket.confirmed),
        "refused": socket.refused,
        "limit": socket.limit,
        "subscribers": parts.registrations.by_subscriber,
    }
