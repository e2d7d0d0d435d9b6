"""Halts and backstops that the gateway enforces itself (design §7)."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import redis

from prime_jennie.domain.risk import Halt, HaltSource, HaltState
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.database.repositories.halts import HaltRepository
from prime_jennie.infra.tls import trust
from prime_jennie.infra.tokens import mint
from tests.support.exchange import ACCOUNT
from tests.support.gateway import HYNIX, SAMSUNG, STRATEGY, TOKEN_KEY, House, running_house, until

BUY = {"stock_code": SAMSUNG, "quantity": 1}
_AT = datetime(2025, 3, 4, tzinfo=UTC)


@pytest.fixture
def flags(house: House) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(house.redis.url) as client:
        yield client
        for key in client.scan_iter("*emergency:*"):
            client.delete(key)
        client.delete(f"{STRATEGY}:config")


def bought(house: House, key: str, **body: object) -> dict[str, object]:
    answer = house.gateway.post("/api/trading/buy", {**BUY, **body}, **{"Idempotency-Key": key})
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


@pytest.mark.parametrize(
    "flag",
    [
        "emergency:trading_pause",
        "emergency:full_stop",
        "emergency:stop",
        f"{STRATEGY}:emergency:trading_pause",
        f"{STRATEGY}:emergency:stop",
    ],
)
def test_a_flag_in_redis_stops_buys_at_once(house: House, flags: "redis.Redis", flag: str) -> None:
    flags.set(flag, "1")
    refused = bought(house, f"flag-{flag}")
    assert (refused["success"], refused["outcome"]) == (False, "refused")
    assert "HALTED" in str(refused["message"])
    flags.delete(flag)
    assert bought(house, f"lifted-{flag}")["success"]


async def test_a_halt_in_sql_stops_buys_although_redis_knows_nothing_of_it(house: House) -> None:
    halts = HaltRepository(house.db)
    halt = Halt(state=HaltState.PAUSED, source=HaltSource.PERSON, who="owner", why="test", at=_AT)
    for scope in ("", STRATEGY):
        await halts.set(ACCOUNT, scope, halt)
        assert "HALTED" in str(bought(house, f"sql-{scope}")["message"])
        await halts.lift(ACCOUNT, scope, HaltSource.PERSON)
    assert bought(house, "sql-lifted")["success"]


def test_another_strategys_flag_is_not_ours(house: House, flags: "redis.Redis") -> None:
    flags.set("krx-other:emergency:stop", "1")
    assert bought(house, "not-ours")["success"]


def test_the_live_configuration_halts_too_and_caps_what_one_order_may_cost(house: House, flags: "redis.Redis") -> None:
    config = {"name": STRATEGY, "namespace": "default", "generation": 1, "spec": {"capitalKrw": 1_000_000}}
    flags.set(f"{STRATEGY}:config", LiveConfig.model_validate(config).model_dump_json(by_alias=True))
    too_much = bought(house, "too-much", quantity=9_000)
    assert "NOTIONAL_LIMIT_EXCEEDED" in str(too_much["message"])
    config = {**config, "generation": 2, "spec": {"trading": "Paused"}}
    flags.set(f"{STRATEGY}:config", LiveConfig.model_validate(config).model_dump_json(by_alias=True))
    assert "HALTED" in str(bought(house, "spec-paused")["message"])
    config = {**config, "generation": 3, "spec": {}}
    flags.set(f"{STRATEGY}:config", LiveConfig.model_validate(config).model_dump_json(by_alias=True))
    assert bought(house, "spec-active")["success"]


def test_a_strategy_that_is_created_again_brings_its_own_halt(house: House, flags: "redis.Redis") -> None:
    def announce(generation: int, created_at: str, **spec: object) -> None:
        config = {"name": STRATEGY, "generation": generation, "createdAt": created_at, "spec": spec}
        flags.set(f"{STRATEGY}:config", LiveConfig.model_validate(config).model_dump_json(by_alias=True))

    announce(9, "2026-02-19T01:00:00Z")
    assert bought(house, "before-it-was-deleted")["success"]
    announce(1, "2026-02-19T02:00:00Z", trading="Paused")
    assert "HALTED" in str(bought(house, "created-again")["message"])
    announce(2, "2026-02-19T02:00:00Z")
    assert bought(house, "created-again-active")["success"]


def test_an_order_of_more_shares_than_the_backstop_is_refused(house: House) -> None:
    assert "MAX_QTY_EXCEEDED" in str(bought(house, "huge", quantity=10_001)["message"])


def test_a_pause_lets_exits_pass_and_a_full_stop_only_those_by_hand(house: House, flags: "redis.Redis") -> None:
    assert bought(house, "to-sell", quantity=3)["success"]
    flags.set("emergency:trading_pause", "1")

    def sold(key: str, reason: str) -> dict[str, object]:
        headers = {"Idempotency-Key": key, "X-Order-Reason": reason}
        found: dict[str, object] = house.gateway.post("/api/trading/sell", BUY, **headers).json()
        return found

    assert sold("paused", "STOP_LOSS")["success"]
    flags.set("emergency:full_stop", "1")
    assert "HALTED" in str(sold("stopped", "STOP_LOSS")["message"])
    assert sold("by-hand", "MANUAL: sold by the owner")["success"]


def test_shares_that_are_not_the_strategys_are_never_sold_by_it(house: House) -> None:
    assert bought(house, "mine", quantity=2)["success"]
    answer = house.gateway.post(
        "/api/trading/sell", BUY, token=mint("krx-other", TOKEN_KEY), **{"Idempotency-Key": "theirs"}
    )
    assert "INSUFFICIENT_POSITION_QTY" in answer.json()["message"]


def test_a_halt_cancels_the_working_buys(house: House, flags: "redis.Redis") -> None:
    price = house.gateway.post("/api/market/snapshot", {"stock_code": HYNIX}).json()["price"] * 8 // 10
    limit = price - price % 1_000
    order = bought(house, "rests", stock_code=HYNIX, order_type="limit", price=limit)
    assert order["success"]
    flags.set(f"{STRATEGY}:emergency:trading_pause", "1")

    def is_cancelled() -> bool:
        state = house.gateway.post("/api/trading/order-status", {"idempotency_key": "rests"}).json()
        return bool(state["status"] == "CANCELED")

    until(is_cancelled, within_secs=5, what="the halt cancels the working buy")


async def test_fifty_buys_at_once_never_pass_the_limit_of_the_day(tmp_path: Path) -> None:
    with running_house(tmp_path, ORDER_MAX_PER_DAY="3") as house:
        codes = [row["code"] for row in house.listings()][:50]
        headers = {"Authorization": f"Bearer {mint(STRATEGY, TOKEN_KEY)}"}
        async with httpx.AsyncClient(
            base_url=house.gateway.url, headers=headers, timeout=60, trust_env=False, verify=trust()
        ) as http:
            answers = await asyncio.gather(
                *(http.post("/api/trading/buy", json={"stock_code": code, "quantity": 1}) for code in codes)
            )
        refused = [answer.json() for answer in answers if answer.status_code == 200 and not answer.json()["success"]]
        assert any("DAILY_LIMIT_EXCEEDED" in str(answer["message"]) for answer in refused)
        assert len(house.exchange_orders()) == 3
