"""What of a change is news to a person: a few words in `kubectl describe`, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from prime_jennie_operator.resources.meta import Condition, ConditionType
from prime_jennie_operator.verdicts import Verdict

_QUIET: Final = frozenset({"WaitingForServices"})
"""Reasons of Ready that every start has."""


@dataclass(frozen=True, slots=True)
class News:
    """One event."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


def news(before: Sequence[Condition], after: Mapping[ConditionType, Verdict]) -> list[News]:
    """Compare what was said with what is said now."""
    known = {one.type: one for one in before}
    found: list[News] = []
    for kind, tell in _TELLERS:
        if kind in after:
            found += tell(known.get(kind), after[kind])
    return found


def _of_ready(before: Condition | None, now: Verdict) -> Iterator[News]:
    if now.status == "True":
        if before is not None and before.status != "True":
            yield News("Normal", "Ready", now.message)
    elif now.reason not in _QUIET and (before is None or (before.reason, before.message) != (now.reason, now.message)):
        yield News("Warning", now.reason, now.message)


def _of_budget(before: Condition | None, now: Verdict) -> Iterator[News]:
    """A refusal is told by Ready already, and a grant at once is what everybody expects."""
    if before is None or now.status != "True":
        return
    if (before.status, before.reason) != (now.status, now.reason):
        yield News("Normal", "Granted", now.message)


def _of_rollout(before: Condition | None, now: Verdict) -> Iterator[News]:
    was_held = before is not None and before.status == "True"
    if now.status == "True" and (before is None or not was_held or before.message != now.message):
        yield News("Normal", "RolloutHeld", now.message)
    elif was_held and now.status == "False":
        yield News("Normal", "RolledOut", "what waited has been let through, or was taken back")


def _of_trading(before: Condition | None, now: Verdict) -> Iterator[News]:
    """Tell halts and their end; that the exchange opens and closes is no news."""
    was_halted = before is not None and before.reason == "Halt"
    if now.reason == "Halt" and (before is None or before.message != now.message):
        yield News("Warning", "Halted", now.message)
    elif was_halted and now.reason != "Halt" and now.status != "Unknown":
        yield News("Normal", "HaltLifted", now.message)


def _of_pause(before: Condition | None, now: Verdict) -> Iterator[News]:
    was_paused = before is not None and before.status == "True"
    if now.status == "True" and not was_paused:
        yield News("Warning", "ReconciliationPaused", now.message)
    elif now.status == "False" and was_paused:
        yield News("Normal", "ReconciliationResumed", "children are kept as the spec wants them again")


_TELLERS: Final = (
    (ConditionType.READY, _of_ready),
    (ConditionType.BUDGET_GRANTED, _of_budget),
    (ConditionType.ROLLOUT_PENDING, _of_rollout),
    (ConditionType.TRADING_ENABLED, _of_trading),
    (ConditionType.RECONCILIATION_PAUSED, _of_pause),
)
