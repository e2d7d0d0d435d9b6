"""Where the broker's line says an order stands, and which notices explain what it filled."""

from datetime import UTC, datetime
from typing import Any

import pytest

from kis_gateway.matching import executions_of, status_of
from prime_jennie.domain.broker import BrokerOrder, FillNotice, NoticeKind
from prime_jennie.domain.orders import OrderStatus, OrderType, TradeType

AT = datetime(2025, 3, 4, 0, 30, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, OrderStatus.SENT),
        ({"filled_qty": 4, "filled_amount_krw": 280_000, "remaining_qty": 6}, OrderStatus.PARTIAL),
        ({"filled_qty": 10, "filled_amount_krw": 700_000, "remaining_qty": 0}, OrderStatus.FILLED),
        ({"remaining_qty": 0, "canceled_qty": 10}, OrderStatus.CANCELED),
        ({"filled_qty": 4, "filled_amount_krw": 280_000, "remaining_qty": 0}, OrderStatus.CANCELED),
        ({"remaining_qty": 0, "rejected_qty": 10}, OrderStatus.REJECTED),
    ],
)
def test_a_line_says_where_its_order_stands(changes: dict[str, Any], status: OrderStatus) -> None:
    facts: dict[str, Any] = {
        "order_no": "0000000007",
        "stock_code": "005930",
        "side": TradeType.BUY,
        "order_type": OrderType.LIMIT,
        "quantity": 10,
        "price": 70_000,
        "filled_qty": 0,
        "filled_amount_krw": 0,
        "remaining_qty": 10,
        "ordered_at": AT,
    }
    assert status_of(BrokerOrder(**(facts | changes))) is status


def notice(quantity: int, price: int) -> FillNotice:
    return FillNotice(
        account_no="12345678-01",
        kind=NoticeKind.FILLED,
        order_no="0000000007",
        stock_code="005930",
        side=TradeType.BUY,
        quantity=quantity,
        price=price,
        at=AT,
    )


def test_notices_that_add_up_are_one_execution_each() -> None:
    # 4 × 70,000 + 6 × 70,100 = 700,600.
    executions = executions_of(10, 700_600, [notice(4, 70_000), notice(6, 70_100)])
    assert [(one.quantity, one.amount_krw) for one in executions] == [(4, 280_000), (6, 420_600)]


def test_a_repeated_notice_counts_once() -> None:
    twice = [notice(4, 70_000), notice(4, 70_000), notice(6, 70_100)]
    assert [one.quantity for one in executions_of(10, 700_600, twice)] == [4, 6]


def test_two_executions_that_look_alike_are_both_counted_when_the_list_says_so() -> None:
    alike = [notice(5, 70_000), notice(5, 70_000)]
    assert [one.quantity for one in executions_of(10, 700_000, alike)] == [5, 5]


@pytest.mark.parametrize(
    "heard", [[], [notice(4, 70_000)], [notice(10, 70_000)], [notice(4, 70_000), notice(7, 70_100)]]
)
def test_notices_that_do_not_add_up_explain_nothing(heard: list[FillNotice]) -> None:
    assert executions_of(10, 700_600, heard) == []
