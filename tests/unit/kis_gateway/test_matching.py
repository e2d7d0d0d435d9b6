"""Which line of the broker's list an order without an answer became."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kis_gateway.matching import find_order
from prime_jennie.domain.broker import BrokerOrder
from prime_jennie.domain.orders import OrderType, TradeType
from prime_jennie.infra.database.tables.trading import OrderIntentRow

SENT_AT = datetime(2025, 3, 10, 3, 0, 0, 500_000, tzinfo=UTC)
INTENT = OrderIntentRow(
    stock_code="005930",
    side="BUY",
    order_type="limit",
    quantity=57,
    price=72_300,
    created_at=SENT_AT,
    dispatched_at=SENT_AT,
)


def line(order_no: str = "0000000007", *, secs: float = 0.0, **changes: Any) -> BrokerOrder:
    facts: dict[str, Any] = {
        "order_no": order_no,
        "org_no": "91252",
        "stock_code": "005930",
        "side": TradeType.BUY,
        "order_type": OrderType.LIMIT,
        "quantity": 57,
        "price": 72_300,
        "filled_qty": 0,
        "filled_amount_krw": 0,
        "remaining_qty": 57,
        "ordered_at": (SENT_AT + timedelta(seconds=secs)).replace(microsecond=0),
    }
    return BrokerOrder(**(facts | changes))


@pytest.mark.parametrize("secs", [-45, -5, 0, 2, 45])
def test_an_order_is_found_although_our_clock_and_the_brokers_differ(secs: float) -> None:
    """A laptop five seconds ahead must not call a working order "not sent" and leave its shares to nobody."""
    assert find_order(INTENT, [line(secs=secs)], ()) == line(secs=secs)


def test_of_two_that_fit_it_is_the_nearest_in_time() -> None:
    assert find_order(INTENT, [line("0000000006", secs=-40), line("0000000007", secs=1)], ()) == line(secs=1)


@pytest.mark.parametrize(
    "changes",
    [
        {"stock_code": "000660"},
        {"side": TradeType.SELL},
        {"order_type": OrderType.MARKET, "price": 0},
        {"quantity": 58},
        {"price": 72_400},
        {"orig_order_no": "0000000001"},
        {"secs": -62.0},
    ],
)
def test_an_order_that_differs_in_anything_or_is_older_is_somebody_elses(changes: dict[str, Any]) -> None:
    assert find_order(INTENT, [line(**changes)], ()) is None


def test_an_order_that_belongs_to_another_intent_is_not_taken() -> None:
    assert find_order(INTENT, [line()], {"0000000007"}) is None
