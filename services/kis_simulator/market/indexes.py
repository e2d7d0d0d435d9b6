"""Approximate the KOSPI and KOSDAQ indexes from listed stocks: shares times price, chained day by day.

No index level is in the data. Each day's move is the shares-weighted move of the stocks that have a bar on both days;
moves beyond ±30 % (actions that the adjustment missed) are left out. Shares are those of the master, so levels look
like an index and are none. High and low weigh every stock's own extreme and are therefore drawn halfway to the body.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from kis_simulator.market.bars import DailyBars, Market
from kis_simulator.market.grid import FloatArray

APPROXIMATION = "shares x close of listed stocks, chained; not the exchange's index"
INDEXES = {"0001": ("코스피(근사)", False, 2_500.0), "1001": ("코스닥(근사)", True, 800.0)}
_LARGEST_MOVE = 0.301


@dataclass(frozen=True)
class IndexSeries:
    """Daily levels of one approximate index, oldest first."""

    code: str
    name: str
    days: tuple[date, ...]
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    turnover: FloatArray
    members: tuple[str, ...]


def index_of(market: Market, code: str) -> IndexSeries | None:
    """Return the series of KOSPI (0001) or KOSDAQ (1001); None for other codes or without any listed shares."""
    if code not in INDEXES:
        return None
    name, kosdaq, first_level = INDEXES[code]
    listings = [market.listings[c] for c in market.bars.codes]
    rows = [i for i, one in enumerate(listings) if one.shares and one.market and one.is_kosdaq == kosdaq]
    if not rows:
        return None
    bars = market.bars
    shares = np.array([listings[i].shares for i in rows], dtype=np.float64)
    moves = {field: _weighted_moves(bars, rows, shares, field) for field in ("open", "high", "low", "close")}
    close: FloatArray = np.asarray(first_level * np.cumprod(1.0 + moves["close"]), dtype=np.float64)
    before = np.concatenate([[first_level], close[:-1]])
    opened = before * (1.0 + moves["open"])
    body_top, body_bottom = np.maximum(opened, close), np.minimum(opened, close)
    high = (np.maximum(before * (1.0 + moves["high"]), body_top) + body_top) / 2
    low = (np.minimum(before * (1.0 + moves["low"]), body_bottom) + body_bottom) / 2
    volume: FloatArray = bars.volume[rows].sum(axis=0).astype(np.float64)
    turnover: FloatArray = (bars.volume[rows] * bars.close[rows].astype(np.float64)).sum(axis=0)
    members = tuple(bars.codes[i] for i in rows)
    return IndexSeries(code, name, bars.days, opened, high, low, close, volume, turnover, members)


def _weighted_moves(bars: DailyBars, rows: list[int], shares: FloatArray, name: str) -> FloatArray:
    """Return each session's weighted move from the close before to the named price; 0 in the first session."""
    close = bars.close[rows]
    price = getattr(bars, name)[rows]
    # A halted day has only its carried close.
    price = np.where(price > 0, price, close)
    base, now = close[:, :-1].astype(np.float64), price[:, 1:].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        counts = (base > 0) & (now > 0) & (np.abs(close[:, 1:] / base - 1.0) <= _LARGEST_MOVE)
    weight_before = (np.where(counts, base, 0.0) * shares[:, None]).sum(axis=0)
    weight_now = (np.where(counts, now, 0.0) * shares[:, None]).sum(axis=0)
    ratio = np.divide(weight_now, weight_before, out=np.ones_like(weight_now), where=weight_before > 0)
    return np.concatenate([[0.0], ratio - 1.0])
