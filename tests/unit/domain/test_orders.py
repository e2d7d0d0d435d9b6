"""Orders: prices, lives, outcomes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from prime_jennie.domain.orders import (
    IntentState,
    OrderFillStatus,
    OrderOutcome,
    OrderRequest,
    OrderResult,
    OrderState,
    OrderStatus,
    OrderType,
)

STATE = {
    "order_no": "0000000001",
    "stock_code": "005930",
    "side": "BUY",
    "quantity": 30,
    "status": "PARTIAL",
    "filled_qty": 10,
    "filled_amount_krw": 541_000,
    "avg_price": 54_100.0,
    "remaining_qty": 20,
    "terminal": False,
}


def test_a_limit_order_needs_a_price() -> None:
    """Ancestor's defect: the price of a limit order was never enforced."""
    with pytest.raises(ValidationError, match="limit needs a price"):
        OrderRequest(stock_code="005930", quantity=1, order_type=OrderType.LIMIT)


def test_a_market_order_with_a_price_is_refused_because_a_limit_was_meant() -> None:
    with pytest.raises(ValidationError, match="takes no price"):
        OrderRequest(stock_code="005930", quantity=1, price=54_100)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("quantity", 0),
        ("quantity", -1),
        ("quantity", "30"),
        ("quantity", True),
        ("quantity", 1e9 + 0.5),
        ("price", 0),
        ("price", -54_100),
        ("order_type", "LIMIT"),
        ("stock_code", "005930; DROP TABLE orders"),
        ("side", "BUY"),
    ],
)
def test_a_hostile_order_is_refused_at_its_field(field: str, value: object) -> None:
    body = {"stock_code": "005930", "quantity": 1, "order_type": "limit", "price": 54_100}
    with pytest.raises(ValidationError, match=field):
        OrderRequest.model_validate(body | {field: value})


@given(st.integers(1, 10**6), st.none() | st.integers(1, 3_000_000))
def test_every_order_survives_the_wire(quantity: int, price: int | None) -> None:
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    order = OrderRequest(stock_code="005930", quantity=quantity, order_type=kind, price=price)
    assert OrderRequest.model_validate_json(order.model_dump_json()) == order


def test_an_order_lives_as_the_rulebook_draws_it() -> None:
    steps = {status: {other for other in OrderStatus if status.can_become(other)} for status in OrderStatus}
    at_broker = {"PARTIAL", "FILLED", "CANCELED", "REJECTED", "ERROR"}
    assert steps[OrderStatus.NEW] == {"SENT", "REJECTED", "CANCELED"}
    assert steps[OrderStatus.SENT] == at_broker
    assert steps[OrderStatus.PARTIAL] == at_broker
    assert [status for status in OrderStatus if status.is_terminal] == ["FILLED", "CANCELED", "REJECTED", "ERROR"]
    assert all(not steps[status] for status in OrderStatus if status.is_terminal)


def test_an_unresolved_intent_is_one_that_may_stand_at_the_broker() -> None:
    assert [state for state in IntentState if state.is_unresolved] == ["DISPATCHING", "UNKNOWN"]


@pytest.mark.parametrize(
    ("success", "outcome", "taken"),
    [
        (True, OrderOutcome.ACCEPTED, True),
        (False, OrderOutcome.REFUSED, True),
        (False, OrderOutcome.UNKNOWN, True),
        (True, None, True),
        (True, OrderOutcome.UNKNOWN, False),
        (True, OrderOutcome.REFUSED, False),
        (False, OrderOutcome.ACCEPTED, False),
    ],
)
def test_success_means_accepted_and_nothing_else(success: bool, outcome: OrderOutcome | None, taken: bool) -> None:
    body = {"success": success, "stock_code": "005930", "quantity": 1, "price": 0, "outcome": outcome}
    if taken:
        assert OrderResult.model_validate(body).success is success
    else:
        with pytest.raises(ValidationError, match="contradicts"):
            OrderResult.model_validate(body)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"filled_qty": 11}, "exceed quantity"),
        ({"terminal": True}, "contradicts status"),
        ({"status": "FILLED", "terminal": True, "remaining_qty": 0}, "demands filled_qty"),
        ({"remaining_qty": -1}, "remaining_qty"),
        ({"avg_price": float("nan")}, "avg_price"),
        ({"order_no": ""}, "order_no"),
    ],
)
def test_a_state_whose_figures_disagree_is_refused(change: dict[str, object], said: str) -> None:
    assert OrderState.model_validate(STATE)
    with pytest.raises(ValidationError, match=said):
        OrderState.model_validate(STATE | change)


def test_a_canceled_order_may_be_partly_filled() -> None:
    state = OrderState.model_validate(STATE | {"status": "CANCELED", "terminal": True, "remaining_qty": 0})
    assert state.filled_qty == 10


def test_a_fill_status_cannot_be_negative() -> None:
    assert OrderFillStatus(filled=False, filled_qty=0, avg_price=0).avg_price == 0
    with pytest.raises(ValidationError):
        OrderFillStatus(filled=False, filled_qty=-1, avg_price=0)
