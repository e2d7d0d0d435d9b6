"""Counters that the control API shows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Stats:
    """What happened since this process started."""

    calls: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    ticks_sent: int = 0
    frames_sent: int = 0
    notices_sent: int = 0
    waits: Counter[str] = field(default_factory=Counter)
