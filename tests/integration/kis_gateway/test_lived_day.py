"""The day over HTTP and with real processes: kills in the session, the close, shares sold at the broker's counter."""

import time
from pathlib import Path
from typing import Any

import httpx

from prime_jennie.infra.database.repositories.bookkeeper import Bookkeeper
from prime_jennie.infra.database.repositories.market_states import MarketStateRepository
from prime_jennie.infra.database.repositories.positions import PositionRepository
from prime_jennie.infra.database.repositories.workers import WorkerRepository
from tests.support import web
from tests.support.exchange import ACCOUNT
from tests.support.exchange_customer import SELL, Customer
from tests.support.gateway import SAMSUNG, STRATEGY, House, running_house, until
from tests.support.order_desk import two_days_later

OPERATOR_TOKEN = "an-operator-token-for-tests-only"
BUY = {"stock_code": SAMSUNG, "quantity": 10}


def state(house: House) -> dict[str, Any]:
    found: dict[str, Any] = web.get(f"{house.gateway.url}/api/market/state", timeout=10).json()
    return found


def stands(house: House, wanted: str) -> bool:
    return bool(state(house)["state"] == wanted)


def buy(house: House, key: str, **order: Any) -> dict[str, Any]:
    answer = house.gateway.post("/api/trading/buy", {**BUY, **order}, **{"Idempotency-Key": key})
    found: dict[str, Any] = answer.json()
    return found


def status_of(house: House, key: str) -> str:
    return str(house.gateway.post("/api/trading/order-status", {"idempotency_key": key}).json().get("status"))


def sync(house: House, token: str | None, **body: Any) -> httpx.Response:
    return house.gateway.post("/api/account/position-sync", body, token=token)


async def book(house: House) -> None:
    await Bookkeeper(house.db, two_days_later).book_strategy(ACCOUNT, STRATEGY)


async def test_shares_sold_at_the_brokers_counter_block_buys_until_an_operator_levels_the_books(tmp_path: Path) -> None:
    with running_house(tmp_path, LEASE_SECS="2", JENNIE_OPERATOR_TOKEN=OPERATOR_TOKEN) as house:
        assert buy(house, "held")["success"]
        until(lambda: status_of(house, "held") == "FILLED", what="ten shares are held")
        await book(house)
        by_hand = Customer(house.exchange, "H" * 36)
        assert by_hand.order(SELL, SAMSUNG, 4).json()["rt_cd"] == "0"
        house.gateway.kill()
        house.gateway.start()
        told = state(house)
        assert (told["state"], told["recovery"]["status"]) == ("TRADING", "PARTIAL")
        assert told["recovery"]["details"]["missing_at_broker"] == {SAMSUNG: 4}
        health = house.gateway.health()
        assert health["dependencies"]["positions"]["status"] == "degraded"
        assert "POSITION_DRIFT" in health["buy_blocks"][0]
        refused = buy(house, "blocked")
        assert (refused["outcome"], refused["message"].split(":")[0]) == ("refused", "POSITION_DRIFT")
        sold = house.gateway.post(
            "/api/trading/sell", {"stock_code": SAMSUNG, "quantity": 1}, **{"Idempotency-Key": "exit"}
        )
        assert sold.json()["success"], sold.text
        until(lambda: status_of(house, "exit") == "FILLED", what="an exit passes all the same")
        await book(house)

        assert sync(house, None).status_code == 401
        assert sync(house, "").json()["corrections"][0]["applied"] is False
        assert sync(house, "", dry_run=False).status_code == 403
        assert sync(house, OPERATOR_TOKEN, dry_run="maybe").status_code == 400
        (done,) = sync(house, OPERATOR_TOKEN, dry_run=False, who="kim").json()["corrections"]
        assert (done["applied"], done["quantity_before"], done["quantity_after"]) == (True, 9, 5)
        assert buy(house, "again")["success"]
        (position,) = await PositionRepository(house.db).open_positions(ACCOUNT)
        assert position.quantity == 5
        assert house.gateway.health()["dependencies"]["positions"]["status"] == "healthy"


def test_a_recovery_is_the_operators_to_ask_for(tmp_path: Path) -> None:
    with running_house(tmp_path, JENNIE_OPERATOR_TOKEN=OPERATOR_TOKEN) as house:
        assert house.gateway.post("/api/market/recover", {}, token=None).status_code == 401
        assert house.gateway.post("/api/market/recover", {}).status_code == 403
        report = house.gateway.post("/api/market/recover", {}, token=OPERATOR_TOKEN).json()
        assert (report["cause"], report["status"]) == ("person", "SUCCESS")


async def test_a_gateway_killed_in_the_session_is_back_in_it_with_its_rows(tmp_path: Path) -> None:
    with running_house(tmp_path, LEASE_SECS="2") as house:
        assert stands(house, "TRADING")
        for _ in range(2):
            house.gateway.kill()
            house.gateway.start()
            assert stands(house, "TRADING")
        assert buy(house, "after")["success"]
        log = await MarketStateRepository(house.db, ACCOUNT, "test").recoveries()
        assert [(row.cause, row.status, row.epoch) for row in reversed(log)] == [
            ("start", "SUCCESS", epoch) for epoch in (1, 2, 3)
        ]
        (worker,) = await WorkerRepository(house.db).all()
        assert (worker.service, worker.is_stale) == ("kis-gateway", False)


def test_no_buy_of_ours_works_in_the_closing_auction_and_the_day_closes(tmp_path: Path) -> None:
    flags = ("--at", "15:17")
    with running_house(tmp_path, rate="30", flags=flags) as house:
        far_below = 45_000
        resting = buy(house, "resting", order_type="limit", price=far_below)
        assert resting["success"], resting
        until(lambda: status_of(house, "resting") == "CANCELED", within_secs=40, what="its executor is dead")
        house.exchange.move_clock(rate=120)
        until(lambda: stands(house, "CLOSED"), within_secs=60, what="the session is over")
        house.exchange.move_clock(rate=1)  # a clock that has ended gives no turns at the broker any more
        told = state(house)
        assert [step["step"] for step in told["steps"]][-2:] == ["unfilled orders", "positions"]
        assert [block["code"] for block in told["buy_blocks"]] == ["MARKET_STATE"]
        assert buy(house, "late")["outcome"] == "refused"
        house.gateway.kill()
        house.gateway.start()
        assert stands(house, "CLOSED")


def test_an_exchange_that_is_away_blocks_buys_and_its_return_is_enough(tmp_path: Path) -> None:
    with running_house(tmp_path, KIS_TIMEOUT_SECS="0.5", LEASE_SECS="2") as house:
        house.kill_exchange()
        until(
            lambda: "FILL_STREAM_LOST" in str(state(house)["buy_blocks"]),
            within_secs=30,
            what="the stream of fills is missed",
        )
        house.revive_exchange()
        until(lambda: state(house)["buys_allowed"], within_secs=40, what="the stream is back")
        began = time.monotonic()
        while not buy(house, "back").get("success"):
            assert time.monotonic() - began < 30
            time.sleep(0.2)
