"""/api/trading: orders by key, cancellations, and where an order stands."""

from collections.abc import Callable
from typing import Annotated
from urllib.parse import unquote

from fastapi import APIRouter, Depends, Header, Response

from kis_gateway.access import caller_strategy
from kis_gateway.answers import state_of
from kis_gateway.desk import AskedOrder, fresh_key
from kis_gateway.handlers.bodies import OrderNoBody, StatusBody
from kis_gateway.parts import Parts
from prime_jennie.domain.errors import NotFound, Unavailable
from prime_jennie.domain.orders import IntentState, OrderOutcome, OrderRequest, OrderResult, OrderState, TradeType

Strategy = Annotated[str, Depends(caller_strategy)]
Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
Reason = Annotated[str, Header(alias="X-Order-Reason", max_length=8_000)]
MessageId = Annotated[str | None, Header(alias="X-Message-Id", max_length=128)]


def trading_routes(parts: Callable[[], Parts]) -> APIRouter:
    """Return the trading routes; the strategy is the token's."""
    router = APIRouter(prefix="/api/trading")

    @router.post("/buy")
    async def buy(
        body: OrderRequest,
        response: Response,
        strategy: Strategy,
        key: Key = None,
        reason: Reason = "",
        message_id: MessageId = None,
    ) -> OrderResult:
        asked = AskedOrder(TradeType.BUY, body, strategy, key or fresh_key(), unquote(reason), message_id)
        return await _submit(asked, response, keyless=key is None)

    @router.post("/sell")
    async def sell(
        body: OrderRequest,
        response: Response,
        strategy: Strategy,
        key: Key = None,
        reason: Reason = "",
        message_id: MessageId = None,
    ) -> OrderResult:
        asked = AskedOrder(TradeType.SELL, body, strategy, key or fresh_key(), unquote(reason), message_id)
        return await _submit(asked, response, keyless=key is None)

    @router.post("/cancel")
    async def cancel(body: OrderNoBody, strategy: Strategy) -> dict[str, bool]:
        return {"success": await parts().cancels.cancel(body.order_no, strategy)}

    @router.post("/order-status")
    async def order_status(body: StatusBody, strategy: Strategy) -> OrderState:
        if body.order_no is not None:
            return await _by_number(parts(), body.order_no, strategy)
        return await _by_key(parts(), str(body.idempotency_key), strategy)

    async def _submit(asked: AskedOrder, response: Response, *, keyless: bool) -> OrderResult:
        desk = parts().desk
        result = await (desk.submit_keyless(asked) if keyless else desk.submit(asked))
        response.headers["Idempotency-Key"] = asked.key
        response.status_code = 202 if result.outcome is OrderOutcome.UNKNOWN else 200
        return result

    return router


async def _by_number(parts: Parts, order_no: str, strategy: str) -> OrderState:
    account = parts.settings.kis_account_no
    order = await parts.orders.order_by_broker_no(account, parts.market.today, order_no)
    if order is None or order.strategy != strategy:
        raise NotFound(f"no order {order_no} of this strategy today")
    return state_of(order)


async def _by_key(parts: Parts, key: str, strategy: str) -> OrderState:
    account = parts.settings.kis_account_no
    order = await parts.orders.order_by_key(account, strategy, key)
    if order is not None:
        return state_of(order)
    intent = await parts.orders.intent_by_key(account, strategy, key)
    if intent is not None and IntentState(intent.state).is_unresolved:
        raise Unavailable(f"order {key} is unresolved: whether it exists is not known yet")
    raise NotFound(f"no order of key {key}" if intent is None else f"order {key} is {intent.state}: none at the broker")
