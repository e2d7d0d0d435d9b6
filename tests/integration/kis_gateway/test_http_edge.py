"""What comes in over HTTP: hostile bodies, missing and forged tokens."""

from typing import Any

import pytest

from prime_jennie.domain.errors import ErrorResponse
from prime_jennie.infra.tokens import mint
from tests.support import web
from tests.support.exchange import APP_KEY, APP_SECRET
from tests.support.gateway import READ_TOKEN, SAMSUNG, STRATEGY, TOKEN_KEY, House

TRADING = ["/api/trading/buy", "/api/trading/sell", "/api/trading/cancel", "/api/trading/order-status"]
ACCOUNT = ["/api/account/balance", "/api/account/cash"]


@pytest.mark.parametrize("path", [*TRADING, *ACCOUNT])
def test_without_a_token_nobody_trades_or_looks(house: House, path: str) -> None:
    answer = house.gateway.post(path, {"stock_code": SAMSUNG, "quantity": 1}, token=None)
    assert answer.status_code == 401
    assert ErrorResponse.model_validate(answer.json()).service == "kis-gateway"


@pytest.mark.parametrize("path", ACCOUNT)
def test_the_platforms_read_token_looks(house: House, path: str) -> None:
    assert house.gateway.post(path, None, token=READ_TOKEN).status_code == 200
    assert house.gateway.post(path, None, token=READ_TOKEN + "x").status_code == 403


@pytest.mark.parametrize("path", TRADING)
def test_the_platforms_read_token_trades_nothing(house: House, path: str) -> None:
    answer = house.gateway.post(path, {"stock_code": SAMSUNG, "quantity": 1}, token=READ_TOKEN)
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "krx-core.",
        f"krx-core.{'A' * 43}",
        mint(STRATEGY, "another key of another house"),
        mint("other", TOKEN_KEY).replace("other", STRATEGY),
        mint(STRATEGY, TOKEN_KEY) + "A",
    ],
)
def test_a_forged_token_is_forbidden(house: House, token: str) -> None:
    answer = web.post(
        house.gateway.url + "/api/trading/buy",
        json={"stock_code": SAMSUNG, "quantity": 1},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 403
    assert ErrorResponse.model_validate(answer.json())


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"stock_code": SAMSUNG},
        {"stock_code": "5930", "quantity": 1},
        {"stock_code": "00593a", "quantity": 1},
        {"stock_code": "삼성전자", "quantity": 1},
        {"stock_code": SAMSUNG, "quantity": 0},
        {"stock_code": SAMSUNG, "quantity": -1},
        {"stock_code": SAMSUNG, "quantity": 1.5},
        {"stock_code": SAMSUNG, "quantity": 10**30},
        {"stock_code": SAMSUNG, "quantity": 1, "order_type": "limit", "price": 10**30},
        {"stock_code": SAMSUNG, "quantity": "1; DROP TABLE orders"},
        {"stock_code": SAMSUNG, "quantity": True},
        {"stock_code": SAMSUNG, "quantity": 1, "order_type": "limit"},
        {"stock_code": SAMSUNG, "quantity": 1, "order_type": "limit", "price": 60_050},
        {"stock_code": SAMSUNG, "quantity": 1, "order_type": "market", "price": 60_000},
        {"stock_code": SAMSUNG, "quantity": 1, "order_type": "stop"},
        {"stock_code": SAMSUNG, "quantity": 1, "strategy": "somebody-else"},
        [],
        "buy",
        None,
    ],
)
def test_a_body_that_is_no_order_is_a_bad_request(house: House, body: Any) -> None:
    before = len(house.exchange_orders())
    answer = house.gateway.post("/api/trading/buy", body)
    assert answer.status_code == 400
    assert ErrorResponse.model_validate(answer.json()).error == "BadInput"
    assert len(house.exchange_orders()) == before


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"stock_code": "005930", "quantity": NaN}'])
def test_a_body_that_is_no_json_is_a_bad_request(house: House, content: bytes) -> None:
    headers = {"Authorization": f"Bearer {mint(STRATEGY, TOKEN_KEY)}", "Content-Type": "application/json"}
    answer = web.post(house.gateway.url + "/api/trading/buy", content=content, headers=headers)
    assert answer.status_code == 400
    assert ErrorResponse.model_validate(answer.json())


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/market/snapshot", {"stock_code": "' OR 1=1"}),
        ("/api/market/daily-prices", {"stock_code": SAMSUNG, "days": 0}),
        ("/api/market/daily-prices", {"stock_code": SAMSUNG, "days": 10**9}),
        ("/api/market/minute-prices", {"stock_code": SAMSUNG, "minutes": -1}),
        ("/api/market/index-daily-prices", {"index_code": "KOSPI"}),
        ("/api/realtime/subscribe", {"codes": [SAMSUNG, "x"]}),
        ("/api/realtime/subscribe", {"codes": SAMSUNG}),
        ("/api/realtime/subscribe", {"codes": []}),
        ("/api/realtime/unsubscribe", {"codes": []}),
        ("/api/trading/order-status", {}),
        ("/api/trading/order-status", {"order_no": "1", "idempotency_key": "1"}),
        ("/api/trading/cancel", {"order_no": ""}),
    ],
)
def test_questions_that_violate_their_model_are_bad_requests(house: House, path: str, body: Any) -> None:
    answer = house.gateway.post(path, body)
    assert answer.status_code == 400
    assert ErrorResponse.model_validate(answer.json())


@pytest.mark.parametrize("header", ["x" * 129, "with space", "\x01"])
def test_a_key_that_is_none_is_a_bad_request(house: House, header: str) -> None:
    answer = house.gateway.post(
        "/api/trading/buy", {"stock_code": SAMSUNG, "quantity": 1}, **{"Idempotency-Key": header}
    )
    assert answer.status_code == 400


def test_the_day_of_a_question_must_be_one(house: House) -> None:
    answer = web.get(f"{house.gateway.url}/api/market/is-trading-day?date=2025-02-30")
    assert answer.status_code == 400


def test_index_bars_name_their_source_in_a_header_when_they_are_an_approximation(house: House) -> None:
    answer = house.gateway.post("/api/market/index-daily-prices", {"index_code": "0001", "days": 30})
    assert answer.headers["X-Data-Source"] == "approximation"
    days = [bar["price_date"] for bar in answer.json()]
    assert days == sorted(days)


def test_the_market_says_in_which_session_it_is(house: House) -> None:
    # The ancestor called half past nine "pre_opening" (rulebook §14.2 ✗).
    answer = web.get(f"{house.gateway.url}/api/market/is-market-open")
    assert answer.json() == {"is_open": True, "session": "regular"}


def test_health_tells_what_the_gateway_holds(house: House) -> None:
    health = house.gateway.health()
    assert health["status"] == "healthy"
    assert health["environment"] == "mock"
    assert health["lease"]["ready"]
    assert health["lease"]["epoch"] >= 1
    assert health["websocket"]["hears_notices"]
    assert health["breaker"] == "closed"
    assert health["unresolved_orders"] == 0
    metrics = web.get(f"{house.gateway.url}/metrics").text
    assert "kis_gateway_orders_total" in metrics


def test_no_secret_stands_in_the_log(house: House) -> None:
    text = house.gateway.log_text()
    for secret in (APP_KEY, APP_SECRET, TOKEN_KEY, mint(STRATEGY, TOKEN_KEY)):
        assert secret not in text
