from typing import Any

import pytest

from prime_jennie_operator.manifest import Manifest
from prime_jennie_operator.uninstall_guard import FORCE_ANNOTATION, objections

CURRENT = [{"type": "Ready", "status": "False"}, {"type": "FiguresCurrent", "status": "True"}]
UNKNOWN = "may hold positions: its figures are not known"
LATE = "may hold positions: its newest spec is not followed yet"


def strategy(spec: dict[str, Any], status: dict[str, Any] | None, **annotations: str) -> Manifest:
    metadata = {"name": "krx", "namespace": "desk", "generation": 2, "annotations": annotations}
    told = {} if status is None else {"status": {"observedGeneration": 2, **status}}
    return {"metadata": metadata, "spec": spec, **told}


STOPPED = {"trading": "Stopped"}


@pytest.mark.parametrize(
    ("spec", "status", "why"),
    [
        (STOPPED, {"positions": 0, "conditions": CURRENT}, UNKNOWN),
        (STOPPED, {"positions": 1, "openOrders": 0, "conditions": CURRENT}, "holds 1 position"),
        (STOPPED, {"positions": 3, "openOrders": 0, "conditions": CURRENT}, "holds 3 positions"),
        (STOPPED, None, LATE),
        (STOPPED, {"observedGeneration": 1, "positions": 0, "openOrders": 0, "conditions": CURRENT}, LATE),
        (STOPPED, {}, UNKNOWN),
        (STOPPED, {"positions": 0, "openOrders": 1, "conditions": CURRENT}, "has 1 open order"),
        (STOPPED, {"positions": 0, "openOrders": 0, "conditions": CURRENT}, None),
        (STOPPED, {"positions": 0}, UNKNOWN),
        (STOPPED, {"positions": 0, "conditions": [{"type": "FiguresCurrent", "status": "False"}]}, UNKNOWN),
        (STOPPED, {"positions": 0, "conditions": [{"type": "FiguresCurrent", "status": "Unknown"}]}, UNKNOWN),
        (STOPPED, {"positions": None, "conditions": CURRENT}, UNKNOWN),
        ({"trading": "Paused"}, {"positions": 0, "openOrders": 0, "conditions": CURRENT}, "is Paused, not Stopped"),
        ({"trading": "Active"}, {"positions": 0, "openOrders": 0, "conditions": CURRENT}, "is Active, not Stopped"),
        ({}, {"positions": 2, "openOrders": 0, "conditions": CURRENT}, "is Active, not Stopped and holds 2 positions"),
        ({}, None, f"is Active, not Stopped and {LATE}"),
    ],
)
def test_a_strategy_may_go_only_when_it_is_stopped_and_known_to_hold_nothing(
    spec: dict[str, Any], status: dict[str, Any] | None, why: str | None
) -> None:
    assert list(objections([strategy(spec, status)])) == ([f"TradingStrategy desk/krx {why}"] if why else [])


def test_a_person_may_say_that_it_goes_as_it_is() -> None:
    held = {"positions": 3, "openOrders": 0, "conditions": CURRENT}
    assert list(objections([strategy({}, held, **{FORCE_ANNOTATION: "true"})])) == []
    assert len(list(objections([strategy({}, held, **{FORCE_ANNOTATION: "yes"})]))) == 1, "only this word is meant"


def test_every_strategy_is_told() -> None:
    assert len(list(objections([strategy({}, None), strategy(STOPPED, None)]))) == 2
