"""The KRX tick grid over numpy arrays (rulebook §14.1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

_BOUNDS = np.array([2_000, 5_000, 20_000, 50_000, 200_000, 500_000], dtype=np.int64)
_TICKS = np.array([1, 5, 10, 50, 100, 500, 1_000], dtype=np.int64)


def tick_sizes(prices: IntArray | FloatArray) -> IntArray:
    """Return the tick size in KRW at each price."""
    return _TICKS[np.searchsorted(_BOUNDS, prices, side="right")]


def round_to_grid(prices: IntArray | FloatArray) -> IntArray:
    """Return each price moved to its nearest tick, never below 1 KRW; zeros stay zero."""
    ticks = tick_sizes(prices)
    rounded = np.floor((np.asarray(prices, dtype=np.float64) + ticks / 2) / ticks).astype(np.int64) * ticks
    return np.where(np.asarray(prices) > 0, np.maximum(rounded, 1), 0)


def off_grid(prices: IntArray) -> NDArray[np.bool_]:
    """Tell which prices are not a multiple of their tick."""
    off: NDArray[np.bool_] = np.not_equal(prices % tick_sizes(prices), 0)
    return off


def step_up(price: int) -> int:
    """Return the next price above `price` on the grid."""
    return price + int(tick_sizes(np.array([price]))[0])


def step_down(price: int) -> int:
    """Return the next price below `price` on the grid; 0 when there is none."""
    return price - int(tick_sizes(np.array([price - 1]))[0]) if price > 1 else 0
