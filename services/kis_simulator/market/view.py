"""What the market shows of a stock at one moment of the day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np

from kis_simulator.market.bars import Bar, DailyBars
from kis_simulator.market.minutes import MinuteTape
from kis_simulator.market.path import IntradayPath
from kis_simulator.market.reference import Reference


class Change(NamedTuple):
    """A difference to a base price as the provider writes it: unsigned difference, sign code and per cent."""

    amount: int
    sign: str
    pct: float


def change_of(price: int, base: int, lower: int = 0, upper: int = 0) -> Change:
    """Return the change; sign 1 upper limit, 2 up, 3 flat, 4 lower limit, 5 down."""
    amount = price - base
    if upper and price >= upper:
        sign = "1"
    elif lower and price <= lower:
        sign = "4"
    else:
        sign = "2" if amount > 0 else "5" if amount < 0 else "3"
    return Change(amount, sign, round(amount / base * 100, 2) if base else 0.0)


@dataclass(frozen=True)
class StockNow:
    """One stock now; before its first print the price is the base and the rest is 0."""

    reference: Reference
    price: int
    open: int
    high: int
    low: int
    volume: int
    turnover: int

    @property
    def change(self) -> Change:
        """Return the change from the base price."""
        r = self.reference
        return change_of(self.price, r.base, r.lower_limit, r.upper_limit)


def stock_now(reference: Reference, path: IntradayPath | None, index: int) -> StockNow:
    """Return the stock after its print `index` (-1 before the first)."""
    if path is None or index < 0:
        return StockNow(reference, reference.base, 0, 0, 0, 0, 0)
    return StockNow(
        reference,
        int(path.price[index]),
        int(path.price[0]),
        int(path.high[index]),
        int(path.low[index]),
        int(path.cumulative[index]),
        int(path.turnover[index]),
    )


def stock_at_minute(reference: Reference, tape: MinuteTape | None, minute: int) -> StockNow:
    """Return the stock as it stood at a whole minute from the open (negative before it)."""
    if tape is None or minute < 0:
        return StockNow(reference, reference.base, 0, 0, 0, 0, 0)
    return StockNow(
        reference,
        int(tape.price[minute]),
        tape.open,
        int(tape.high[minute]),
        int(tape.low[minute]),
        int(tape.cumulative[minute]),
        int(tape.turnover[minute]),
    )


def stock_closed(reference: Reference) -> StockNow:
    """Return the stock after the closing cross, which ends at its bar; without its path the turnover is an estimate."""
    bar = reference.bar
    if reference.halted:
        return StockNow(reference, reference.base, 0, 0, 0, 0, 0)
    return StockNow(reference, bar.close, bar.open, bar.high, bar.low, bar.volume, turnover_of(bar))


def turnover_of(bar: Bar) -> int:
    """Return a day's turnover in KRW by its typical price."""
    return bar.volume * (bar.high + bar.low + bar.close) // 3


def history(bars: DailyBars, code: str, first: date, last: date, today: date) -> list[tuple[date, Bar]]:
    """Return the bars of [first, last] before `today`, oldest first; a halted day shows its carried close."""
    row = bars.rows.get(code)
    if row is None:
        return []
    found: list[tuple[date, Bar]] = []
    for column in np.flatnonzero(bars.close[row]):
        day = bars.days[column]
        if first <= day <= last and day < today:
            bar = bars.bar(code, day)
            assert bar is not None  # noqa: S101 its close was just found
            found.append((day, bar if bar.volume else Bar(bar.close, bar.close, bar.close, bar.close, 0)))
    return found


def minute_bars(
    path: IntradayPath, index: int, *, upto: int | None = None, most: int | None = None
) -> list[tuple[int, Bar, int]]:
    """Return (minute from the open, bar, turnover since the open) of all minutes up to print `index`, oldest first.

    Of those only the ones up to minute `upto`, and of these only the last `most`.
    """
    if index < 0:
        return []
    minutes = path.secs[: index + 1] // 60
    starts = np.flatnonzero(np.diff(minutes, prepend=-1))
    ends = np.append(starts[1:], index + 1) - 1
    price, volume = path.price[: index + 1], path.volume[: index + 1]
    high, low = np.maximum.reduceat(price, starts), np.minimum.reduceat(price, starts)
    traded = np.add.reduceat(volume, starts)
    last = len(starts) if upto is None else int(np.searchsorted(minutes[starts], upto, side="right"))
    first = 0 if most is None else max(0, last - most)
    return [
        (
            int(minutes[start]),
            Bar(int(price[start]), int(high[i]), int(low[i]), int(price[end]), int(traded[i])),
            int(path.turnover[end]),
        )
        for i, start, end in zip(range(first, last), starts[first:last], ends[first:last], strict=True)
    ]
