"""Reads of many stocks and of an index over HTTP: neighbours, refusals, and answers that are errors, never empty."""

from collections.abc import Iterator
from typing import Any

import pytest

from prime_jennie.domain.errors import ErrorResponse
from tests.support.gateway import HYNIX, SAMSUNG, House, running_house

QUOTES_TR = "FHKST11300006"
ATTEMPTS = 3  # of one read of the gateway


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with running_house(tmp_path_factory.mktemp("house")) as started:
        yield started


def calls(house: House) -> int:
    return int(house.exchange.control("stats")["calls"].get(QUOTES_TR, 0))


def test_thirty_stocks_cost_one_call_and_come_in_the_order_asked(house: House) -> None:
    codes = [one["code"] for one in house.listings()[:60]]
    before = calls(house)
    answer = house.gateway.post("/api/market/snapshots", {"stock_codes": codes}, token=None).json()
    assert [one["stock_code"] for one in answer["snapshots"]] == codes
    assert answer["missing"] == {}
    assert calls(house) - before == 2
    assert {(one["high_52w"], one["low_52w"]) for one in answer["snapshots"]} == {(None, None)}


def test_stocks_that_the_exchange_refuses_cost_a_few_calls_more_and_no_neighbour_its_quote(house: House) -> None:
    codes = [one["code"] for one in house.listings()[:28]]
    before = calls(house)
    asked = [*codes[:10], "999998", *codes[10:], "999999"]
    answer = house.gateway.post("/api/market/snapshots", {"stock_codes": asked}).json()
    assert [one["stock_code"] for one in answer["snapshots"]] == codes
    assert answer["missing"] == {code: f"the exchange does not know {code}" for code in ("999998", "999999")}
    assert calls(house) - before <= 20


def test_a_refused_call_is_an_error_and_never_an_empty_answer(house: House) -> None:
    house.exchange.arm("rate_refusal", count=ATTEMPTS, parameters={"tr_id": QUOTES_TR})
    try:
        answer = house.gateway.post("/api/market/snapshots", {"stock_codes": [SAMSUNG, HYNIX]})
    finally:
        house.disarm()
    assert answer.status_code == 503
    assert ErrorResponse.model_validate(answer.json()).error == "Unavailable"
    assert house.gateway.post("/api/market/snapshots", {"stock_codes": [SAMSUNG]}).status_code == 200


def test_an_index_names_its_source_in_its_body_and_in_a_header(house: House) -> None:
    answer = house.gateway.post("/api/market/index", {"index_code": "0001"}, token=None)
    assert answer.json().keys() == {"index_code", "price", "change_pct", "timestamp", "source"}
    assert answer.json()["source"] == answer.headers["X-Data-Source"] == "approximation"
    assert house.gateway.post("/api/market/index", {"index_code": "2001"}).status_code == 404


def test_minutes_of_a_young_session_are_told_from_its_first_one_and_none_is_asked_for_twice(house: House) -> None:
    before = house.exchange.control("stats")["calls"].get("FHKST03010200", 0)
    bars = house.gateway.post("/api/market/minute-prices", {"stock_code": SAMSUNG, "minutes": 390}).json()
    starts = [bar["price_datetime"] for bar in bars]
    assert starts[0] == "2025-03-04T00:00:00Z"
    assert starts == sorted(set(starts))
    assert len(bars) > 30
    pages = house.exchange.control("stats")["calls"]["FHKST03010200"] - before
    assert pages == len(bars) // 30 + 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/market/snapshots", {"stock_codes": []}),
        ("/api/market/snapshots", {"stock_codes": [SAMSUNG] * 301}),
        ("/api/market/snapshots", {"stock_codes": [SAMSUNG, "' OR 1"]}),
        ("/api/market/snapshots", {"stock_codes": SAMSUNG}),
        ("/api/market/snapshots", {"codes": [SAMSUNG]}),
        ("/api/market/index", {"index_code": "KOSPI"}),
        ("/api/market/index", {"index_code": "0001", "days": 5}),
    ],
)
def test_questions_that_violate_their_model_are_bad_requests(house: House, path: str, body: Any) -> None:
    answer = house.gateway.post(path, body)
    assert answer.status_code == 400
    assert ErrorResponse.model_validate(answer.json())
