"""What a person sees of our kinds with kubectl: columns, short names, the category, explanations, wrong input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from prime_jennie_operator.resources.backfill import BackfillStatus
from prime_jennie_operator.resources.scout_schedule import ScoutScheduleStatus
from prime_jennie_operator.resources.trading_strategy import TradingStrategyStatus
from tests.support.bad_specs import document
from tests.support.control_plane import ControlPlane
from tests.support.kinds_api import KindsApi
from tests.support.kubectl_table import table

STRATEGY = {
    "observedGeneration": 1,
    "phase": "Running",
    "conditions": [
        {"type": "Ready", "status": "True", "reason": "AllRunning", "lastTransitionTime": "2026-02-19T00:00:00Z"},
        {"type": "TradingEnabled", "status": "False", "reason": "StaleTicks", "message": "no tick for 90 s"},
    ],
    "services": [{"name": "buy-scanner", "ready": 1, "desired": 1, "image": "localhost/buy-scanner:1"}],
    "positions": 3,
    "openOrders": 1,
    "dayPnlKrw": -12500,
    "marketRegime": "BULL",
    "lastSignalTime": "2026-02-19T00:41:03Z",
}
SCHEDULE = {
    "conditions": [{"type": "Ready", "status": "True", "reason": "Scheduled"}],
    "nextRun": "2026-02-19 09:30",
    "lastSlot": "scout-20260219-0830",
    "lastOutcome": "Ran",
    "slots": [{"slot": "scout-20260219-0830", "outcome": "Ran", "reason": "20 listed", "job": "scout-20260219-0830"}],
}
BACKFILL = {"phase": "Running", "planned": 40, "active": 1, "succeeded": 11, "failed": 1, "progress": "12/40"}


def show(plane: ControlPlane, namespace: str, kind: str, status: Mapping[str, Any], spec: Mapping[str, Any]) -> None:
    """Store an object with a status, as the operator would write it."""
    kinds = KindsApi(plane, namespace)
    wanted = document(kind, spec)
    kinds.create(wanted)
    path = f"{kinds.path(wanted, named=True)}/status"
    plane.request("PATCH", path, {"status": dict(status)}, content_type="application/merge-patch+json")


def test_strategies_are_a_line_each(control_plane: ControlPlane, namespace: str) -> None:
    show(control_plane, namespace, "TradingStrategy", STRATEGY, {"trading": "Paused"})
    names, [row] = table(control_plane.kubectl("-n", namespace, "get", "tradingstrategies").stdout)
    assert names == ["NAME", "MODE", "TRADING", "READY", "REGIME", "POSITIONS", "DAY-PNL", "AGE"]
    assert row[:-1] == ["test", "paper", "Paused", "True", "BULL", "3", "-12500"]
    names, [row] = table(control_plane.kubectl("-n", namespace, "get", "strat", "-o", "wide").stdout)
    assert names[8:] == ["GATEWAY", "LAST-SIGNAL", "REASON"]
    assert (row[8], row[10]) == ("kis-gateway", "StaleTicks")


def test_a_strategy_that_nobody_has_looked_at_yet_shows_what_it_says_itself(
    control_plane: ControlPlane, namespace: str
) -> None:
    KindsApi(control_plane, namespace).create(document("TradingStrategy", {}))
    _, [row] = table(control_plane.kubectl("-n", namespace, "get", "strat").stdout)
    assert row[:-1] == ["test", "paper", "Active", "", "", "", ""]


def test_schedules_are_a_line_each(control_plane: ControlPlane, namespace: str) -> None:
    show(control_plane, namespace, "ScoutSchedule", SCHEDULE, {})
    names, [row] = table(control_plane.kubectl("-n", namespace, "get", "scout").stdout)
    assert names == ["NAME", "TASK", "SCHEDULE", "NEXT", "LAST", "OUTCOME", "SUSPENDED", "AGE"]
    assert row[:-1] == ["test", "scout", "30 8 * * *", "2026-02-19 09:30", "scout-20260219-0830", "Ran", "false"]


def test_backfills_are_a_line_each(control_plane: ControlPlane, namespace: str) -> None:
    show(control_plane, namespace, "Backfill", BACKFILL, {})
    names, [row] = table(control_plane.kubectl("-n", namespace, "get", "bf").stdout)
    assert names == ["NAME", "SCHEDULE", "FROM", "TO", "PHASE", "DONE/PLANNED", "AGE"]
    assert row[:-1] == ["test", "scout", "2026-02-02", "2026-02-06", "Running", "12/40"]


def test_one_word_names_everything_of_ours(control_plane: ControlPlane, namespace: str) -> None:
    for kind in ("TradingStrategy", "ScoutSchedule", "Backfill"):
        KindsApi(control_plane, namespace).create(document(kind, {}))
    found = control_plane.kubectl("-n", namespace, "get", "jennie", "-o", "name").stdout.split()
    assert sorted(name.partition(".")[0] for name in found) == ["backfill", "scoutschedule", "tradingstrategy"]


@pytest.mark.parametrize(
    ("kind", "status", "model"),
    [
        ("TradingStrategy", STRATEGY, TradingStrategyStatus),
        ("ScoutSchedule", SCHEDULE, ScoutScheduleStatus),
        ("Backfill", BACKFILL, BackfillStatus),
    ],
)
def test_a_status_comes_back_as_it_was_written(
    control_plane: ControlPlane, namespace: str, kind: str, status: Mapping[str, Any], model: Any
) -> None:
    show(control_plane, namespace, kind, status, {})
    stored = control_plane.request("GET", KindsApi(control_plane, namespace).path(document(kind, {}), named=True))
    assert stored["status"] == status
    assert model.model_validate(stored["status"]).model_dump(by_alias=True, mode="json", exclude_unset=True) == status


def test_two_managers_own_a_condition_each(control_plane: ControlPlane, namespace: str) -> None:
    kinds = KindsApi(control_plane, namespace)
    wanted = document("TradingStrategy", {})
    kinds.create(wanted)
    for manager, kind in (("one", "Ready"), ("other", "GatewayReady")):
        body = {key: wanted[key] for key in ("apiVersion", "kind", "metadata")}
        body["status"] = {"conditions": [{"type": kind, "status": "True", "reason": "Test"}]}
        path = f"{kinds.path(wanted, named=True)}/status?fieldManager={manager}"
        stored = control_plane.request("PATCH", path, body, content_type="application/apply-patch+yaml")
    assert [condition["type"] for condition in stored["status"]["conditions"]] == ["Ready", "GatewayReady"]


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ("strat.spec.risk.maxPositions", "Stocks held at once."),
        ("strat.spec.watchlist.symbols.since", "First day on the list (KST)"),
        ("scout.spec.anchor", "what a slot keeps its distance from"),
        ("bf.spec.strategy", "what becomes of slots that have a row already"),
        ("strat.status.dayPnlKrw", "realised and unrealised since the open"),
    ],
)
def test_kubectl_explains_every_field(control_plane: ControlPlane, field: str, says: str) -> None:
    assert says in " ".join(control_plane.kubectl("explain", field).stdout.split())


def test_kubectl_names_a_field_that_does_not_exist(control_plane: ControlPlane, namespace: str) -> None:
    text = "apiVersion: trading.prime-jennie.io/v1alpha1\nkind: TradingStrategy\nmetadata: {name: test}\n"
    done = control_plane.kubectl(
        "-n", namespace, "apply", "-f", "-", input=f"{text}spec: {{risk: {{maxPosition: 3}}}}\n", check=False
    )
    assert done.returncode == 1
    assert 'unknown field "spec.risk.maxPosition"' in done.stderr


def test_kubectl_tells_a_broken_rule_as_jennie_validate_does(control_plane: ControlPlane, namespace: str) -> None:
    text = "apiVersion: trading.prime-jennie.io/v1alpha1\nkind: TradingStrategy\nmetadata: {name: test}\n"
    done = control_plane.kubectl(
        "-n", namespace, "apply", "-f", "-", input=f"{text}spec: {{mode: live}}\n", check=False
    )
    assert done.returncode == 1
    for rule in ("account.secretRef", "capitalKrw", "risk.dailyLossLimitPct"):
        assert f"{rule} is required in mode live" in done.stderr
