"""Faults of the REST interface: what the customer sees, and what the exchange did all the same."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support import web
from tests.support.exchange import ACCOUNT, RunningExchange, running_exchange
from tests.support.exchange_customer import BUY, QUOTATIONS, Customer


@pytest.fixture
def exchange() -> Iterator[RunningExchange]:
    with running_exchange("--rest-per-s", "1000", "--ledger-per-s", "1000", "--rate", "0.001") as running:
        yield running


def fills(exchange: RunningExchange) -> int:
    return len(exchange.control(f"ledger/{ACCOUNT}")["fills"])


def test_a_lost_reply_cuts_the_connection_but_the_order_is_listed(exchange: RunningExchange) -> None:
    customer = Customer(exchange)
    exchange.arm("order_reply_lost", count=1)
    with pytest.raises(httpx.TransportError):
        customer.order(BUY, "005930", 1)
    assert [row["tot_ccld_qty"] for row in customer.listed_orders()] == ["1"]
    assert fills(exchange) == 1


def test_a_delayed_reply_comes_late_and_the_order_is_done_before(exchange: RunningExchange) -> None:
    customer = Customer(exchange)
    exchange.arm("order_reply_delayed", count=1, parameters={"secs": 1.5})
    customer.http.timeout = httpx.Timeout(0.5)
    with pytest.raises(httpx.TimeoutException):
        customer.order(BUY, "005930", 1)
    assert fills(exchange) == 1


def test_a_500_after_acceptance_hides_an_order_that_was_executed(exchange: RunningExchange) -> None:
    customer = Customer(exchange)
    exchange.arm("order_500_after_accept", count=1)
    answer = customer.order(BUY, "005930", 1)
    assert (answer.status_code, answer.json()["msg_cd"]) == (500, "EGW00302")
    assert fills(exchange) == 1


def test_a_rate_refusal_does_nothing(exchange: RunningExchange) -> None:
    customer = Customer(exchange)
    exchange.arm("rate_refusal", count=1, parameters={"code": "EGW00215", "tr_id": BUY})
    quote = customer.get(f"{QUOTATIONS}/inquire-price", "FHKST01010100", FID_INPUT_ISCD="005930")
    assert quote.json()["rt_cd"] == "0"
    assert customer.order(BUY, "005930", 1).json()["msg_cd"] == "EGW00215"
    assert customer.order(BUY, "005930", 1).json()["rt_cd"] == "0"
    assert fills(exchange) == 1


def test_a_timeout_does_nothing(exchange: RunningExchange) -> None:
    customer = Customer(exchange)
    customer.order(BUY, "005930", 1)
    exchange.arm("rest_timeout", count=1, parameters={"secs": 1.5})
    customer.http.timeout = httpx.Timeout(0.5)
    with pytest.raises(httpx.TimeoutException):
        customer.order(BUY, "005930", 1)
    assert fills(exchange) == 1


def test_an_invalidated_token_is_expired_for_good(exchange: RunningExchange) -> None:
    customer = Customer(exchange)
    exchange.arm("token_invalidated", count=1)
    for _ in range(2):
        answer = customer.get(f"{QUOTATIONS}/inquire-price", "FHKST01010100", FID_INPUT_ISCD="005930")
        assert (answer.status_code, answer.json()["msg_cd"]) == (500, "EGW00123")


def test_faults_are_listed_removed_and_checked(exchange: RunningExchange) -> None:
    url = f"{exchange.control_url}/control/faults"
    exchange.arm("order_reply_lost", probability=1.0)
    assert [fault["name"] for fault in web.get(url).json()["faults"]] == ["order_reply_lost"]
    assert web.delete(url).json() == {"removed": 1}
    refused = web.post(url, json={"name": "earthquake"})
    assert refused.status_code == 400
    assert refused.json()["service"] == "kis-simulator"
    assert Customer(exchange).order(BUY, "005930", 1).json()["rt_cd"] == "0"
