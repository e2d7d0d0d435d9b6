"""Find an uncertain order in the broker's own list, and a list's executions among the notices."""

from collections.abc import Collection, Sequence
from datetime import timedelta

from prime_jennie.domain.broker import BrokerOrder, FillNotice
from prime_jennie.domain.orders import OrderStatus, OrderType
from prime_jennie.infra.database.repositories.fills import Execution
from prime_jennie.infra.database.tables.trading import OrderIntentRow

CLOCK_SLACK = timedelta(seconds=60)
"""The list's times are whole seconds of the broker's clock, and a laptop's may be ahead of it.

Too little slack would call an order that works at the exchange "not sent"; too much might at worst take an identical
order of the last minute that a person placed by hand.
"""


def find_order(intent: OrderIntentRow, listing: Sequence[BrokerOrder], linked: Collection[str]) -> BrokerOrder | None:
    """Return the order that this intent became: same in everything, not older, nobody else's, and the nearest in time.

    KIS knows no order id of its client, so identity is this comparison; one unresolved order an account, stock and
    side makes it unambiguous.
    """
    sent_at = intent.dispatched_at or intent.created_at
    is_market = intent.order_type == OrderType.MARKET.value
    fitting = [
        order
        for order in listing
        if order.orig_order_no is None
        and order.order_no not in linked
        and order.stock_code == intent.stock_code
        and order.side.value == intent.side
        and order.quantity == intent.quantity
        and order.order_type.value == intent.order_type
        and (is_market or order.price == intent.price)
        and order.ordered_at >= sent_at - CLOCK_SLACK
    ]
    return min(fitting, key=lambda order: (abs(order.ordered_at - sent_at), order.order_no), default=None)


def status_of(order: BrokerOrder) -> OrderStatus:
    """Say where the broker's line stands in an order's life (rulebook §13.1)."""
    if order.filled_qty == order.quantity:
        return OrderStatus.FILLED
    if order.remaining_qty > 0:
        return OrderStatus.PARTIAL if order.filled_qty else OrderStatus.SENT
    if order.rejected_qty and not order.filled_qty:
        return OrderStatus.REJECTED
    return OrderStatus.CANCELED


def executions_of(quantity: int, amount_krw: int, notices: Sequence[FillNotice]) -> list[Execution]:
    """Return the notices as executions when they explain the difference exactly, repeated ones counted once.

    An empty list means that a notice is missing or one too many: the difference is then one reconciled execution.
    """
    for told in (notices, list(dict.fromkeys(notices))):
        total = sum(notice.quantity for notice in told), sum(notice.quantity * notice.price for notice in told)
        if total == (quantity, amount_krw):
            return [Execution(notice.quantity, notice.quantity * notice.price, notice.at) for notice in told]
    return []
