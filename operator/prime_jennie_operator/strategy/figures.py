"""What dashboard-api tells of strategies, and how old it may be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from prime_jennie.domain.strategy_report import StrategyReport


@dataclass(frozen=True, slots=True)
class Figures:
    """The newest answer about one strategy; `report` is None where it was not among those that were told."""

    report: StrategyReport | None = None
    silent_since: datetime | None = None
    """Since when there is no answer; None while there is one."""
    why: str = ""
    """Why there is none."""
    is_asked: bool = False
    """Whether there ever was an answer."""

    @property
    def is_current(self) -> bool:
        return self.is_asked and self.silent_since is None

    @property
    def holds(self) -> bool | None:
        """Tell whether it has positions, or orders that may become some; None where nobody knows."""
        if not self.is_current:
            return None
        if self.report is None:
            return None
        return bool(self.report.positions or self.report.open_orders or self.report.unresolved_orders)
