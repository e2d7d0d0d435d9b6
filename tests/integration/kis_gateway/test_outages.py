"""Redis and SQL die: buys stop, reduce-only sells go on without Redis, nothing at all is sent without SQL."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gateway import SAMSUNG, House, running_house, until

BUY = {"stock_code": SAMSUNG, "quantity": 1}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with running_house(tmp_path, KIS_TIMEOUT_SECS="1") as started:
        held = started.gateway.post(
            "/api/trading/buy", {"stock_code": SAMSUNG, "quantity": 9}, **{"Idempotency-Key": "held"}
        )
        assert held.json()["success"]

        def is_filled() -> bool:
            return bool(
                started.gateway.post("/api/trading/order-status", {"idempotency_key": "held"}).json()["terminal"]
            )

        until(is_filled, what="the holding is there")
        yield started


def test_without_redis_buys_are_refused_and_own_shares_can_be_sold_one_a_second(house: House) -> None:
    house.redis.kill()
    bought = house.gateway.post("/api/trading/buy", BUY, **{"Idempotency-Key": "buy"})
    assert bought.status_code == 503
    began_at = time.monotonic()
    # Two only: without its leader the exchange's second never ends, and it takes but six calls on the ledger in one.
    for number in range(2):
        sold = house.gateway.post("/api/trading/sell", BUY, **{"Idempotency-Key": f"sell-{number}"})
        assert sold.status_code == 200, sold.text
        assert sold.json()["success"], sold.text
    assert time.monotonic() - began_at >= 1.0
    assert house.gateway.health()["dependencies"]["redis"]["status"] == "down"
    sides = [order["side"] for order in house.exchange_orders()]
    assert sides == ["BUY", "SELL", "SELL"]

    house.redis.start()

    def buys_again() -> bool:
        return house.gateway.post("/api/trading/buy", BUY, **{"Idempotency-Key": "buy"}).status_code == 200

    until(buys_again, what="buys pass again once Redis is back")
    assert len(house.exchange_orders()) == 4


def test_without_sql_nothing_is_sent(house: House) -> None:
    before = len(house.exchange_orders())
    with sqlite3.connect(house.database_url.removeprefix("sqlite:///"), isolation_level=None) as blocker:
        blocker.execute("BEGIN EXCLUSIVE")
        for path in ("/api/trading/buy", "/api/trading/sell"):
            answer = house.gateway.post(path, BUY, **{"Idempotency-Key": f"locked {path}".replace(" ", "-")})
            assert answer.status_code == 503, answer.text
        assert len(house.exchange_orders()) == before
        blocker.execute("ROLLBACK")
    blocker.close()

    def sends_again() -> bool:
        return house.gateway.post("/api/trading/sell", BUY, **{"Idempotency-Key": "unlocked"}).status_code == 200

    until(sends_again, what="orders pass again once SQL answers")
    assert len(house.exchange_orders()) == before + 1


def test_a_broker_that_never_answers_opens_the_breaker_and_the_clock_closes_it(tmp_path: Path) -> None:
    with running_house(tmp_path, KIS_TIMEOUT_SECS="0.2", BREAKER_FAILURES="3", BREAKER_OPEN_SECS="60") as house:
        quote = ("/api/market/snapshot", {"stock_code": SAMSUNG})
        house.exchange.arm("rest_timeout", probability=1.0, parameters={"tr_id": "FHKST01010100", "secs": 1})
        for _ in range(3):
            assert house.gateway.post(*quote).status_code == 503
        refused = house.gateway.post("/api/trading/buy", BUY, **{"Idempotency-Key": "open"})
        assert refused.status_code == 503
        assert "circuit breaker" in refused.json()["detail"]
        assert house.exchange_orders() == []
        assert house.gateway.health()["breaker"] == "open"
        house.disarm()
        until(lambda: house.gateway.post(*quote).status_code == 200, what="the breaker lets one call try again")
        assert house.gateway.health()["breaker"] == "closed"
