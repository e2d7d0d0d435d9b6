"""Let a score follow its own last days, so that one noisy run neither lists nor drops a stock (rulebook §3.3)."""

from collections.abc import Sequence
from math import fsum
from typing import Final

WINDOW_DATES: Final = 3


def smoothed(current: float, earlier: Sequence[float]) -> float:
    """Return the mean of today's score and up to two earlier dates' ones, newest first."""
    window = [current, *earlier[: WINDOW_DATES - 1]]
    return fsum(window) / len(window)
