"""Orders whose answer never came: never sent again, found in the broker's own list."""

import pytest

from prime_jennie.infra.database.repositories.orders import OrderRepository
from tests.support.eventually import eventually
from tests.support.exchange import ACCOUNT
from tests.support.gateway import HYNIX, SAMSUNG, STRATEGY, House


async def resolved(house: House, key: str) -> str:
    orders = OrderRepository(house.db)

    async def is_resolved() -> bool:
        intent = await orders.intent_by_key(ACCOUNT, STRATEGY, key)
        return intent is not None and intent.state not in ("DISPATCHING", "UNKNOWN")

    await eventually(is_resolved, within_secs=20, what=f"{key} is resolved")
    intent = await orders.intent_by_key(ACCOUNT, STRATEGY, key)
    assert intent is not None
    return intent.state


@pytest.mark.parametrize(
    ("fault", "parameters"),
    [
        ("order_reply_lost", {}),
        ("order_reply_delayed", {"secs": 3}),
        ("order_500_after_accept", {"code": "EGW00302"}),
        ("order_500_after_accept", {"code": "EGW00301"}),
    ],
)
async def test_an_accepted_order_without_an_answer_is_one_order_and_resolves_to_accepted(
    house: House, fault: str, parameters: dict[str, object]
) -> None:
    before = len(house.exchange_orders())
    house.exchange.arm(fault, count=1, parameters=parameters)
    key = f"{fault}-{before}"
    answer = house.gateway.post("/api/trading/buy", {"stock_code": SAMSUNG, "quantity": 3}, **{"Idempotency-Key": key})
    assert answer.status_code == 202
    assert answer.json()["outcome"] == "unknown"
    assert await resolved(house, key) == "ACCEPTED"
    repeated = house.gateway.post(
        "/api/trading/buy", {"stock_code": SAMSUNG, "quantity": 3}, **{"Idempotency-Key": key}
    )
    assert repeated.status_code == 200
    orders = house.exchange_orders()
    assert len(orders) == before + 1
    assert repeated.json()["order_no"] == orders[-1]["order_no"]


async def test_while_an_order_is_unresolved_nothing_else_of_its_stock_and_side_is_sent(house: House) -> None:
    before = len(house.exchange_orders())
    house.exchange.arm("order_reply_delayed", count=1, parameters={"secs": 3})
    # The listings time out too, so the order stays unresolved for as long as the fault is armed.
    house.exchange.arm("rest_timeout", probability=1.0, parameters={"tr_id": "TTTC0081R", "secs": 3})
    body = {"stock_code": HYNIX, "quantity": 1}
    assert house.gateway.post("/api/trading/buy", body, **{"Idempotency-Key": "open-1"}).status_code == 202
    other = house.gateway.post("/api/trading/buy", body, **{"Idempotency-Key": "open-2"})
    assert other.status_code == 409
    assert other.json()["error"] == "Conflict"
    assert len(house.exchange_orders()) == before + 1
    status = house.gateway.post("/api/trading/order-status", {"idempotency_key": "open-1"})
    assert status.status_code == 503  # unknown is not "there is none"
    house.disarm()
    assert await resolved(house, "open-1") == "ACCEPTED"
    assert house.gateway.post("/api/trading/buy", body, **{"Idempotency-Key": "open-2"}).json()["success"]
    assert len(house.exchange_orders()) == before + 2
