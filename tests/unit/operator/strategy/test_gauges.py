from prometheus_client import REGISTRY, generate_latest

from prime_jennie_operator.resources.meta import ConditionType
from prime_jennie_operator.strategy.gauges import Gauges
from prime_jennie_operator.strategy.status import StatusFigures
from prime_jennie_operator.verdicts import Verdict
from prime_jennie_operator.work import Key
from tests.support.findings import all_is_well

KEY = Key("TradingStrategy", "desk", "gauged")
LABELS = {"namespace": "desk", "strategy": "gauged"}
VERDICTS = {ConditionType.READY: Verdict("True", "x"), ConditionType.ROLLOUT_PENDING: Verdict("True", "x")}


def value(name: str, **more: str) -> float | None:
    return REGISTRY.get_sample_value(f"jennie_strategy_{name}", {**LABELS, **more})


def test_what_is_known_is_shown_and_what_is_not_is_absent() -> None:
    gauges = Gauges()
    gauges.show(KEY, all_is_well(), VERDICTS, StatusFigures(positions=3))
    assert [value(name) for name in ("ready", "buys_enabled", "rollout_pending", "positions")] == [1, 0, 1, 3]
    assert value("day_pnl_krw") is None
    assert value("info", mode="paper", trading="Active", regime="unknown") == 1
    gauges.show(KEY, all_is_well(), VERDICTS, StatusFigures(positions=0, day_pnl_krw=-5, market_regime="BULL"))
    assert (value("positions"), value("day_pnl_krw")) == (0, -5)
    assert value("info", mode="paper", trading="Active", regime="unknown") is None
    assert value("info", mode="paper", trading="Active", regime="BULL") == 1
    gauges.forget_all()
    assert b"gauged" not in generate_latest()


def test_a_spec_that_cannot_be_read_is_not_ready_and_keeps_its_figures() -> None:
    gauges = Gauges()
    gauges.refuse(KEY)
    assert (value("ready"), value("generation"), value("info")) == (0, None, None)
    gauges.show(KEY, all_is_well(), VERDICTS, StatusFigures(positions=3))
    gauges.refuse(KEY)
    assert (value("ready"), value("positions")) == (0, 3)
    gauges.forget(KEY)
    assert value("ready") is None
