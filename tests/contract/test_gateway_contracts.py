"""The seeds' gateway contract (service-contracts §4.3), word for word, and the bodies of §1.1 and §5.1."""

import pytest
from pydantic import ValidationError

from prime_jennie.domain.errors import ErrorResponse
from prime_jennie.domain.orders import OrderRequest, OrderType
from prime_jennie.domain.sessions import SessionPhase


def test_order_request_valid_limit():
    """지정가 주문은 price 필수"""
    with pytest.raises(ValidationError):
        OrderRequest(
            stock_code="005930",
            quantity=30,
            order_type=OrderType.LIMIT,
            price=None,  # ← limit인데 price 없음 → 에러
        )


def test_an_order_body_without_a_type_is_a_market_order() -> None:
    order = OrderRequest.model_validate_json('{"stock_code": "005930", "quantity": 30}')
    assert order.order_type is OrderType.MARKET
    assert order.price is None


def test_the_open_exchange_answers_regular_as_in_the_seeds() -> None:
    assert SessionPhase.REGULAR.value == "regular"


def test_an_error_has_the_seeds_four_fields() -> None:
    assert list(ErrorResponse.model_fields) == ["error", "detail", "service", "timestamp"]
