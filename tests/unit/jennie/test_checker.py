"""The checker must see every lie a service could tell."""

from dataclasses import replace
from typing import Any

import pytest

from jennie.checker import judge
from jennie.evidence import Evidence

ORDER = {
    "order_no": "0000000001",
    "kind": "new",
    "stock_code": "005930",
    "side": "BUY",
    "quantity": 10,
    "filled_qty": 10,
}
FILL = {"order_no": "0000000001", "stock_code": "005930", "side": "BUY", "quantity": 10, "amount_krw": 700_000}
OURS = {"broker_order_no": "0000000001", "stock_code": "005930", "side": "BUY", "quantity": 10, "amount_krw": 700_000}
RAN = {
    "name": "scout-20250214-0830",
    "task": "scout",
    "source": "schedule",
    "state": "Ran",
    "reason": "20 stocks",
    "attempts": 1,
    "finished_at": "2025-02-13 23:31:00",
}


def clean_day() -> Evidence:
    return Evidence(
        ledger={"orders": [ORDER], "fills": [FILL], "positions": [{"stock_code": "005930", "quantity": 10}]},
        stats={"refusals": {}},
        intents=[{"id": "i1", "broker_order_no": "0000000001", "state": "ACCEPTED"}],
        orders=[{"id": "i1", "broker_order_no": "0000000001", "filled_qty": 10}],
        fills=[{**OURS, "id": 1}],
        trades=[{**OURS, "fill_id": 1}],
        positions=[{"stock_code": "005930", "quantity": 10}],
        slots=[RAN],
        listed=[{"stock_code": "005930"}],
        planned=["scout-20250214-0830"],
        health={"kis-gateway": "healthy"},
    )


def test_a_clean_day_holds() -> None:
    verdict = judge(clean_day())
    assert verdict.holds
    assert verdict.ledger_matches
    assert verdict.duplicate_orders == 0


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ({"trades": []}, "trade_log says 0"),
        ({"fills": []}, "fills says 0"),
        ({"positions": []}, "active_portfolio 0"),
        ({"positions": [{"stock_code": "005930", "quantity": 11}]}, "active_portfolio 11"),
        ({"trades": [{**OURS, "fill_id": 1, "amount_krw": 700_001}]}, "trade_log says 10 for 700,001"),
        ({"trades": [{**OURS, "fill_id": 1}, {**OURS, "fill_id": 1}]}, "fill 1 is booked 2 times"),
        ({"orders": [{"id": "i1", "broker_order_no": "0000000001", "filled_qty": 9}]}, "9 in orders"),
    ],
)
def test_a_difference_between_witnesses_is_named(broken: dict[str, Any], says: str) -> None:
    verdict = judge(replace(clean_day(), **broken))
    assert not verdict.ledger_matches
    assert any(says in finding for finding in verdict.findings), verdict.findings


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ({"intents": []}, "exchange order 0000000001 has 0 intents"),
        (
            {"intents": [{"id": "i1", "broker_order_no": "0000000001"}, {"id": "i2", "broker_order_no": "0000000001"}]},
            "exchange order 0000000001 has 2 intents",
        ),
        (
            {"intents": [{"id": "i1", "broker_order_no": "0000000001"}, {"id": "i2", "broker_order_no": "0000000009"}]},
            "order 0000000009, unknown to the exchange",
        ),
        (
            {
                "orders": [
                    {"id": "i1", "broker_order_no": "0000000001", "filled_qty": 10},
                    {"id": "i1", "broker_order_no": "0000000002", "filled_qty": 0},
                ]
            },
            "intent i1 has 2 orders",
        ),
    ],
)
def test_a_duplicate_order_is_counted(broken: dict[str, Any], says: str) -> None:
    verdict = judge(replace(clean_day(), **broken))
    assert verdict.duplicate_orders == 1
    assert says in verdict.findings[0]


def test_an_order_sent_twice_for_one_intent_is_seen_at_the_exchange() -> None:
    day = clean_day()
    twice = {**day.ledger, "orders": [ORDER, {**ORDER, "order_no": "0000000002", "filled_qty": 0}]}
    assert judge(replace(day, ledger=twice)).duplicate_orders == 1


def test_a_cancel_is_not_an_order_of_its_own() -> None:
    day = clean_day()
    cancelled = {**day.ledger, "orders": [ORDER, {"order_no": "0000000002", "kind": "cancel", "filled_qty": 0}]}
    assert judge(replace(day, ledger=cancelled)).holds


@pytest.mark.parametrize("code", ["EGW00201", "EGW00215"])
def test_a_rate_refusal_fails_the_day(code: str) -> None:
    verdict = judge(replace(clean_day(), stats={"refusals": {code: 1, "EGW00133": 5}}))
    assert verdict.rate_refusals == 1
    assert not verdict.holds


@pytest.mark.parametrize("status", ["degraded", "unhealthy", "unreachable"])
def test_a_service_that_is_not_healthy_fails_the_day(status: str) -> None:
    verdict = judge(replace(clean_day(), health={"kis-gateway": "healthy", "buy-scanner": status}))
    assert verdict.unhealthy == ("buy-scanner",)
    assert not verdict.holds


@pytest.mark.parametrize(
    ("slots", "says"),
    [
        ([], "scout-20250214-0830 has 0 rows"),
        ([RAN, RAN], "scout-20250214-0830 has 2 rows"),
        ([{**RAN, "finished_at": None, "state": "Running"}], "never ended (Running"),
        ([{**RAN, "state": "Failed", "reason": "no index"}], "failed: no index"),
        ([{**RAN, "state": "Missed", "reason": "20 minutes late"}], "missed: 20 minutes late"),
        ([RAN, {**RAN, "name": "scout-20250214-0831"}], "scout-20250214-0831 ran and no schedule names it"),
    ],
)
def test_a_slot_that_is_not_once_and_well_is_named(slots: list[dict[str, Any]], says: str) -> None:
    verdict = judge(replace(clean_day(), slots=slots))
    assert any(says in finding for finding in verdict.findings), verdict.findings


def test_a_skipped_slot_and_one_that_a_person_triggered_are_in_order() -> None:
    slots = [{**RAN, "state": "Skipped"}, {**RAN, "name": "scout-20250214-0901", "source": "manual"}]
    assert judge(replace(clean_day(), slots=slots)).holds


def test_a_stock_bought_from_no_list_is_named() -> None:
    verdict = judge(replace(clean_day(), listed=[]))
    assert any("005930 was bought and stood on no watchlist" in finding for finding in verdict.findings)
    assert judge(replace(clean_day(), listed=[], chosen=frozenset({"005930"}))).holds
