from datetime import UTC, datetime
from typing import Any

import pytest

from prime_jennie.domain.risk import HaltState
from prime_jennie_operator.resources import TradingStrategyStatus
from prime_jennie_operator.strategy.budget import Grant
from prime_jennie_operator.strategy.conditions import invalid_spec, verdicts
from prime_jennie_operator.strategy.figures import Figures
from prime_jennie_operator.strategy.standing import Standing, Trouble
from prime_jennie_operator.strategy.status import (
    FIGURES_EVERY_SECS,
    StatusFigures,
    due_figures,
    phase_of,
    refused_status,
    status_of,
)
from prime_jennie_operator.verdicts import settled
from tests.support.findings import all_is_well, report, strategy

AT = datetime(2026, 2, 19, 1, tzinfo=UTC)
WRITTEN = StatusFigures(2, 0, 10_000, "BULL", None)


def halted(state: HaltState) -> Figures:
    return Figures(report=report(trading=state), is_asked=True)


@pytest.mark.parametrize(
    ("changes", "phase"),
    [
        ({}, "Running"),
        ({"services": (Standing("buy-scanner", "x", 0, 1),)}, "Pending"),
        ({"missing": ["Secret x"]}, "Pending"),
        ({"strategy": strategy(trading="Paused")}, "Paused"),
        ({"figures": halted(HaltState.STOPPED)}, "Stopped"),
        ({"grant": Grant(0, "BudgetExhausted", "")}, "Refused"),
        ({"barred": Trouble("EnvironmentMismatch", "")}, "Refused"),
    ],
)
def test_a_phase_says_it_in_one_word(changes: dict[str, Any], phase: str) -> None:
    assert phase_of(all_is_well(**changes)) == phase


def test_a_status_is_what_the_schema_knows_and_leaves_out_what_is_unknown() -> None:
    found = all_is_well()
    conditions = settled(verdicts(found), (), 3, AT)
    status = status_of(found, conditions, StatusFigures(positions=0))
    assert TradingStrategyStatus.model_validate(status)
    assert {key: value for key, value in status.items() if key not in ("conditions", "services")} == {
        "observedGeneration": 3,
        "phase": "Running",
        "grantedRequestsPerSecond": 5.0,
        "positions": 0,
    }
    assert status["services"][0] == {
        "name": "buy-scanner",
        "ready": 1,
        "desired": 1,
        "image": "registry.local/buy-scanner:1",
    }
    assert {one["type"] for one in status["conditions"]} == {kind.value for kind in verdicts(found)}


def test_the_same_findings_give_the_same_status() -> None:
    """Else every look would be a write."""
    found = all_is_well()
    first = settled(verdicts(found), (), 3, AT)
    again = settled(verdicts(found), first, 3, datetime(2026, 2, 20, tzinfo=UTC))
    assert status_of(found, first, WRITTEN) == status_of(found, again, WRITTEN)


@pytest.mark.parametrize(
    ("told", "secs_since", "written"),
    [
        (None, None, WRITTEN),
        (StatusFigures(2, 0, 11_000, "BULL", None), None, StatusFigures(2, 0, 11_000, "BULL", None)),
        (StatusFigures(2, 0, 11_000, "BULL", None), FIGURES_EVERY_SECS - 1, WRITTEN),
        (StatusFigures(2, 0, 11_000, "BULL", None), FIGURES_EVERY_SECS, StatusFigures(2, 0, 11_000, "BULL", None)),
        (StatusFigures(1, 0, 11_000, "BULL", None), 1.0, StatusFigures(1, 0, 11_000, "BULL", None)),
        (StatusFigures(2, 1, 10_000, "BULL", None), 1.0, StatusFigures(2, 1, 10_000, "BULL", None)),
        (StatusFigures(2, 0, None, "BULL", None), FIGURES_EVERY_SECS, StatusFigures(2, 0, None, "BULL", None)),
    ],
    ids=["silent", "first", "too soon", "a minute later", "a position went", "an order came", "unknown is not zero"],
)
def test_figures_are_written_once_a_minute_and_positions_at_once(
    told: StatusFigures | None, secs_since: float | None, written: StatusFigures
) -> None:
    assert due_figures(told, WRITTEN, secs_since) == written


def test_figures_are_taken_as_they_are_told() -> None:
    told = StatusFigures.told(report(positions=2, day_pnl_krw=None, regime=None, last_signal_at=AT))
    assert told == StatusFigures(2, 0, None, None, "2026-02-19T01:00:00Z")
    assert StatusFigures.written(None) == StatusFigures()


def test_a_refused_spec_keeps_what_was_known_and_says_why() -> None:
    found = all_is_well()
    before = TradingStrategyStatus.model_validate(
        status_of(found, settled(verdicts(found), (), 3, AT), StatusFigures(positions=2))
    )
    conditions = settled(invalid_spec("spec.mode: wrong"), before.conditions, 4, AT)
    status = refused_status(before, conditions, 4)
    assert (status["phase"], status["observedGeneration"], status["positions"]) == ("Refused", 4, 2)
    assert status["grantedRequestsPerSecond"] == 5
    told = {one["type"]: (one["status"], one["reason"]) for one in status["conditions"]}
    assert (told["Ready"], told["BudgetGranted"]) == (("False", "InvalidSpec"), ("True", "Granted"))
    assert refused_status(None, conditions, 4)["conditions"][0]["type"] == "Ready"


@pytest.mark.parametrize(
    ("figures", "holds"),
    [
        (Figures(), None),
        (Figures(report=report(), is_asked=True), False),
        (Figures(report=report(positions=1), is_asked=True), True),
        (Figures(report=report(open_orders=1), is_asked=True), True),
        (Figures(report=report(unresolved_orders=1), is_asked=True), True),
        (Figures(report=report(), silent_since=AT, is_asked=True), None),
        (Figures(is_asked=True), None),
    ],
)
def test_whether_it_holds_is_unknown_until_somebody_says_so(figures: Figures, holds: bool | None) -> None:
    assert figures.holds is holds
