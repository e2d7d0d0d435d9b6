"""Executions as the exchange reports them: each once, whether notices come, come twice or never."""

from datetime import date
from typing import Any

import pytest

from prime_jennie.infra.database.repositories.fills import FillRepository
from prime_jennie.infra.database.repositories.orders import OrderRepository
from tests.support.eventually import eventually
from tests.support.exchange import ACCOUNT
from tests.support.gateway import SAMSUNG, STRATEGY, House

TODAY = date(2025, 3, 4)


async def executions(house: House, key: str) -> list[tuple[int, int]]:
    """Wait until the order is filled and return quantity and amount of each row."""
    orders, fills = OrderRepository(house.db), FillRepository(house.db)

    async def is_filled() -> bool:
        order = await orders.order_by_key(ACCOUNT, STRATEGY, key)
        return order is not None and order.status == "FILLED"

    await eventually(is_filled, within_secs=20, what=f"{key} is filled")
    order = await orders.order_by_key(ACCOUNT, STRATEGY, key)
    assert order is not None
    rows = await fills.of_order(order.id)
    assert sum(row.quantity for row in rows) == order.filled_qty
    assert sum(row.amount_krw for row in rows) == order.filled_amount_krw
    return [(row.quantity, row.amount_krw) for row in rows]


def told_by(house: House, order_no: str) -> list[tuple[int, int]]:
    fills: list[dict[str, Any]] = house.ledger()["fills"]
    return [(fill["quantity"], fill["amount_krw"]) for fill in fills if fill["order_no"] == order_no]


def buy(house: House, key: str, quantity: int) -> str:
    answer = house.gateway.post(
        "/api/trading/buy", {"stock_code": SAMSUNG, "quantity": quantity}, **{"Idempotency-Key": key}
    )
    assert answer.json()["success"], answer.text
    return str(answer.json()["order_no"])


async def test_each_notice_that_the_list_confirms_is_one_execution(house: House) -> None:
    order_no = buy(house, "plain", 50)
    assert await executions(house, "plain") == told_by(house, order_no)


async def test_repeated_notices_never_double_an_execution(house: House) -> None:
    house.exchange.arm("duplicate_notice", probability=1.0)
    order_no = buy(house, "twice", 40)
    assert await executions(house, "twice") == told_by(house, order_no)
    house.disarm()


async def test_without_notices_the_list_tells_the_whole(house: House) -> None:
    house.exchange.arm("missing_notice", probability=1.0)
    order_no = buy(house, "silent", 30)
    rows = await executions(house, "silent")
    told = told_by(house, order_no)
    assert sum(quantity for quantity, _ in rows) == sum(quantity for quantity, _ in told) == 30
    assert sum(amount for _, amount in rows) == sum(amount for _, amount in told)
    house.disarm()


async def test_notices_that_come_half_the_time_or_twice_leave_every_sum_exact(house: House) -> None:
    house.exchange.arm("missing_notice", probability=0.4)
    house.exchange.arm("duplicate_notice", probability=0.4)
    numbers = {f"mixed-{n}": buy(house, f"mixed-{n}", 5 + n) for n in range(8)}
    for key, order_no in numbers.items():
        rows, told = await executions(house, key), told_by(house, order_no)
        assert [sum(column) for column in zip(*rows, strict=True)] == [
            sum(column) for column in zip(*told, strict=True)
        ]
    house.disarm()


@pytest.mark.usefixtures("house")
async def test_ledger_and_rows_agree_over_everything_that_happened_here(house: House) -> None:
    ledger = house.ledger()
    booked = await OrderRepository(house.db).orders_of_day(ACCOUNT, TODAY)
    ours = {(order.broker_order_no, order.filled_qty, order.filled_amount_krw) for order in booked}
    theirs = {
        (order["order_no"], order["filled_qty"], order["filled_amount_krw"])
        for order in ledger["orders"]
        if order["kind"] == "new"
    }
    assert ours == theirs
    held = await FillRepository(house.db).totals(ACCOUNT, STRATEGY)
    assert held == {row["stock_code"]: row["quantity"] for row in ledger["positions"]}
