"""A stock's day at each whole minute: small enough to keep for every stock of the market."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kis_simulator.market.path import IntradayPath


@dataclass(frozen=True)
class MinuteTape:
    """What had printed at minute 0, 1, 2 … from the open; some 8 kB, where the path takes 400."""

    open: int
    price: NDArray[np.int32]
    high: NDArray[np.int32]
    low: NDArray[np.int32]
    cumulative: NDArray[np.int64]
    turnover: NDArray[np.float32]

    @classmethod
    def of(cls, path: IntradayPath, session_secs: int) -> MinuteTape:
        """Look at a path at every whole minute of its session; the opening cross has printed at the first."""
        at = np.searchsorted(path.secs, np.arange(0, session_secs + 1, 60), side="right") - 1
        return cls(
            int(path.price[0]),
            path.price[at],
            path.high[at],
            path.low[at],
            path.cumulative[at],
            path.turnover[at].astype(np.float32),
        )
