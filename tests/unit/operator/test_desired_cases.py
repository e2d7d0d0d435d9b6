"""Operator cases as data: what a person writes in `input`, the objects wanted in `output`, `<ANY>` where it is free."""

from pathlib import Path

import pytest
import yaml

from prime_jennie_operator.desired.platform import platform_objects
from prime_jennie_operator.desired.schedule import schedule_objects
from prime_jennie_operator.desired.strategy import Circumstances, strategy_objects
from prime_jennie_operator.loading import CHART_VALUES, laptop_values, load_document, load_values
from prime_jennie_operator.resources import ScoutSchedule, TradingStrategy
from tests.support.any_yaml import differences
from tests.support.values import REAL_TIME

CASES = Path(__file__).parents[2] / "data" / "operator"
STRATEGIES = sorted(path.stem for path in (CASES / "input").glob("strategy-*.yaml"))
SCHEDULES = sorted(path.stem for path in (CASES / "input").glob("schedule-*.yaml"))
PLATFORMS = sorted(path.stem for path in (CASES / "input").glob("platform-*.yaml"))


def expected(case: str) -> list[dict[str, object]]:
    return list(yaml.safe_load_all((CASES / "output" / f"{case}.yaml").read_text(encoding="utf-8")))


def check(case: str, objects: list[dict[str, object]]) -> None:
    """Every expected object must be there and match; objects not mentioned are free."""
    by_name = {(o["kind"], o["metadata"]["name"]): o for o in objects}  # type: ignore[index]
    found: list[str] = []
    for wanted in expected(case):
        key = (wanted["kind"], wanted["metadata"]["name"])  # type: ignore[index]
        if wanted.get("absent"):
            found += [f"{key}: should not be there"] if key in by_name else []
        elif key not in by_name:
            found.append(f"{key}: missing, there are {sorted(map(str, by_name))}")
        else:
            found += differences(wanted, by_name[key], f"{key[0]}/{key[1]}")
    assert found == []


@pytest.mark.parametrize("case", STRATEGIES)
def test_a_strategy_becomes_these_objects(case: str) -> None:
    """A second document holds chart values that differ, and what a cluster adds to the spec."""
    text = (CASES / "input" / f"{case}.yaml").read_text(encoding="utf-8")
    document, more = [*yaml.safe_load_all(text), {}][:2]
    strategy = load_document(document, case)
    assert isinstance(strategy, TradingStrategy)
    values = load_values(CHART_VALUES, more.get("values", {}))
    check(case, strategy_objects(strategy, values, Circumstances(**more.get("circumstances", {}))))


@pytest.mark.parametrize("case", SCHEDULES)
def test_a_schedule_becomes_these_objects(case: str) -> None:
    document = yaml.safe_load((CASES / "input" / f"{case}.yaml").read_text(encoding="utf-8"))
    schedule = load_document(document, case)
    assert isinstance(schedule, ScoutSchedule)
    check(case, schedule_objects(schedule, load_values()))


@pytest.mark.parametrize("case", PLATFORMS)
def test_values_become_these_objects(case: str) -> None:
    overrides = yaml.safe_load((CASES / "input" / f"{case}.yaml").read_text(encoding="utf-8")) or {}
    at_its_own_speed = {"kisSimulator": {"rate": None}}
    check(case, platform_objects(laptop_values(REAL_TIME, at_its_own_speed, overrides), "trading"))


def test_there_are_cases() -> None:
    assert len(STRATEGIES) >= 3
    assert len(SCHEDULES) >= 2
    assert len(PLATFORMS) >= 3
