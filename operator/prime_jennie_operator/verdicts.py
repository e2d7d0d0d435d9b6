"""What is said of one aspect of an object, and how it becomes a condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from prime_jennie_operator.resources.meta import Condition, ConditionType

Truth = Literal["True", "False", "Unknown"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of one aspect."""

    status: Truth
    reason: str
    message: str = ""

    @classmethod
    def of(cls, holds: bool, reason: str, message: str = "") -> Verdict:
        return cls("True" if holds else "False", reason, message)


def settled(
    verdicts: Mapping[ConditionType, Verdict], before: Sequence[Condition], generation: int, now: datetime
) -> tuple[Condition, ...]:
    """Write verdicts as conditions: the time is of the last change of status, and stays while it stays."""
    known = {one.type: one for one in before}
    return tuple(_settled(kind, one, known.get(kind), generation, now) for kind, one in verdicts.items())


def _settled(kind: ConditionType, told: Verdict, before: Condition | None, generation: int, now: datetime) -> Condition:
    stays = before is not None and before.status == told.status and before.last_transition_time is not None
    return Condition(
        type=kind,
        status=told.status,
        reason=told.reason[:200],
        message=told.message[:4000],
        last_transition_time=before.last_transition_time if stays and before else f"{now:%Y-%m-%dT%H:%M:%SZ}",
        observed_generation=generation,
    )
