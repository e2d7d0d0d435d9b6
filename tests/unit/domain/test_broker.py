"""The broker's list and notices."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from prime_jennie.domain.broker import AccountInfo, BrokerOrder, BrokerOrderRef, Environment, FillNotice, NoticeKind

AT = datetime(2025, 3, 13, 0, 30, tzinfo=UTC)
LINE = {
    "order_no": "0000000001",
    "stock_code": "005930",
    "side": "BUY",
    "order_type": "limit",
    "quantity": 30,
    "price": 54_200,
    "filled_qty": 3,
    "filled_amount_krw": 162_500,
    "remaining_qty": 27,
    "ordered_at": AT,
}


def test_the_mean_price_comes_from_the_amount() -> None:
    # 162,500 ÷ 3 = 54,166.67
    assert BrokerOrder.model_validate(LINE).avg_price == pytest.approx(54_166.67, abs=0.01)
    assert BrokerOrder.model_validate(LINE | {"filled_qty": 0, "filled_amount_krw": 0}).avg_price == 0


def test_a_line_that_holds_more_than_was_ordered_is_refused() -> None:
    with pytest.raises(ValidationError, match="exceed quantity"):
        BrokerOrder.model_validate(LINE | {"remaining_qty": 28})


@pytest.mark.parametrize("account", ["12345678-01", "00000000-99"])
def test_an_account_is_eight_and_two_digits(account: str) -> None:
    assert AccountInfo(account_no=account, environment=Environment.MOCK).account_no == account


@pytest.mark.parametrize("account", ["1234567801", "12345678-1", "12345678-01\n", "*", ""])
def test_anything_else_is_no_account(account: str) -> None:
    with pytest.raises(ValidationError, match="account_no"):
        AccountInfo(account_no=account, environment=Environment.MOCK)


def test_a_reference_needs_a_number() -> None:
    assert BrokerOrderRef(order_no="1").org_no == ""
    with pytest.raises(ValidationError):
        BrokerOrderRef(order_no="")


def test_a_notice_reports_an_execution_or_a_step() -> None:
    body = {"account_no": "12345678-01", "order_no": "1", "stock_code": "005930", "side": "SELL", "at": AT}
    fill = FillNotice.model_validate(body | {"kind": "filled", "quantity": 3, "price": 54_100})
    assert fill.kind is NoticeKind.FILLED
    assert FillNotice.model_validate(body | {"kind": "accepted", "quantity": 0, "price": 0}).quantity == 0
