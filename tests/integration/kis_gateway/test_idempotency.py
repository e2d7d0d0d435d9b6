"""The same key is the same order, whoever asks and how often."""

import asyncio

import httpx
import redis

from prime_jennie.infra.tls import trust
from prime_jennie.infra.tokens import mint
from tests.support.gateway import HYNIX, SAMSUNG, STRATEGY, TOKEN_KEY, House


async def test_fifty_callers_with_one_key_make_one_order_and_hear_the_same(house: House) -> None:
    before = len(house.exchange_orders())
    headers = {"Authorization": f"Bearer {mint(STRATEGY, TOKEN_KEY)}", "Idempotency-Key": "fifty"}
    async with httpx.AsyncClient(
        base_url=house.gateway.url, headers=headers, timeout=60, trust_env=False, verify=trust()
    ) as http:
        body = {"stock_code": SAMSUNG, "quantity": 2}
        answers = await asyncio.gather(*(http.post("/api/trading/buy", json=body) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert {answer.headers["Idempotency-Key"] for answer in answers} == {"fifty"}
    assert len(house.exchange_orders()) == before + 1


def test_a_known_key_with_another_body_is_refused_and_sends_nothing(house: House) -> None:
    headers = {"Idempotency-Key": "body"}
    assert house.gateway.post("/api/trading/buy", {"stock_code": SAMSUNG, "quantity": 1}, **headers).is_success
    before = len(house.exchange_orders())
    for path, body in (
        ("/api/trading/buy", {"stock_code": SAMSUNG, "quantity": 2}),
        ("/api/trading/buy", {"stock_code": HYNIX, "quantity": 1}),
        ("/api/trading/sell", {"stock_code": SAMSUNG, "quantity": 1}),
    ):
        answer = house.gateway.post(path, body, **headers)
        assert answer.status_code == 409
        assert "IDEMPOTENCY_KEY_BODY_MISMATCH" in answer.json()["detail"]
    assert len(house.exchange_orders()) == before


def test_a_known_key_is_answered_even_when_every_check_would_now_refuse_it(house: House) -> None:
    # The ancestor ran its checks before the lookup (rulebook §13.2 ✗).
    headers = {"Idempotency-Key": "halted-later"}
    first = house.gateway.post("/api/trading/buy", {"stock_code": HYNIX, "quantity": 1}, **headers)
    assert first.json()["success"]
    with redis.Redis.from_url(house.redis.url) as flags:
        flags.set("emergency:trading_pause", "1")
        try:
            again = house.gateway.post("/api/trading/buy", {"stock_code": HYNIX, "quantity": 1}, **headers)
        finally:
            flags.delete("emergency:trading_pause")
    assert again.json()["order_no"] == first.json()["order_no"]


def test_an_order_without_a_key_gets_one_and_is_not_repeated_within_ten_seconds(house: House) -> None:
    body = {"stock_code": "035420", "quantity": 1}
    first = house.gateway.post("/api/trading/buy", body)
    assert first.status_code == 200
    key = first.headers["Idempotency-Key"]
    assert first.json()["idempotency_key"] == key
    again = house.gateway.post("/api/trading/buy", body)
    assert again.status_code == 409
    with_its_key = house.gateway.post("/api/trading/buy", body, **{"Idempotency-Key": key})
    assert with_its_key.json() == first.json()
    other_side = house.gateway.post("/api/trading/sell", body)
    assert other_side.status_code == 200


def test_another_strategys_key_is_another_order(house: House) -> None:
    body = {"stock_code": "035720", "quantity": 1}
    first = house.gateway.post("/api/trading/buy", body, **{"Idempotency-Key": "shared"})
    other = house.gateway.post(
        "/api/trading/buy", body, token=mint("krx-other", TOKEN_KEY), **{"Idempotency-Key": "shared"}
    )
    assert first.json()["success"]
    assert other.json()["success"]
    assert first.json()["order_no"] != other.json()["order_no"]
    hidden = house.gateway.post("/api/trading/cancel", {"order_no": other.json()["order_no"]})
    assert hidden.status_code == 404
