"""The day's base price, price limits and halts, worked out from the bars."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from kis_simulator.market.bars import Bar, DailyBars, Listing
from prime_jennie.domain.money import price_limits_krw


@dataclass(frozen=True)
class Reference:
    """What is fixed for a stock before its day begins, in KRW."""

    listing: Listing
    bar: Bar
    base: int
    lower_limit: int
    upper_limit: int
    previous_volume: int
    halted: bool
    breach: bool


def reference_of(bars: DailyBars, listing: Listing, day: date) -> Reference | None:
    """Return the day's reference of one stock, None when it has no bar that day.

    A day that breaks ±30 % (first day, resumption, unadjusted action) is based on its own open, and its limits
    are widened until the real bar fits.
    """
    bar = bars.bar(listing.code, day)
    if bar is None:
        return None
    base = bars.close_before(listing.code, day) or bar.open or bar.close
    if bar.volume == 0:
        lower, upper = price_limits_krw(bar.close)
        return Reference(listing, bar, bar.close, lower, upper, 0, halted=True, breach=False)
    lower, upper = price_limits_krw(base)
    breach = bar.low < lower or bar.high > upper
    if breach:
        base = bar.open
        lower, upper = price_limits_krw(base)
        lower, upper = min(lower, bar.low), max(upper, bar.high)
    column = bars.columns[day]
    previous = int(bars.volume[bars.rows[listing.code], column - 1]) if column else 0
    return Reference(listing, bar, base, lower, upper, previous, halted=False, breach=breach)
