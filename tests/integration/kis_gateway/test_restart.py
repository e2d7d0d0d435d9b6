"""Killed, frozen and replaced gateways: nothing is sent twice, and a stale owner sends nothing."""

import signal
import threading
from pathlib import Path

import httpx
import pytest

from prime_jennie.infra.database.repositories.orders import OrderRepository
from tests.support import web
from tests.support.exchange import ACCOUNT
from tests.support.gateway import SAMSUNG, STRATEGY, RunningGateway, gateway_environment, running_house, until

BUY = {"stock_code": SAMSUNG, "quantity": 4}


async def test_killed_right_after_sending_it_finds_its_order_again_and_sends_no_second_one(tmp_path: Path) -> None:
    with running_house(tmp_path, LEASE_SECS="2", RESOLVE_EVERY_SECS="1") as house:
        house.exchange.arm("order_reply_delayed", count=1, parameters={"secs": 4})
        caller = threading.Thread(target=_ignore_errors, args=(house.gateway, "killed"))
        caller.start()
        until(lambda: len(house.exchange_orders()) == 1, what="the order is at the exchange")
        house.gateway.kill()
        caller.join()
        intent = await OrderRepository(house.db).intent_by_key(ACCOUNT, STRATEGY, "killed")
        assert intent is not None
        assert intent.state == "DISPATCHING"
        assert intent.epoch == 1

        house.gateway.start()  # returns when ready: reconciled before the first order
        answer = house.gateway.post("/api/trading/buy", BUY, **{"Idempotency-Key": "killed"})
        assert (answer.status_code, answer.json()["outcome"]) == (200, "accepted")
        assert len(house.exchange_orders()) == 1
        assert house.gateway.health()["lease"]["epoch"] == 2
        until(lambda: _status(house.gateway, "killed") == "FILLED", what="its fill is recorded")
        # One minute a token: the second run used the first one's.
        assert house.exchange.control("stats")["tokens_issued"] == 1


def test_a_start_while_the_broker_does_not_answer_waits_and_goes_on_when_it_does(tmp_path: Path) -> None:
    with running_house(tmp_path, start=False, LEASE_SECS="2") as house:
        house.exchange.arm("rest_timeout", probability=1.0, parameters={"tr_id": "TTTC0081R", "secs": 0.1})
        house.gateway.start(ready=False)
        until(lambda: "not reconciled yet" in house.gateway.log_text(), what="it has tried")
        first = house.gateway.process
        house.disarm()
        house.gateway.wait("/readyz")
        assert house.gateway.process is first
        assert first is not None
        assert first.poll() is None


def test_fills_that_came_while_it_was_dead_are_recorded_when_it_returns(tmp_path: Path) -> None:
    with running_house(tmp_path, LEASE_SECS="2") as house:
        house.exchange.arm("missing_notice", probability=1.0)
        assert house.gateway.post("/api/trading/buy", BUY, **{"Idempotency-Key": "before"}).json()["success"]
        house.gateway.kill()
        house.gateway.start()
        assert _status(house.gateway, "before") == "FILLED"


def test_a_frozen_owner_that_wakes_after_its_lease_sends_nothing(tmp_path: Path) -> None:
    with running_house(tmp_path, LEASE_SECS="2") as house:
        first = house.gateway
        assert first.process is not None
        standby = RunningGateway(
            gateway_environment(
                REDIS_URL=house.redis.url,
                DATABASE_URL=house.database_url,
                JENNIE_CLOCK=house.redis.url,
                KIS_BASE_URL=house.exchange.rest_url,
                KIS_WS_URL=house.exchange.ws_url,
                LEASE_SECS="2",
            ),
            tmp_path / "standby.log",
        )
        standby.start(ready=False)
        try:
            assert web.get(f"{standby.url}/readyz").status_code == 503
            refused = standby.post("/api/trading/buy", BUY, **{"Idempotency-Key": "standby"})
            assert refused.status_code == 503

            first.process.send_signal(signal.SIGSTOP)
            asked = threading.Thread(target=_ignore_errors, args=(first, "stale"))
            asked.start()  # waits in the frozen process' socket
            standby.wait("/readyz")
            assert standby.health()["lease"]["epoch"] == 2
            first.process.send_signal(signal.SIGCONT)
            asked.join()
            assert first.process.wait(timeout=10) == 1  # it found itself replaced: begin anew, as a standby
            assert house.exchange_orders() == []
            until(lambda: standby.health()["buy_blocks"] == [], what="the notices of fills come to the new owner")
            told = standby.post("/api/trading/buy", BUY, **{"Idempotency-Key": "standby"})
            assert told.json()["success"], told.text
            assert len(house.exchange_orders()) == 1
        finally:
            standby.stop()


def test_a_graceful_stop_hands_the_lease_over_at_once(tmp_path: Path) -> None:
    with running_house(tmp_path, LEASE_SECS="60") as house:
        assert house.gateway.stop() == 0
        house.gateway.start()
        assert house.gateway.health()["lease"]["epoch"] == 2


@pytest.mark.parametrize("kill_exchange_first", [True, False])
def test_the_exchange_comes_back_and_the_gateway_with_it(tmp_path: Path, kill_exchange_first: bool) -> None:
    with running_house(tmp_path, LEASE_SECS="2", KIS_TIMEOUT_SECS="1", RESOLVE_EVERY_SECS="1") as house:
        house.gateway.post("/api/realtime/subscribe", {"codes": [SAMSUNG]})
        until(lambda: house.gateway.health()["buy_blocks"] == [], what="nothing holds buys back")
        bought = house.gateway.post("/api/trading/buy", BUY, **{"Idempotency-Key": "one"})
        assert bought.json()["success"], bought.text
        house.kill_exchange()
        if kill_exchange_first:
            # Time stands still without its leader: the order waits for its turn, or finds nobody to take it.
            threading.Thread(target=_ignore_errors, args=(house.gateway, "two"), daemon=True).start()
        else:
            house.gateway.kill()
        house.revive_exchange()
        if not kill_exchange_first:
            house.gateway.start()

        def bought_again() -> bool:
            answer = house.gateway.post("/api/trading/buy", BUY, **{"Idempotency-Key": "two"})
            return answer.status_code == 200 and bool(answer.json()["success"])

        until(bought_again, within_secs=60, what="the second order reaches the exchange")
        until(lambda: _status(house.gateway, "two") == "FILLED", what="it fills")
        assert len(house.exchange_orders()) == 2
        until(lambda: house.gateway.health()["websocket"]["registered"] == 1, what="the stock is registered again")


def _status(gateway: RunningGateway, key: str) -> str:
    answer = gateway.post("/api/trading/order-status", {"idempotency_key": key})
    return str(answer.json().get("status"))


def _ignore_errors(gateway: RunningGateway, key: str) -> None:
    try:
        gateway.post("/api/trading/buy", BUY, **{"Idempotency-Key": key})
    except httpx.HTTPError:
        return
