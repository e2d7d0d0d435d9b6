import json
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie_operator.desired.agreement import environment_mismatch
from prime_jennie_operator.desired.platform import PROGRAMS, platform_objects
from prime_jennie_operator.desired.strategy import Circumstances, strategy_objects
from prime_jennie_operator.loading import CHART_VALUES, laptop_values, load_document, load_values
from prime_jennie_operator.manifest import Manifest, of_kind
from prime_jennie_operator.resources import TradingStrategy
from tests.support.values import REAL_TIME


def strategy(spec: dict[str, Any] | None = None, **metadata: Any) -> TradingStrategy:
    document = {
        "apiVersion": "trading.prime-jennie.io/v1alpha1",
        "kind": "TradingStrategy",
        "metadata": {"name": "krx", **metadata},
        "spec": spec or {},
    }
    loaded = load_document(document, "test")
    assert isinstance(loaded, TradingStrategy)
    return loaded


def templates(objects: list[Manifest]) -> str:
    return json.dumps([o["spec"]["template"] for o in of_kind(objects, "Deployment")], sort_keys=True)


def test_the_same_spec_gives_the_same_text() -> None:
    first, second = (json.dumps(strategy_objects(strategy(), load_values())) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    "spec",
    [
        {"trading": "Stopped"},
        {"capitalKrw": 9_000_000},
        {"risk": {"maxPositions": 3}},
        {"watchlist": {"source": "static", "symbols": [{"code": "005930"}]}},
        {"entries": [{"name": "MOMENTUM"}]},
        {"exits": {"stopLossPct": 3}},
        {"session": {"flattenAtClose": True}},
        {"rollout": "Immediate"},
    ],
)
def test_live_configuration_is_never_part_of_a_pod_template(spec: dict[str, Any]) -> None:
    plain, changed = strategy_objects(strategy(), load_values()), strategy_objects(strategy(spec), load_values())
    assert templates(plain) == templates(changed)
    assert of_kind(plain, "ConfigMap") != of_kind(changed, "ConfigMap")


def test_where_nobody_may_scrape_nobody_is_let_in_for_it() -> None:
    values = load_values(CHART_VALUES, {"networkPolicies": {"metricsFrom": []}})
    (policy,) = of_kind(strategy_objects(strategy(), values), "NetworkPolicy")
    assert policy["spec"]["ingress"]
    assert all(rule.get("from") for rule in policy["spec"]["ingress"]), "a rule without peers is for everybody"


def test_the_generation_is_no_part_of_a_pod_template() -> None:
    early, late = (strategy_objects(strategy(generation=n), load_values()) for n in (1, 9))
    assert templates(early) == templates(late)


def test_the_config_map_holds_what_services_read() -> None:
    spec = {"risk": {"maxPositions": 3}, "services": {"buyScanner": {"enabled": False}}}
    objects = strategy_objects(strategy(spec, generation=5, namespace="desk"), load_values())
    config = LiveConfig.model_validate_json(of_kind(objects, "ConfigMap")[0]["data"]["strategy.json"])
    assert (config.name, config.namespace, config.generation, config.spec.risk.max_positions) == ("krx", "desk", 5, 3)


def test_the_live_configuration_tells_the_share_that_was_granted() -> None:
    asked = strategy({"gateway": {"requestsPerSecond": 6}}, creationTimestamp="2026-02-19T00:00:00Z")
    objects = strategy_objects(asked, load_values(), Circumstances(share=4.5))
    config = LiveConfig.model_validate_json(of_kind(objects, "ConfigMap")[0]["data"]["strategy.json"])
    assert config.spec.gateway.requests_per_second == 4.5
    assert config.created_at == datetime(2026, 2, 19, tzinfo=UTC)
    assert templates(objects) == templates(strategy_objects(asked, load_values(), Circumstances(share=1)))


def test_the_session_and_the_token_are_no_part_of_a_pod_template() -> None:
    closed, opened = (
        strategy_objects(strategy(), load_values(), Circumstances(token=token, is_open=is_open))
        for token, is_open in (("krx.one", False), ("krx.two", True))
    )
    assert templates(closed) == templates(opened)
    assert "krx.two" not in repr(Circumstances(token="krx.two"))


