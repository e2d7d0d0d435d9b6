"""Whether a purchase price still counts the shares of today: splits, consolidations, bonus and rights issues.

The exchange moves a stock's base price and the history is rewritten, but what was paid stays what it was: a stop would
take the new basis for a loss. A crash moves neither the base nor the bars of the past.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Final

from prime_jennie.domain.market import DailyPrice
from prime_jennie.strategy.trend import traded_days

APART: Final = 0.05
"""Share by which two prices may differ that should be one: sources round, some buy outside the regular session."""
LONGEST_STEP: Final = 0.31
"""Share by which a close may differ from the one before it: the exchange lets a price go 30 % a day."""
LONGEST_GAP: Final = timedelta(days=5)
"""Between two bars of which that can be said: a weekend and a holiday."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What stored bars say of a position's shares on one day, in KRW; None for what they do not say."""

    day: date
    """Of any other day's prices it says nothing."""
    close_before: int | None = None
    """The close of the session before, of a stock that was held then."""
    bought_within: tuple[int, int] | None = None
    """The lowest and the highest price of the day of the purchase."""
    bought_today: bool = False
    step: str = ""
    """Two closes since the purchase between which the exchange lets no price go."""

    def doubt(self, average_buy_price: float, base: int | None, today: date) -> str:
        """Say why a purchase price cannot be compared with today's prices; "" where nothing speaks against it.

        `base` is what the exchange measures the day's change against. Without the bar of the session before, it must
        not lie further below the last known price than a day may take a price: stops would have sold before that.
        """
        if today == self.day and self.bought_today:
            return ""
        if today == self.day and self.close_before is not None:
            if base is not None and abs(base / self.close_before - 1) > APART:
                return f"today's base is {base:,}, the last close was {self.close_before:,}"
        elif base is not None and base < (known := self.close_before or average_buy_price) * (1 - LONGEST_STEP):
            return f"today's base is {base:,}, the last known price {known:,.0f}, and no daily bars tell why"
        if today != self.day:
            return ""
        if self.bought_within is not None:
            low, high = self.bought_within
            if not low * (1 - APART) <= average_buy_price <= high * (1 + APART):
                return f"bought at {average_buy_price:,.0f} on a day between {low:,} and {high:,}"
        return self.step


UNKNOWN_BASIS: Final = Basis(date.min)


def basis_of(daily: Sequence[DailyPrice], bought_on: date, today: date, session_before: date | None) -> Basis:
    """Read the bars before today, oldest first; a stock bought today is on today's basis.

    A close counts though nothing traded: whoever splits its shares is suspended for the days before.
    """
    if bought_on >= today:
        return Basis(today, bought_today=True)
    if not daily:
        return Basis(today)
    first = next((bar for bar in traded_days(daily) if bar.price_date == bought_on), None)
    return Basis(
        day=today,
        close_before=daily[-1].close_price if daily[-1].price_date == session_before else None,
        bought_within=None if first is None else (first.low_price, first.high_price),
        step=_step([bar for bar in daily if bar.price_date >= bought_on]),
    )


def _step(since: Sequence[DailyPrice]) -> str:
    for before, bar in pairwise(since):
        is_next = bar.price_date - before.price_date <= LONGEST_GAP
        if is_next and abs(bar.close_price / before.close_price - 1) > LONGEST_STEP:
            return f"closed at {before.close_price:,} on {before.price_date}, then at {bar.close_price:,}"
    return ""
