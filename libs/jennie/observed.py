"""Note what a person sees while a day is lived: the first fill, the memory, whether the clock still moves."""

import time
from dataclasses import dataclass, field

from jennie.day_figures import DayFigures
from prime_jennie.domain.errors import Unavailable

STALLED_SECS = 120.0  # real time without any progress of the clock: something is broken for good


@dataclass
class Observed:
    """What is seen while the day is lived."""

    started_at: float
    first_fill_secs: float | None = None
    peak_pss_bytes: int = 0
    last: DayFigures | None = None
    moved_at: float = field(default_factory=time.monotonic)

    def take(self, figures: DayFigures, pss_bytes: int) -> None:
        """Note a look; raise Unavailable when the clock has stood still for too long."""
        if self.last is None or figures.now > self.last.now:
            self.moved_at = time.monotonic()
        elif time.monotonic() - self.moved_at > STALLED_SECS:
            raise Unavailable(f"the day stands still at {figures.now:%H:%M} UTC: see the logs")
        if figures.fills and self.first_fill_secs is None:
            self.first_fill_secs = round(time.monotonic() - self.started_at, 1)
        self.peak_pss_bytes = max(self.peak_pss_bytes, pss_bytes)
        self.last = figures
