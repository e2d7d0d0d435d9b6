"""A figure with its target, and the table of all."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_HEAD = ("figure", "measured", "target", "")


@dataclass(frozen=True)
class Figure:
    """One line of the table; one without a target only informs."""

    what: str
    measured: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None
    told: str = ""
    """What belongs to it: rates, other percentiles."""

    @property
    def holds(self) -> bool:
        """Whether the target is met."""
        too_much = self.at_most is not None and not self.measured <= self.at_most
        too_little = self.at_least is not None and not self.measured >= self.at_least
        return not too_much and not too_little

    @property
    def cells(self) -> tuple[str, str, str, str]:
        target, verdict = "", ""
        if self.at_most is not None:
            target = f"≤ {_said(self.at_most, self.unit)}"
        if self.at_least is not None:
            target = f"≥ {_said(self.at_least, self.unit)}"
        if target:
            verdict = "pass" if self.holds else "FAIL"
        return (self.what, _said(self.measured, self.unit), target, f"{verdict:<5}{self.told}".strip())


def table(figures: Iterable[Figure]) -> str:
    """Write the figures below each other."""
    rows = [_HEAD, *(figure.cells for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]}".rstrip() for row in rows]
    return "\n".join([lines[0], "-" * (sum(widths) + 12), *lines[1:]])


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that so many percent do not exceed."""
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


def spread(values: Sequence[float]) -> str:
    """Tell a series of seconds in a few words."""
    middle, most = percentile(values, 50), max(values)
    return f"{len(values)} times: p50 {middle:.2f} s, most {most:.2f} s"


def machine() -> str:
    """Tell what it was measured on and how busy that was before."""
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before"


def _said(value: float, unit: str) -> str:
    text = f"{value:,.0f}" if value == round(value) or abs(value) >= 100 else f"{value:.2f}"
    return f"{text} {unit}".strip()
