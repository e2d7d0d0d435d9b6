"""SIGKILL at any point: the same arguments resume the same day."""

import threading
from pathlib import Path

import httpx
import pytest

from tests.support.exchange import ACCOUNT, DAY, refused_exchange, running_exchange, start_exchange
from tests.support.exchange_customer import BUY, QUOTATIONS, SELL, Customer

FAST = ("--rest-per-s", "100000", "--ledger-per-s", "100000")


def test_a_killed_exchange_resumes_with_its_orders_fills_cash_token_and_time(tmp_path: Path) -> None:
    journal = ("--journal", str(tmp_path / "exchange.jsonl"), *FAST)
    first = start_exchange(*journal, "--rate", "30")
    try:
        customer = Customer(first)
        customer.order(BUY, "005930", 20)
        customer.order(SELL, "005930", 5)
        low = customer.order(BUY, "000660", 2, 150_000).json()["output"]["ODNO"]
        before, clock = first.control(f"ledger/{ACCOUNT}"), first.control("clock")
    finally:
        first.kill()
    with running_exchange(*journal, "--rate", "0.001") as second:
        assert "resumed=yes" in second.ready_line
        assert second.control(f"ledger/{ACCOUNT}") == before
        assert second.control("clock")["now"] >= clock["now"]
        customer.http.base_url = httpx.URL(second.rest_url)
        quote = customer.get(f"{QUOTATIONS}/inquire-price", "FHKST01010100", FID_INPUT_ISCD="005930")
        assert quote.json()["rt_cd"] == "0"
        assert low in [row["odno"] for row in customer.listed_orders()]
        number = customer.order(BUY, "005930", 1).json()["output"]["ODNO"]
        assert int(number) == len(before["orders"]) + 1


@pytest.mark.parametrize("after", [3, 17, 40])
def test_whatever_was_answered_before_the_kill_is_there_after_it(tmp_path: Path, after: int) -> None:
    journal = ("--journal", str(tmp_path / "exchange.jsonl"), *FAST, "--rate", "30")
    exchange = start_exchange(*journal)
    answered: list[str] = []
    sent = 0
    customer = Customer(exchange)

    def order_on() -> None:
        nonlocal sent
        while True:
            sent += 1
            try:
                answer = customer.order(BUY, "005930", 1, 58_000)
            except httpx.TransportError:
                return
            answered.append(answer.json()["output"]["ODNO"])

    ordering = threading.Thread(target=order_on)
    ordering.start()
    while len(answered) < after:
        pass
    exchange.kill()
    ordering.join()
    with running_exchange(*journal) as resumed:
        ledger = resumed.control(f"ledger/{ACCOUNT}")
        numbers = [order["order_no"] for order in ledger["orders"]]
        assert set(answered) <= set(numbers)
        # At most the one order whose answer the kill swallowed.
        assert len(numbers) <= sent
        spent = sum(fill["amount_krw"] + fill["commission_krw"] for fill in ledger["fills"])
        assert ledger["cash_krw"] == ledger["initial_cash_krw"] - spent


def test_an_exchange_killed_before_the_close_still_crosses_and_expires_after_it(tmp_path: Path) -> None:
    journal = ("--journal", str(tmp_path / "exchange.jsonl"), *FAST)
    first = start_exchange(*journal, "--at", "15:25", "--rate", "0.001")
    customer = Customer(first)
    crossing = customer.order(BUY, "005930", 3).json()["output"]["ODNO"]
    waiting = customer.order(BUY, "005930", 3, 45_000).json()["output"]["ODNO"]
    first.kill()
    with running_exchange(*journal, "--at", "15:25") as second:
        second.run_to("15:31")
        orders = {order["order_no"]: order["status"] for order in second.control(f"ledger/{ACCOUNT}")["orders"]}
    assert orders == {crossing: "filled", waiting: "expired"}


def test_a_restart_without_a_day_goes_on_with_the_journals(tmp_path: Path) -> None:
    journal = ("--journal", str(tmp_path / "exchange.jsonl"))
    with running_exchange(*journal):
        pass
    again = start_exchange(*journal, day=None)
    try:
        assert f"day={DAY}" in again.ready_line
        assert "resumed=yes" in again.ready_line
    finally:
        again.stop()


def test_a_journal_of_another_day_is_refused(tmp_path: Path) -> None:
    journal = str(tmp_path / "exchange.jsonl")
    with running_exchange("--journal", journal):
        pass
    ended = refused_exchange(
        "--port", "0", "--ws-port", "0", "--control-port", "0", "--day", "2025-03-05", "--journal", journal
    )
    assert ended.returncode == 2
    assert "journal" in ended.stderr
    assert "2025-03-04" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_journal_in_use_is_refused(tmp_path: Path) -> None:
    journal = str(tmp_path / "exchange.jsonl")
    with running_exchange("--journal", journal):
        free = ("--port", "0", "--ws-port", "0", "--control-port", "0", "--day", "2025-03-04", "--seed", "7")
        ended = refused_exchange(*free, "--journal", journal)
    assert ended.returncode == 2
    assert "in use" in ended.stderr
