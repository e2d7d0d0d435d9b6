"""A desk on a real node, from its installation to its removal. The tests build on one another, in this order."""

from __future__ import annotations

from collections import Counter

import pytest

from jennie.checker import duplicate_orders
from jennie.demo import SAMPLE
from tests.support.trading_cluster import (
    HEALED_WITHIN_SECS,
    STRATEGY,
    TRADED_WITHIN_SECS,
    TradingDesk,
    told,
    until,
)

MINIMAL = SAMPLE.with_name("01-minimal.yaml")
PLATFORM = (
    *("kis-simulator", "kis-gateway", "mariadb", "redis", "prime-jennie-operator", "scout-job", "macro-council"),
    *("data-collector", "daily-briefing", "command-handler", "dashboard-api"),
)
SERVICES = ("buy-scanner", "buy-executor", "sell-executor", "price-monitor")
pytestmark = pytest.mark.timeout(900)


def test_helm_test_makes_a_strategy_ready_and_leaves_none(desk: TradingDesk) -> None:
    said = desk.installation.helm("test", "prime-jennie", "--timeout", "5m")
    assert "Phase:          Succeeded" in said, said
    assert desk.installation.get("tradingstrategies")["items"] == []


def test_a_strategy_that_is_applied_becomes_ready_and_trades(desk: TradingDesk) -> None:
    desk.installation.kubectl("apply", "--filename", str(MINIMAL))
    desk.until_ready()
    desk.pace(0)
    until(lambda: len(desk.ledger()["fills"]) >= 2, TRADED_WITHIN_SECS, lambda: (desk.clock(), desk.stats()))
    desk.pace(1)
    shown = desk.installation.kubectl("get", "tradingstrategies").splitlines()
    assert shown[0].split() == ["NAME", "MODE", "TRADING", "READY", "REGIME", "POSITIONS", "DAY-PNL", "AGE"]
    assert shown[1].split()[:4] == [STRATEGY, "paper", "Active", "True"]


def test_the_dashboard_shows_what_was_traded(desk: TradingDesk) -> None:
    bought = {fill["stock_code"] for fill in desk.ledger()["fills"] if fill["side"] == "BUY"}

    def shows() -> bool:
        return bought <= {trade["stock_code"] for trade in desk.dashboard("/api/trades/recent")}

    until(shows, 60, lambda: desk.dashboard("/api/trades/recent"))


def test_the_operator_shows_positions_as_the_services_report_them(desk: TradingDesk) -> None:
    def shows() -> bool:
        held = len(desk.ledger()["positions"])
        status = desk.installation.get("tradingstrategy", STRATEGY)["status"]
        return held > 0 and status.get("positions") == held

    until(shows, 120, lambda: desk.installation.get("tradingstrategy", STRATEGY)["status"])


def test_the_gateway_that_is_deleted_in_the_session_asks_for_no_token_and_doubles_no_order(desk: TradingDesk) -> None:
    before = desk.stats()["tokens_issued"]
    desk.pace(20)
    desk.replace_pods("kis-gateway")
    desk.until_ready()
    assert desk.stats()["tokens_issued"] == before
    desk.pace(1)
    assert_no_order_twice(desk)


@pytest.mark.parametrize("workload", PLATFORM)
def test_a_pod_of_the_platform_that_is_deleted_comes_back(desk: TradingDesk, workload: str) -> None:
    desk.replace_pods(workload)


@pytest.mark.parametrize("service", SERVICES)
def test_a_pod_of_the_strategy_that_is_deleted_comes_back(desk: TradingDesk, service: str) -> None:
    desk.replace_pods(service)


def test_after_all_that_the_strategy_is_ready_and_its_books_are_the_exchanges(desk: TradingDesk) -> None:
    desk.until_ready(within_secs=300)
    assert_no_order_twice(desk)

    def agrees() -> bool:
        held = {one["stock_code"]: one["quantity"] for one in desk.ledger()["positions"]}
        ours = {one["stock_code"]: one["quantity"] for one in desk.dashboard("/api/portfolio/positions")}
        return held == ours

    until(agrees, 120, lambda: (desk.ledger()["positions"], desk.dashboard("/api/portfolio/positions")))


def test_the_operator_asked_for_nothing_that_it_may_not(desk: TradingDesk) -> None:
    assert "forbidden" not in desk.logs("prime-jennie-operator").lower()
    me = f"--as=system:serviceaccount:{desk.installation.namespace}:prime-jennie-operator"

    def may(*what: str) -> bool:
        return desk.installation.kubectl("auth", "can-i", *what, me, check=False).strip() == "yes"

    assert may("patch", "deployments")
    assert not may("create", "pods")
    assert not may("list", "secrets")
    assert not may("patch", "deployments", "--namespace", "default")


def test_an_upgrade_in_the_session_leaves_the_owner_of_the_session_and_the_traders_alone(desk: TradingDesk) -> None:
    untouched = ("kis-gateway", *SERVICES)
    before = {name: desk.uid_of(name) for name in (*untouched, "dashboard-api")}
    settings = {**desk.settings, "logging": {"level": "DEBUG"}}
    desk.installation.install(*desk.values, values=settings, verb="upgrade")
    until(lambda: desk.uid_of("dashboard-api") != before["dashboard-api"], HEALED_WITHIN_SECS)
    desk.installation.wait_for_pods(HEALED_WITHIN_SECS)
    until(
        lambda: desk.conditions().get("RolloutPending", {}).get("status") == "True",
        HEALED_WITHIN_SECS,
        lambda: told(desk.conditions()),
    )
    assert {name: desk.uid_of(name) for name in untouched} == {name: before[name] for name in untouched}
    desk.until_ready()


def test_uninstalling_is_refused_while_positions_are_held(desk: TradingDesk) -> None:
    assert desk.ledger()["positions"]
    before = desk.left()
    said = desk.installation.helm("uninstall", "prime-jennie", check=False)
    assert said == ""
    assert before - desk.left() == set(), "nothing was touched"
    guard = desk.installation.kubectl("logs", "job/uninstall-guard", check=False)
    assert STRATEGY in guard, guard


def test_forced_it_leaves_claims_and_kinds_alone(desk: TradingDesk) -> None:
    kubectl = desk.installation.kubectl
    kubectl("annotate", "strat", STRATEGY, "trading.prime-jennie.io/force-uninstall=true")
    desk.installation.helm("uninstall", "prime-jennie", "--wait")
    until(
        lambda: {name.partition("/")[0] for name in desk.left()} == {"persistentvolumeclaim"},
        HEALED_WITHIN_SECS,
        desk.left,
    )
    kinds = kubectl("get", "crd", "-o", "name")
    assert Counter(line.endswith(".trading.prime-jennie.io") for line in kinds.split())[True] == 3


def assert_no_order_twice(desk: TradingDesk) -> None:
    """Every order of the exchange has exactly one intent, and no intent has two."""
    evidence = desk.evidence()
    assert evidence.intents
    assert duplicate_orders(evidence) == []
