"""The control API."""

from collections.abc import Iterator

import pytest

from tests.support import web
from tests.support.exchange import ACCOUNT, RunningExchange, running_exchange
from tests.support.exchange_customer import BUY, Customer


@pytest.fixture(scope="module")
def exchange() -> Iterator[RunningExchange]:
    with running_exchange("--at", "08:30", "--rate", "0.001") as running:
        yield running


def test_it_is_alive_ready_healthy_and_counted(exchange: RunningExchange) -> None:
    for path in ("/livez", "/readyz", "/metrics"):
        assert web.get(f"{exchange.control_url}{path}").status_code == 200
    health = web.get(f"{exchange.control_url}/health").json()
    assert (health["service"], health["status"]) == ("kis-simulator", "healthy")
    assert health["data_source"] == "synthetic"


def test_an_account_that_was_never_used_has_its_cash_and_nothing_else(exchange: RunningExchange) -> None:
    ledger = exchange.control("ledger/99999999-01")
    assert ledger["cash_krw"] == ledger["initial_cash_krw"] > 0
    assert (ledger["orders"], ledger["fills"], ledger["positions"]) == ([], [], [])


def test_a_malformed_account_is_refused(exchange: RunningExchange) -> None:
    answer = web.get(f"{exchange.control_url}/control/ledger/1234")
    assert answer.status_code == 400


def test_the_listings_name_every_stock(exchange: RunningExchange) -> None:
    listings = web.get(f"{exchange.control_url}/control/listings").json()
    assert {"code": "005930", "name": "삼성전자"}.items() <= next(x for x in listings if x["code"] == "005930").items()
    assert len(listings) == exchange.control("stats")["universe"]


def test_stats_say_that_the_market_is_made(exchange: RunningExchange) -> None:
    stats = exchange.control("stats")
    assert stats["data_source"] == "synthetic"
    assert "SYNTHETIC" in stats["notes"][0]
    assert stats["universe"] >= 300


@pytest.mark.parametrize("body", [{"rate": -1}, {"rate": "fast"}, {"at": "25:00"}, {"to": "10:00"}, []])
def test_a_malformed_clock_order_is_refused(exchange: RunningExchange, body: object) -> None:
    answer = web.post(f"{exchange.control_url}/control/clock", json=body)
    assert answer.status_code == 400


def test_the_day_runs_from_auction_to_auction_and_the_clock_does_not_go_back() -> None:
    with running_exchange("--at", "08:30", "--rate", "0.001") as exchange:
        assert exchange.control("clock")["phase"] == "opening_auction"
        customer = Customer(exchange)
        waiting = customer.order(BUY, "005930", 2).json()["output"]["ODNO"]
        assert exchange.control(f"ledger/{ACCOUNT}")["orders"][0]["status"] == "open"
        exchange.run_to("09:01")
        order = exchange.control(f"ledger/{ACCOUNT}")["orders"][0]
        assert (order["order_no"], order["status"]) == (waiting, "filled")
        back = web.post(f"{exchange.control_url}/control/clock", json={"at": "09:00"})
        assert back.status_code == 409
        exchange.run_to("15:21")
        assert exchange.control("clock")["phase"] == "closing_auction"
        exchange.run_to("15:35")
        assert exchange.control("clock")["ended"]
        assert customer.order(BUY, "005930", 1).json()["msg_cd"] == "APBK0919"


def test_it_stops_when_asked() -> None:
    with running_exchange() as exchange:
        Customer(exchange)
        assert exchange.stop() == 0
