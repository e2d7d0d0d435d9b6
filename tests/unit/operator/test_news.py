from datetime import UTC, datetime
from typing import Any

import pytest

from prime_jennie.domain.buying import ReasonCode
from prime_jennie_operator.news import News, news
from prime_jennie_operator.strategy.conditions import Findings, invalid_spec, verdicts
from prime_jennie_operator.strategy.figures import Figures
from prime_jennie_operator.strategy.rollout import Gate
from prime_jennie_operator.strategy.standing import Standing, Trouble
from prime_jennie_operator.verdicts import settled
from tests.support.findings import all_is_well, report, strategy
from tests.unit.operator.strategy.test_conditions import QUOTA, REFUSED

AT = datetime(2026, 2, 19, tzinfo=UTC)
STARTING = all_is_well(services=(Standing("buy-scanner", "x", 0, 1),))
CRASHING = all_is_well(services=(Standing("buy-scanner", "x", 0, 1, Trouble("CrashLooping", "ends")),))
HELD = all_is_well(gate=Gate("ExchangeOpen", "until"), waiting={"krx-buy-scanner": "env"})


def told(before: Findings | None, after: Findings) -> list[tuple[str, str]]:
    known = () if before is None else settled(verdicts(before), (), 3, AT)
    return [(one.type, one.reason) for one in news(known, verdicts(after))]


@pytest.mark.parametrize(
    ("before", "after", "events"),
    [
        (None, STARTING, []),
        (STARTING, all_is_well(), [("Normal", "Ready")]),
        (all_is_well(), all_is_well(), []),
        (all_is_well(), STARTING, []),
        (all_is_well(), CRASHING, [("Warning", "CrashLooping")]),
        (CRASHING, CRASHING, []),
        (None, all_is_well(grant=REFUSED, services=()), [("Warning", "BudgetExhausted")]),
        (all_is_well(grant=REFUSED, services=()), STARTING, [("Normal", "Granted")]),
        (all_is_well(), all_is_well(refusals=[QUOTA]), [("Warning", "QuotaExceeded")]),
        (all_is_well(), all_is_well(missing=["Secret x"]), [("Warning", "SecretMissing")]),
        (all_is_well(), HELD, [("Normal", "RolloutHeld")]),
        (HELD, HELD, []),
        (HELD, all_is_well(), [("Normal", "RolledOut")]),
        (all_is_well(), all_is_well(strategy=strategy(trading="Stopped")), [("Warning", "Halted")]),
        (all_is_well(strategy=strategy(trading="Stopped")), all_is_well(), [("Normal", "HaltLifted")]),
        (all_is_well(), all_is_well(is_paused=True), [("Warning", "ReconciliationPaused")]),
        (all_is_well(is_paused=True), all_is_well(), [("Normal", "ReconciliationResumed")]),
        (all_is_well(), all_is_well(figures=Figures()), []),
    ],
)
def test_changes_are_told_once(before: Findings | None, after: Findings, events: list[Any]) -> None:
    assert told(before, after) == events


def test_that_the_exchange_opens_and_closes_is_no_news() -> None:
    closed = all_is_well(figures=Figures(report=report((ReasonCode.AFTER_CLOSE, "closed")), is_asked=True))
    assert told(closed, all_is_well()) == []
    assert told(all_is_well(), closed) == []


def test_an_invalid_spec_is_told() -> None:
    found = news((), invalid_spec("spec.mode: wrong"))
    assert found == [News("Warning", "InvalidSpec", "spec.mode: wrong")]
    assert news(settled(invalid_spec("spec.mode: wrong"), (), 1, AT), invalid_spec("spec.mode: wrong")) == []
