"""Make one stock's intraday path from its real daily bar.

The path is made, not recorded: seeded by (seed, day, code), it starts at the bar's open, touches its high and low,
ends at its close, stays inside them on the tick grid and trades exactly the bar's volume. Between these anchors it is
a Brownian bridge; volume is U-shaped over the day and grows with the size of the move.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from kis_simulator.market.bars import Bar
from kis_simulator.market.grid import FloatArray, IntArray, round_to_grid

OPENING_SHARE = 0.03
CLOSING_SHARE = 0.05


@dataclass(frozen=True)
class PathShape:
    """When trades print, in seconds from the session's open."""

    tick_secs: int
    continuous_secs: int
    session_secs: int

    def print_secs(self) -> IntArray:
        """Return the seconds of all prints: opening cross, continuous trades, closing cross."""
        continuous = np.arange(self.tick_secs, self.continuous_secs, self.tick_secs, dtype=np.int64)
        return np.concatenate([[0], continuous, [self.session_secs]])


@dataclass(frozen=True)
class IntradayPath:
    """The prints of one stock's day; all arrays have one length and `secs` ascends."""

    secs: NDArray[np.int32]
    price: NDArray[np.int32]
    volume: NDArray[np.int64]
    cumulative: NDArray[np.int64]
    turnover: NDArray[np.int64]
    high: NDArray[np.int32]
    low: NDArray[np.int32]
    buyer_initiated: NDArray[np.bool_]

    def index_at(self, secs: float) -> int:
        """Return the index of the last print at or before `secs`, -1 before the first."""
        return int(np.searchsorted(self.secs, secs, side="right")) - 1


def rng_of(seed: int, day: date, code: str) -> Generator:
    """Return the generator that belongs to one seed, day and stock."""
    return np.random.default_rng([seed, day.toordinal(), int.from_bytes(code.encode(), "big")])


def make_path(bar: Bar, shape: PathShape, rng: Generator) -> IntradayPath:
    """Return the day's prints of a traded bar (volume > 0).

    Prints without volume are dropped, except the opening, closing and extreme ones: a bar with fewer shares than
    those distinct prices keeps them as prints of zero volume.
    """
    secs = shape.print_secs()
    anchors = _anchors(bar, len(secs), rng)
    price = _bridge(bar, anchors, len(secs), rng)
    volume = _volumes(bar.volume, price, anchors, rng)
    keep = volume > 0
    keep[[index for index, _ in anchors]] = True
    price, volume, secs = price[keep], volume[keep], secs[keep]
    moves = np.diff(price, prepend=price[0])
    coin = rng.random(len(price)) < 0.5
    return IntradayPath(
        secs=secs.astype(np.int32),
        price=price.astype(np.int32),
        volume=volume,
        cumulative=np.cumsum(volume),
        turnover=np.cumsum(price * volume),
        high=np.maximum.accumulate(price).astype(np.int32),
        low=np.minimum.accumulate(price).astype(np.int32),
        buyer_initiated=np.where(moves == 0, coin, moves > 0),
    )


def _anchors(bar: Bar, prints: int, rng: Generator) -> list[tuple[int, int]]:
    """Return (print index, price) of open, extremes and close; extremes lean to the day's ends."""
    anchors = {0: bar.open, prints - 1: bar.close}
    inner = prints - 2
    for extreme in (bar.high, bar.low):
        if extreme in anchors.values():
            continue
        index = 1 + min(int(rng.beta(0.6, 0.6) * inner), inner - 1)
        while index in anchors:
            index = 1 + index % inner
        anchors[index] = extreme
    return sorted(anchors.items())


def _bridge(bar: Bar, anchors: list[tuple[int, int]], prints: int, rng: Generator) -> IntArray:
    """Return prices on the grid that pass through the anchors and never leave the bar's range."""
    span = bar.high - bar.low
    path: FloatArray = np.empty(prints)
    # A Brownian day has a mean range of about 1.6 standard deviations (Feller), so this noise fits the bar's range.
    noise = rng.standard_normal(prints) * (span / 1.6 / np.sqrt(prints))
    for (start, first), (end, last) in pairwise(anchors):
        walk = np.concatenate([[0.0], np.cumsum(noise[start + 1 : end + 1])])
        along = np.linspace(0.0, 1.0, end - start + 1)
        path[start : end + 1] = first + (last - first) * along + walk - walk[-1] * along
    if span:
        folded = np.mod(path - bar.low, 2 * span)
        path = bar.low + np.where(folded > span, 2 * span - folded, folded)
    prices = np.clip(round_to_grid(path), bar.low, bar.high)
    for index, anchor in anchors:
        prices[index] = anchor
    return prices


def _volumes(total: int, price: IntArray, anchors: list[tuple[int, int]], rng: Generator) -> IntArray:
    """Return whole shares a print that add up to `total`, at least one at each anchor while shares last."""
    prints = len(price)
    along = np.linspace(-1.0, 1.0, prints)
    moves = np.abs(np.diff(price, prepend=price[0]))
    surge = 1.0 + 0.5 * moves / max(float(moves.mean()), 1e-9)
    # Slow bursts (about five minutes) on top of print-to-print noise: volume comes in waves.
    bursts = np.repeat(rng.lognormal(0.0, 0.6, prints // 150 + 1), 150)[:prints]
    weights = (0.5 + 1.5 * along**2) * surge * bursts * rng.lognormal(0.0, 0.8, prints)
    inner = weights[1:-1].sum()
    weights[0] = inner * OPENING_SHARE / (1 - OPENING_SHARE - CLOSING_SHARE)
    weights[-1] = inner * CLOSING_SHARE / (1 - OPENING_SHARE - CLOSING_SHARE)
    shares = np.cumsum(weights) / weights.sum()
    shares[-1] = 1.0
    volume: IntArray = np.diff(np.floor(shares * total).astype(np.int64), prepend=0)
    for index, _ in anchors:
        if volume[index] == 0:
            largest = int(np.argmax(volume))
            if volume[largest] > 1:
                volume[largest] -= 1
                volume[index] += 1
    return volume
