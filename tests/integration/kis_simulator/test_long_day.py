"""A day from the collectors' morning to the briefing: what the exchange shows before its open and after its close."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.exchange import RunningExchange, running_exchange
from tests.support.exchange_customer import BUY, QUOTATIONS, Customer

UNLIMITED = ("--rest-per-s", "100000", "--ledger-per-s", "100000", "--rate", "0.001")
SAMSUNG, HYNIX = "005930", "000660"
ORDINARY = ("--day", "2025-03-04", "--at", "07:15", "--until", "17:10")
EXAM = ("--day", "2024-11-14", "--at", "08:15", "--until", "18:10")


@pytest.fixture
def morning() -> Iterator[RunningExchange]:
    with running_exchange(*UNLIMITED, *ORDINARY) as running:
        yield running


def chart(customer: Customer, code: str = SAMSUNG) -> list[dict[str, str]]:
    span = {"FID_INPUT_DATE_1": "20240901", "FID_INPUT_DATE_2": "20250310", "FID_PERIOD_DIV_CODE": "D"}
    path = f"{QUOTATIONS}/inquire-daily-itemchartprice"
    rows: list[dict[str, str]] = customer.get(path, "FHKST03010100", FID_INPUT_ISCD=code, **span).json()["output2"]
    return rows


def index_chart(customer: Customer) -> list[dict[str, str]]:
    span = {"FID_INPUT_DATE_1": "20240901", "FID_INPUT_DATE_2": "20250310", "FID_PERIOD_DIV_CODE": "D"}
    path = f"{QUOTATIONS}/inquire-daily-indexchartprice"
    rows: list[dict[str, str]] = customer.get(path, "FHKUP03500100", FID_INPUT_ISCD="0001", **span).json()["output2"]
    return rows


def price(customer: Customer, code: str = SAMSUNG) -> dict[str, str]:
    found: dict[str, str] = customer.get(f"{QUOTATIONS}/inquire-price", "FHKST01010100", FID_INPUT_ISCD=code).json()[
        "output"
    ]
    return found


def many(customer: Customer) -> list[dict[str, str]]:
    codes = {"FID_INPUT_ISCD_1": SAMSUNG, "FID_INPUT_ISCD_2": HYNIX}
    rows: list[dict[str, str]] = customer.get(f"{QUOTATIONS}/intstock-multprice", "FHKST11300006", **codes).json()[
        "output"
    ]
    return rows


def index(customer: Customer) -> dict[str, str]:
    found: dict[str, str] = customer.get(
        f"{QUOTATIONS}/inquire-index-price", "FHPUP02100000", FID_INPUT_ISCD="0001"
    ).json()["output"]
    return found


def minutes(customer: Customer, upto: str) -> list[dict[str, str]]:
    path, hour = f"{QUOTATIONS}/inquire-time-itemchartprice", {"FID_INPUT_HOUR_1": upto}
    rows: list[dict[str, str]] = customer.get(path, "FHKST03010200", FID_INPUT_ISCD=SAMSUNG, **hour).json()["output2"]
    return rows


def test_before_the_open_everything_stands_at_the_last_close(morning: RunningExchange) -> None:
    customer = Customer(morning)
    clock = morning.control("clock")
    last, quote = chart(customer)[0], price(customer)
    assert (clock["at"][:5], clock["phase"], clock["ended"]) == ("07:15", "before", False)
    assert last["stck_bsop_date"] == "20250228"
    assert (quote["stck_prpr"], quote["acml_vol"], quote["stck_oprc"]) == (last["stck_clpr"], "0", "0")
    row = many(customer)[0]
    assert (row["inter2_prpr"], row["inter2_oprc"], row["acml_vol"]) == (last["stck_clpr"], "0", "0")
    before = index_chart(customer)[0]
    now = index(customer)
    assert (before["stck_bsop_date"], now["bstp_nmix_prpr"]) == ("20250228", before["bstp_nmix_prpr"])
    assert (now["bstp_nmix_prdy_ctrt"], now["bstp_nmix_oprc"], now["bstp_nmix_hgpr"]) == ("0.00", "0.00", "0.00")
    assert minutes(customer, "170000") == []
    assert customer.order(BUY, SAMSUNG, 1).json()["rt_cd"] == "1"


def test_after_the_close_every_view_agrees_on_the_day(morning: RunningExchange) -> None:
    customer = Customer(morning)
    morning.run_to("15:29")
    during = price(customer)
    morning.run_to("15:40")
    assert morning.control("clock")["phase"] == "closed"
    bar, quote, row = chart(customer)[0], price(customer), many(customer)[0]
    assert bar["stck_bsop_date"] == "20250304"
    words = {"stck_oprc": "inter2_oprc", "stck_hgpr": "inter2_hgpr", "stck_lwpr": "inter2_lwpr", "acml_vol": "acml_vol"}
    assert [bar[one] for one in words] == [quote[one] for one in words] == [row[two] for two in words.values()]
    assert bar["stck_clpr"] == quote["stck_prpr"] == row["inter2_prpr"]
    assert int(quote["acml_vol"]) > int(during["acml_vol"])
    assert int(quote["stck_hgpr"]) >= int(during["stck_hgpr"])
    latest, level = index_chart(customer)[0], index(customer)
    assert latest["stck_bsop_date"] == "20250304"
    assert level["bstp_nmix_prpr"] == latest["bstp_nmix_prpr"]
    assert (level["bstp_nmix_hgpr"], level["bstp_nmix_lwpr"]) == (latest["bstp_nmix_hgpr"], latest["bstp_nmix_lwpr"])
    last_minute = minutes(customer, "170000")[0]
    assert (last_minute["stck_cntg_hour"], last_minute["stck_prpr"]) == ("153000", bar["stck_clpr"])
    assert customer.order(BUY, SAMSUNG, 1).json()["rt_cd"] == "1"


def test_quotes_of_many_stocks_are_of_the_last_whole_minute_and_have_a_book_of_one_tick(
    morning: RunningExchange,
) -> None:
    customer = Customer(morning)
    morning.run_to("10:30")
    one, row = price(customer), many(customer)[0]
    assert (row["inter2_prpr"], row["acml_vol"], row["inter2_hgpr"]) == (
        one["stck_prpr"],
        one["acml_vol"],
        one["stck_hgpr"],
    )
    assert int(row["inter2_askp"]) - int(row["inter2_bidp"]) == int(one["aspr_unit"])


def reach_end(exchange: RunningExchange, *, last_minute: str, end: str) -> dict[str, Any]:
    exchange.run_to(last_minute)
    assert not exchange.control("clock")["ended"]
    exchange.run_to(end)
    return exchange.control("clock")


def test_the_day_ends_when_it_was_told_and_goes_on_answering(morning: RunningExchange) -> None:
    clock = reach_end(morning, last_minute="17:09", end="17:10")
    assert clock["ended"]
    assert clock["at"] == "17:10:00"
    assert datetime.fromisoformat(clock["ends_at"]) == datetime(2025, 3, 4, 8, 10, tzinfo=UTC)
    assert chart(Customer(morning))[0]["stck_bsop_date"] == "20250304"


def test_the_exam_day_opens_and_closes_an_hour_later() -> None:
    with running_exchange(*UNLIMITED, *EXAM) as exchange:
        customer = Customer(exchange)
        exchange.run_to("09:05")
        assert exchange.control("clock")["phase"] == "before"
        assert price(customer)["acml_vol"] == "0"
        exchange.run_to("10:01")
        assert exchange.control("clock")["phase"] == "regular"
        assert minutes(customer, "170000")[-1]["stck_cntg_hour"] == "100000"
        exchange.run_to("16:31")
        assert exchange.control("clock")["phase"] == "closed"
        assert chart(customer)[0]["stck_bsop_date"] == "20241114"
        assert reach_end(exchange, last_minute="18:09", end="18:10")["ended"]
