"""Whether a stock moves like one already held (rulebook §5.1): Pearson over shared daily log returns."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import log, sqrt

from prime_jennie.domain.market import DailyPrice
from prime_jennie.strategy.refusal import Refusal
from prime_jennie.strategy.trend import traded_days

CLOSES = 60
MIN_SHARED_RETURNS = 20
BLOCK_AT = 0.85


def return_correlation(one: Sequence[DailyPrice], other: Sequence[DailyPrice]) -> float | None:
    """Return Pearson's r of the log returns over each stock's last 60 traded closes, joined by date.

    A return spans two neighbouring shared dates, so both stocks count the same days even around a halt, whose carried
    closes are left out. None below 20 shared returns, or where one of the two never moved.
    """
    closes = {candle.price_date: candle.close_price for candle in traded_days(one)[-CLOSES:]}
    others = {candle.price_date: candle.close_price for candle in traded_days(other)[-CLOSES:]}
    shared = sorted(closes.keys() & others.keys())
    if len(shared) <= MIN_SHARED_RETURNS:
        return None
    returns = [log(closes[day] / closes[before]) for before, day in pairwise(shared)]
    other_returns = [log(others[day] / others[before]) for before, day in pairwise(shared)]
    return _pearson(returns, other_returns)


def correlation_refusal(
    candidate: Sequence[DailyPrice], holdings: Mapping[str, Sequence[DailyPrice]]
) -> Refusal | None:
    """Refuse a stock whose correlation with any holding reaches 0.85; the reason names the closest one.

    Too little shared history proves nothing and refuses nothing.
    """
    measured = {code: return_correlation(candidate, daily) for code, daily in holdings.items()}
    known = {code: r for code, r in measured.items() if r is not None}
    closest = max(known, key=lambda code: known[code], default=None)
    if closest is None or known[closest] < BLOCK_AT:
        return None
    return Refusal("correlation", f"moves like held {closest}: r = {known[closest]:.3f}, {BLOCK_AT} blocks")


def _pearson(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread_x = sum((x - mean_x) ** 2 for x in xs)
    spread_y = sum((y - mean_y) ** 2 for y in ys)
    if spread_x == 0 or spread_y == 0:
        return None
    shared = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    return shared / sqrt(spread_x * spread_y)
