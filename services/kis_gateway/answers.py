"""What a caller is told about its order: the same words for the same key, whenever it asks."""

from prime_jennie.domain.broker import BrokerOrderRef
from prime_jennie.domain.errors import BrokerRefused
from prime_jennie.domain.orders import (
    IntentState,
    OrderOutcome,
    OrderRequest,
    OrderResult,
    OrderState,
    OrderStatus,
    TradeType,
)
from prime_jennie.infra.clients.kis.envelope import TRY_AGAIN_CODES
from prime_jennie.infra.clients.kis.transport import NOT_CONNECTED
from prime_jennie.infra.database.tables.trading import OrderIntentRow, OrderRow

LEASE_LOST = "LEASE_LOST"
# After these nothing was done and the very same intent may be dispatched again.
SAFE_TO_REPEAT = TRY_AGAIN_CODES | {NOT_CONNECTED, LEASE_LOST}


def may_be_sent(intent: OrderIntentRow) -> bool:
    """Tell whether an intent is still to be sent: never sent, or refused in a way that allows it."""
    if intent.state == IntentState.NEW.value:
        return True
    return intent.state == IntentState.REFUSED.value and intent.error_code in SAFE_TO_REPEAT


def may_repeat(refused: BrokerRefused) -> bool:
    """Tell the same of a refusal just received."""
    return refused.code in SAFE_TO_REPEAT


def result_of(intent: OrderIntentRow) -> OrderResult:
    """Answer from the intent as it stands."""
    order_no = intent.broker_order_no
    if intent.state == IntentState.ACCEPTED.value:
        return _result(intent, OrderOutcome.ACCEPTED, "accepted by the broker", order_no)
    message = ": ".join(part for part in (intent.error_code, intent.error_message) if part) or None
    if intent.state in (IntentState.REFUSED.value, IntentState.NOT_SENT.value):
        return _result(intent, OrderOutcome.REFUSED, message, None)
    return _result(intent, OrderOutcome.UNKNOWN, message or "the broker's answer is not known yet", None)


def accepted(order: OrderRequest, key: str, ref: BrokerOrderRef) -> OrderResult:
    """Answer an order that the broker took."""
    return _told(order, key, OrderOutcome.ACCEPTED, "accepted by the broker", ref.order_no)


def refused(order: OrderRequest, key: str, why: str) -> OrderResult:
    """Answer an order that was not taken."""
    return _told(order, key, OrderOutcome.REFUSED, why, None)


def unknown(order: OrderRequest, key: str, why: str) -> OrderResult:
    """Answer an order of which nobody knows yet."""
    return _told(order, key, OrderOutcome.UNKNOWN, why, None)


def state_of(order: OrderRow) -> OrderState:
    """Describe an order the gateway follows."""
    status = OrderStatus(order.status)
    return OrderState(
        order_no=order.broker_order_no,
        stock_code=order.stock_code,
        side=TradeType(order.side),
        quantity=order.quantity,
        status=status,
        filled_qty=order.filled_qty,
        filled_amount_krw=order.filled_amount_krw,
        avg_price=order.avg_fill_price or 0.0,
        remaining_qty=0 if status.is_terminal else order.quantity - order.filled_qty,
        terminal=status.is_terminal,
    )


def _result(intent: OrderIntentRow, outcome: OrderOutcome, message: str | None, order_no: str | None) -> OrderResult:
    return OrderResult(
        success=outcome is OrderOutcome.ACCEPTED,
        order_no=order_no,
        stock_code=intent.stock_code,
        quantity=intent.quantity,
        price=intent.price or 0,
        message=message,
        outcome=outcome,
        idempotency_key=intent.idempotency_key,
    )


def _told(order: OrderRequest, key: str, outcome: OrderOutcome, message: str, order_no: str | None) -> OrderResult:
    return OrderResult(
        success=outcome is OrderOutcome.ACCEPTED,
        order_no=order_no,
        stock_code=order.stock_code,
        quantity=order.quantity,
        price=order.price or 0,
        message=message,
        outcome=outcome,
        idempotency_key=key,
    )
