"""Faults that a test may order from the exchange."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

FaultName = Literal[
    "order_reply_lost",
    "order_reply_delayed",
    "order_500_after_accept",
    "rest_timeout",
    "ws_stall",
    "ws_cut",
    "duplicate_notice",
    "missing_notice",
    "rate_refusal",
    "token_invalidated",
]


class FaultOrder(BaseModel):
    """One fault: how often (`count` times, or with a `probability` until removed) and how.

    Parameters: `tr_id` limits a REST fault to one TR; `secs` (real) for delays, time-outs and stalls;
    `code` for rate_refusal (EGW00201, EGW00215) and order_500_after_accept (EGW00301, EGW00302).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: FaultName
    parameters: dict[str, str | int | float] = Field(default_factory=dict)
    count: int | None = Field(None, ge=1)
    probability: float | None = Field(None, gt=0, le=1)

    @model_validator(mode="after")
    def _count_or_probability(self) -> FaultOrder:
        if self.count is not None and self.probability is not None:
            raise ValueError("give count or probability, not both")
        unknown = set(self.parameters) - {"tr_id", "secs", "code"}
        if unknown:
            raise ValueError(f"unknown parameters: {', '.join(sorted(unknown))}")
        secs = self.parameters.get("secs", 0)
        if isinstance(secs, str) or secs < 0:
            raise ValueError("parameters.secs must be a number of seconds")
        return self

    def secs(self, default: float) -> float:
        """Return the `secs` parameter in real seconds."""
        return float(self.parameters.get("secs", default))

    def code(self, default: str) -> str:
        """Return the `code` parameter."""
        return str(self.parameters.get("code", default))


@dataclass
class _Armed:
    order: FaultOrder
    left: int | None
    taken: int = 0


@dataclass
class Faults:
    """The faults in force; each is drawn when its moment comes."""

    seed: int
    armed: list[_Armed] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Seed the draws."""
        self._random = random.Random(self.seed)  # noqa: S311 faults are repeatable on purpose

    def arm(self, order: FaultOrder) -> None:
        """Put a fault in force; without count and probability it strikes once."""
        left = order.count if order.count is not None else (None if order.probability is not None else 1)
        self.armed.append(_Armed(order, left))

    def clear(self) -> int:
        """Remove all faults and return how many there were."""
        count = len(self.armed)
        self.armed.clear()
        return count

    def draw(self, name: FaultName, tr_id: str = "") -> FaultOrder | None:
        """Return the fault when it strikes now, and use it up."""
        for fault in self.armed:
            order = fault.order
            if order.name != name or str(order.parameters.get("tr_id", tr_id)) != tr_id:
                continue
            if order.probability is not None and self._random.random() >= order.probability:
                continue
            fault.taken += 1
            if fault.left is not None:
                fault.left -= 1
                if fault.left == 0:
                    self.armed.remove(fault)
            return order
        return None

    def in_force(self) -> list[dict[str, object]]:
        """Return the faults that may still strike, as JSON."""
        return [{**f.order.model_dump(), "left": f.left, "taken": f.taken} for f in self.armed]
