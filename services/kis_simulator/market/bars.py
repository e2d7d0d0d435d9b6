"""Daily bars of the whole market as compact arrays."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

from kis_simulator.market.grid import off_grid, round_to_grid


@dataclass(frozen=True)
class Listing:
    """One listed stock as the exchange's master names it; `shares` 0 means that no master row is known."""

    code: str
    name: str
    market: str = ""
    industry: str = ""
    shares: int = 0

    @property
    def is_kosdaq(self) -> bool:
        """Tell whether the stock belongs to KOSDAQ (KOSDAQ GLOBAL included)."""
        return self.market.startswith("KOSDAQ")


@dataclass(frozen=True)
class Bar:
    """One stock's day in KRW and shares; volume 0 is a halted or untraded day."""

    open: int
    high: int
    low: int
    close: int
    volume: int


@dataclass(frozen=True)
class DailyBars:
    """Bars as matrices [stock, session]; a close of 0 means that the stock has no bar that session."""

    codes: tuple[str, ...]
    days: tuple[date, ...]
    open: NDArray[np.int32]
    high: NDArray[np.int32]
    low: NDArray[np.int32]
    close: NDArray[np.int32]
    volume: NDArray[np.int64]
    rows: dict[str, int] = field(init=False, repr=False)
    columns: dict[date, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Index codes and sessions."""
        object.__setattr__(self, "rows", {code: i for i, code in enumerate(self.codes)})
        object.__setattr__(self, "columns", {day: i for i, day in enumerate(self.days)})

    def bar(self, code: str, day: date) -> Bar | None:
        """Return the bar of one stock and session, or None when there is none."""
        row, column = self.rows.get(code), self.columns.get(day)
        if row is None or column is None or self.close[row, column] == 0:
            return None
        return Bar(
            int(self.open[row, column]),
            int(self.high[row, column]),
            int(self.low[row, column]),
            int(self.close[row, column]),
            int(self.volume[row, column]),
        )

    def listed_on(self, day: date) -> int:
        """Count the stocks that have a bar that session, halted ones included."""
        column = self.columns.get(day)
        return 0 if column is None else int(np.count_nonzero(self.close[:, column]))

    def close_before(self, code: str, day: date) -> int:
        """Return the last close before `day`, 0 when the stock is new."""
        row = self.rows.get(code)
        if row is None:
            return 0
        end = bisect_left(self.days, day)
        known = np.flatnonzero(self.close[row, :end])
        return int(self.close[row, known[-1]]) if known.size else 0


@dataclass(frozen=True)
class Market:
    """Everything known about the market, where it came from and what was done to it."""

    source: str
    bars: DailyBars
    listings: dict[str, Listing]
    notes: tuple[str, ...]


def bars_on_grid(
    codes: tuple[str, ...], days: tuple[date, ...], prices: dict[str, NDArray[np.int64]]
) -> tuple[DailyBars, list[str]]:
    """Build bars on the tick grid and tell how many values had to move.

    Adjusted prices leave the grid, and their rounding leaves closes just outside high and low.
    Each traded bar is rounded and its range widened to hold open and close.
    """
    notes: list[str] = []
    traded = prices["volume"] > 0
    off = off_grid(prices["close"]) & (prices["close"] > 0)
    if off.any():
        stocks = int(off.any(axis=1).sum())
        notes.append(f"{int(off.sum())} closes of {stocks} stocks were off the tick grid of their day: rounded")
    o, h, low, c = (round_to_grid(prices[name]) for name in ("open", "high", "low", "close"))
    outside = traded & ((np.maximum(o, c) > h) | (np.minimum(o, c) < low))
    if outside.any():
        notes.append(f"{int(outside.sum())} bars had open or close outside high and low: range widened")
    h = np.where(traded, np.maximum(h, np.maximum(o, c)), 0)
    low = np.where(traded, np.minimum(low, np.minimum(o, c)), 0)
    o = np.where(traded, o, 0)
    halted = (prices["close"] > 0) & ~traded
    if halted.any():
        notes.append(f"{int(halted.sum())} bars without volume are halted days: the close is carried over")
    small = {name: a.astype(np.int32) for name, a in {"open": o, "high": h, "low": low, "close": c}.items()}
    return DailyBars(codes, days, **small, volume=np.ascontiguousarray(prices["volume"])), notes
