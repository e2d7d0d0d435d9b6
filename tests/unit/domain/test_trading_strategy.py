"""The live configuration: defaults, units, cross-field rules, and what a person may get wrong."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.exits import ExitsSpec, ScaleOutSpec, TrailingSpec
from prime_jennie.domain.signals import SignalType
from prime_jennie.domain.spec import CelRule, Spec
from prime_jennie.domain.trading_strategy import (
    AccountSpec,
    EntrySpec,
    GatewaySpec,
    LiveConfig,
    RiskSpec,
    SecretRef,
    SessionSpec,
    StrategyConfig,
    WatchlistSpec,
    WatchlistSymbol,
)

LIVE = {
    "mode": "live",
    "capitalKrw": 50_000_000,
    "account": {"secretRef": {"name": "kis-live"}},
    "risk": {"dailyLossLimitPct": 2},
}
SPECS: list[type[Spec]] = [
    StrategyConfig,
    WatchlistSpec,
    WatchlistSymbol,
    EntrySpec,
    RiskSpec,
    ExitsSpec,
    TrailingSpec,
    ScaleOutSpec,
    SessionSpec,
    AccountSpec,
    SecretRef,
    GatewaySpec,
    LiveConfig,
]


def refusal(spec: dict[str, Any]) -> BadInput:
    with pytest.raises(ValidationError) as raised:
        StrategyConfig.model_validate(spec)
    return BadInput.from_validation("a.yaml", raised.value)


def test_an_empty_spec_is_a_paper_strategy_with_the_rulebooks_numbers() -> None:
    config = StrategyConfig()
    assert (config.market, config.mode, config.trading, config.rollout) == ("KRX", "paper", "Active", "OutsideSession")
    assert config.capital_krw is None
    assert config.entries == ()
    risk = config.risk
    assert (risk.max_positions, risk.max_buys_per_day, risk.max_orders_per_minute) == (10, 6, 30)
    assert (risk.max_position_pct, risk.max_sector_pct, risk.cash_floor_pct) == (12, 30, 10)
    assert (risk.risk_per_trade_pct, risk.daily_loss_limit_pct) == (1, None)
    exits = config.exits
    assert (exits.stop_loss_pct, exits.take_profit_pct, exits.max_holding_days) == (6, 10, 30)
    assert (exits.trailing.enabled, exits.trailing.activate_pct, exits.trailing.drop_pct) == (True, 5, None)
    assert exits.scale_out is None
    session = config.session
    assert (session.entries_from_open_minutes, session.entries_to_close_minutes) == (15, 30)
    assert not session.flatten_at_close
    assert (config.gateway.name, config.gateway.requests_per_second) == ("kis-gateway", None)
    assert (config.watchlist.source, config.watchlist.max_size) == ("scout", 20)


def test_a_complete_live_strategy_is_taken() -> None:
    config = StrategyConfig.model_validate(LIVE)
    assert config.account.secret_ref is not None
    assert config.account.secret_ref.name == "kis-live"


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("account", "account.secretRef is required in mode live"),
        ("capitalKrw", "capitalKrw is required in mode live"),
        ("risk", "risk.dailyLossLimitPct is required in mode live"),
    ],
)
def test_live_mode_without_a_safeguard_is_refused(missing: str, message: str) -> None:
    spec = {key: value for key, value in LIVE.items() if key != missing}
    assert refusal(spec).reason == message


SYMBOL = {"code": "005930"}
BROKEN_RULES: list[tuple[dict[str, Any], str]] = [
    (LIVE | {"market": "US"}, "mode live is refused for market US: it gives signals only"),
    ({"mode": "live"}, "account.secretRef is required in mode live"),
    ({"mode": "live", "account": LIVE["account"]}, "capitalKrw is required in mode live"),
    (LIVE | {"risk": {}}, "risk.dailyLossLimitPct is required in mode live"),
    ({"entries": [{"name": "MOMENTUM"}, {"name": "MOMENTUM"}]}, "entries must name each strategy once"),
    ({"entries": [{"name": "MANUAL"}]}, "entries[].name must be a strategy; MANUAL signals come from a person"),
    (
        {"watchlist": {"source": "static"}},
        "watchlist.symbols must name at least one stock when watchlist.source is static",
    ),
    (
        {"watchlist": {"maxSize": 1, "symbols": [SYMBOL, {"code": "000660"}]}},
        "watchlist.symbols must not name more stocks than watchlist.maxSize",
    ),
    ({"watchlist": {"symbols": [SYMBOL, SYMBOL]}}, "watchlist.symbols must name each code once"),
    (
        {"risk": {"maxPositionPct": 31}},
        "risk.maxPositionPct must not exceed risk.maxSectorPct: one stock is part of its sector",
    ),
    (
        {"risk": {"maxPositionPct": 90, "maxSectorPct": 90, "cashFloorPct": 11}},
        "risk.maxPositionPct and risk.cashFloorPct must leave room within 100 %",
    ),
    ({"risk": {"cashFloorPct": 0.1}}, "risk.cashFloorPct is in percent: 0 or at least 1"),
    (
        {"exits": {"trailing": {"activatePct": 3, "dropPct": 3}}},
        "exits.trailing.dropPct must be smaller than exits.trailing.activatePct, else the stop starts at a loss",
    ),
    (
        {"exits": {"scaleOut": [{"profitPct": 7, "sharePct": 25}, {"profitPct": 7, "sharePct": 25}]}},
        "exits.scaleOut must climb: each profitPct above the one before",
    ),
    (
        {"exits": {"scaleOut": [{"profitPct": 7, "sharePct": 60}, {"profitPct": 15, "sharePct": 41}]}},
        "exits.scaleOut must not sell more than 100 % in all (sharePct)",
    ),
    (
        {"session": {"entriesFromOpenMinutes": 360, "entriesToCloseMinutes": 30}},
        "session.entriesFromOpenMinutes and session.entriesToCloseMinutes leave no time in 390 minutes",
    ),
]


@pytest.mark.parametrize(("spec", "message"), BROKEN_RULES)
def test_a_broken_rule_is_told_in_the_words_of_the_api_server(spec: dict[str, Any], message: str) -> None:
    assert refusal(spec).reason == message


def test_every_rule_of_the_api_server_is_checked_offline_too() -> None:
    told = {message for _, message in BROKEN_RULES}
    transition = StrategyConfig.CEL_RULES[-1].message
    assert {rule.message for spec in SPECS for rule in spec.CEL_RULES} == told | {transition}


def test_the_market_of_a_strategy_never_changes() -> None:
    krx, us = StrategyConfig(), StrategyConfig.model_validate({"market": "US"})
    krx.refuse_change_from(StrategyConfig.model_validate({"trading": "Paused"}))
    with pytest.raises(ValueError, match="market is immutable"):
        us.refuse_change_from(krx)


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"risk": {"maxPosition": 3}}, "risk.maxPosition"),
        ({"riskk": {}}, "riskk"),
        ({"watchlist": {"symbols": [{}]}}, "watchlist.symbols[0].code"),
        ({"watchlist": {"symbols": [{"code": "5930"}]}}, "watchlist.symbols[0].code"),
        ({"watchlist": {"symbols": [{"code": "005930", "since": "yesterday"}]}}, "watchlist.symbols[0].since"),
        ({"watchlist": {"exclude": ["cheap"]}}, "watchlist.exclude[0]"),
        ({"watchlist": {"maxSize": 41}}, "watchlist.maxSize"),
        ({"entries": [{"name": "ASTROLOGY"}]}, "entries[0].name"),
        ({"entries": [{"name": "MOMENTUM", "parameters": {"minChangePct": "two"}}]}, "entries[0].parameters"),
        ({"entries": [{"name": "MOMENTUM", "enabled": "yes"}]}, "entries[0].enabled"),
        ({"account": {"secretRef": {"name": "Kis Live"}}}, "account.secretRef.name"),
        ({"gateway": {"requestsPerSecond": 21}}, "gateway.requestsPerSecond"),
        ({"market": "NYSE"}, "market"),
        ({"mode": "real"}, "mode"),
        ({"trading": "Stop"}, "trading"),
        ({"rollout": "immediate"}, "rollout"),
        ({"risk": None}, "risk"),
    ],
)
def test_an_unknown_missing_or_malformed_field_is_named_by_its_path(spec: dict[str, Any], field: str) -> None:
    assert refusal(spec).field.startswith(field)


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"capitalKrw": "50M"}, "capitalKrw"),
        ({"capitalKrw": "50000000"}, "capitalKrw"),
        ({"capitalKrw": 50_000_000.5}, "capitalKrw"),
        ({"capitalKrw": 50}, "capitalKrw"),
        ({"capitalKrw": -50_000_000}, "capitalKrw"),
        ({"risk": {"maxPositionPct": 0.12}}, "risk.maxPositionPct"),
        ({"risk": {"maxPositionPct": "12%"}}, "risk.maxPositionPct"),
        ({"risk": {"riskPerTradePct": 0.01}}, "risk.riskPerTradePct"),
        ({"risk": {"dailyLossLimitPct": 0.02}}, "risk.dailyLossLimitPct"),
        ({"risk": {"maxPositions": 2.5}}, "risk.maxPositions"),
        ({"risk": {"maxPositions": True}}, "risk.maxPositions"),
        ({"exits": {"stopLossPct": 0.06}}, "exits.stopLossPct"),
        ({"exits": {"stopLossPct": -6}}, "exits.stopLossPct"),
        ({"exits": {"stopLossPct": float("nan")}}, "exits.stopLossPct"),
        ({"exits": {"stopLossPct": 10.1}}, "exits.stopLossPct"),
        ({"exits": {"scaleOut": [{"profitPct": 0.07, "sharePct": 25}]}}, "exits.scaleOut[0].profitPct"),
        ({"exits": {"scaleOut": [{"profitPct": 7, "sharePct": 0.25}]}}, "exits.scaleOut[0].sharePct"),
        ({"session": {"entriesFromOpenMinutes": 900}}, "session.entriesFromOpenMinutes"),
        ({"session": {"entriesFromOpenMinutes": "15m"}}, "session.entriesFromOpenMinutes"),
    ],
)
def test_a_wrong_unit_is_refused_at_its_field(spec: dict[str, Any], field: str) -> None:
    assert refusal(spec).field == field


def test_a_code_that_yaml_read_as_a_number_is_explained() -> None:
    error = refusal({"watchlist": {"symbols": [{"code": 432}]}})  # what YAML makes of 000660
    assert error.field == "watchlist.symbols[0].code"
    assert "in quotes" in error.reason


def test_a_static_list_with_dates_is_taken() -> None:
    config = StrategyConfig.model_validate(
        {"watchlist": {"source": "static", "symbols": [{"code": "0004Y0"}, {"code": "005930", "since": "2025-03-10"}]}}
    )
    assert [symbol.code for symbol in config.watchlist.symbols] == ["0004Y0", "005930"]
    assert config.watchlist.symbols[0].since is None


def test_no_scale_out_differs_from_the_regimes_scale_out() -> None:
    assert StrategyConfig.model_validate({"exits": {"scaleOut": []}}).exits.scale_out == ()
    assert StrategyConfig().exits.scale_out is None


def test_nothing_can_be_bought_with_zero_buys_a_day() -> None:
    assert StrategyConfig.model_validate({"risk": {"maxBuysPerDay": 0}}).risk.max_buys_per_day == 0


def test_the_live_configuration_round_trips_in_camel_case() -> None:
    live = LiveConfig(
        name="krx-core",
        generation=3,
        spec=StrategyConfig.model_validate(
            LIVE | {"entries": [{"name": "DIP_BUY", "parameters": {"minDropPct": 1.5}}], "trading": "Paused"}
        ),
    )
    text = live.model_dump_json()
    assert '"capitalKrw":50000000' in text
    assert '"minDropPct":1.5' in text
    assert LiveConfig.model_validate_json(text) == live
    assert live.spec.entries[0].name is SignalType.DIP_BUY


@pytest.mark.parametrize(("name", "generation"), [("Krx", 1), ("a:b", 1), ("krx", 0)])
def test_a_live_configuration_needs_a_label_and_a_generation(name: str, generation: int) -> None:
    with pytest.raises(ValidationError):
        LiveConfig(name=name, generation=generation, spec=StrategyConfig())


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.__name__)
def test_every_field_is_described_and_every_default_has_a_reason(spec: type[BaseModel]) -> None:
    for name, field in spec.model_fields.items():
        assert field.description, f"{spec.__name__}.{name}"
        assert field.description.endswith("."), f"{spec.__name__}.{name}"


def _nodes(schema: object) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from _nodes(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _nodes(value)


def test_the_schema_holds_only_what_a_crd_can_say() -> None:
    """The API server takes no exclusive bounds and no unions but null, and its rules need bounded lists and strings."""
    for node in _nodes(StrategyConfig.model_json_schema()):
        assert "exclusiveMinimum" not in node
        assert "exclusiveMaximum" not in node
        if "anyOf" in node:
            assert len([option for option in node["anyOf"] if option != {"type": "null"}]) == 1
        if node.get("type") == "array":
            assert "maxItems" in node
        if node.get("type") == "string":
            assert {"enum", "maxLength", "format", "const"} & node.keys()


def test_a_cel_rule_is_data() -> None:
    assert all(isinstance(rule, CelRule) and rule.rule and rule.message for spec in SPECS for rule in spec.CEL_RULES)