def test_no_pod_but_the_gateways_knows_the_brokers_secret() -> None:
    values = load_values()
    live = {"mode": "live", "capitalKrw": 10_000_000, "risk": {"dailyLossLimitPct": 2}}
    live["account"] = {"secretRef": {"name": "kis-credentials"}}
    objects = platform_objects(values, "default") + strategy_objects(strategy(live), values)
    pods = of_kind(objects, "Deployment", "StatefulSet", "Job")
    holders = [o["metadata"]["name"] for o in pods if "kis-credentials" in json.dumps(o["spec"])]
    assert holders == ["kis-gateway"]


def test_a_full_node_evicts_others_before_those_that_trade() -> None:
    values = load_values()
    values = values.model_copy(update={"pods": values.pods.model_copy(update={"priority_class_name": "trading"})})
    objects = [*strategy_objects(strategy(), values), *platform_objects(values, "default")]
    pods = [one["spec"]["template"]["spec"] for one in objects if "template" in one.get("spec", {})]
    assert {pod.get("priorityClassName") for pod in pods} == {"trading"}


def test_every_pod_is_hardened() -> None:
    values = load_values()
    for owner in of_kind(
        platform_objects(values, "default") + strategy_objects(strategy(), values), "Deployment", "StatefulSet", "Job"
    ):
        pod = owner["spec"]["template"]["spec"]
        security = pod["containers"][0]["securityContext"]
        assert pod["securityContext"]["runAsNonRoot"] is True, owner["metadata"]["name"]
        assert pod["automountServiceAccountToken"] is False
        assert security["readOnlyRootFilesystem"] is True
        assert security["capabilities"] == {"drop": ["ALL"]}


def test_every_address_in_an_environment_belongs_to_a_rendered_service() -> None:
    values = laptop_values({"virtualClock": {"enabled": True}})
    objects = platform_objects(values, "default") + strategy_objects(strategy(), values)
    known = {f"{s['metadata']['name']}:{p['port']}" for s in of_kind(objects, "Service") for p in s["spec"]["ports"]}
    for owner in of_kind(objects, "Deployment", "StatefulSet"):
        for entry in owner["spec"]["template"]["spec"]["containers"][0]["env"]:
            for address in re.findall(r"://([^/,]+)", entry.get("value", "")):
                assert address in known


def test_the_dashboard_knows_every_service_of_the_platform_and_where_logs_are() -> None:
    values = load_values(CHART_VALUES, {"dashboardApi": {"logsFolder": "/var/log/jennie"}})
    (dashboard,) = [
        o
        for o in of_kind(platform_objects(values, "default"), "Deployment")
        if o["metadata"]["name"] == "dashboard-api"
    ]
    env = {e["name"]: e.get("value") for e in dashboard["spec"]["template"]["spec"]["containers"][0]["env"]}
    named = dict(pair.split("=") for pair in env["SERVICE_URLS"].split(","))
    others = {name for name, _, _ in PROGRAMS} - {"dashboard-api"}
    assert named == {name: f"http://{name}:{urlsplit(url).port}" for name, url in named.items()}
    assert set(named) == {"kis-gateway", *others}
    assert env["LOGS_FOLDER"] == "/var/log/jennie"


LIVE = {
    "mode": "live",
    "capitalKrw": 10_000_000,
    "account": {"secretRef": {"name": "kis-credentials"}},
    "risk": {"dailyLossLimitPct": 2},
}
OTHER_SECRET = {**LIVE, "account": {"secretRef": {"name": "someone-elses"}}}


@pytest.mark.parametrize(
    ("spec", "environment", "mismatch"),
    [
        ({}, "mock", None),
        ({}, "paper", None),
        ({}, "live", "mode paper cannot trade through a gateway in live"),
        (LIVE, "mock", "mode live cannot trade through a gateway in mock"),
        (LIVE, "paper", "mode live cannot trade through a gateway in paper"),
        (LIVE, "live", None),
        (OTHER_SECRET, "live", "account.secretRef someone-elses is not the gateway's own Secret kis-credentials"),
    ],
)
def test_a_strategy_and_its_gateway_must_mean_the_same_money(
    spec: dict[str, Any], environment: str, mismatch: str | None
) -> None:
    confirmed = {"environment": environment, "liveConfirmation": "12345678-01"}
    values = laptop_values(REAL_TIME, {"kisGateway": confirmed | {"accountNo": "12345678-01"}})
    assert environment_mismatch(strategy(spec), values) == mismatch
