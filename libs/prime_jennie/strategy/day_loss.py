"""What a day has earned or lost so far, or what must be known first: unknown never counts as "no loss" (design §7)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prime_jennie.domain.holdings import DayTrade


@dataclass(frozen=True, slots=True)
class UnknownLoss:
    """Why the day's result cannot be told."""

    reason: str


def shares_at_open(held: Mapping[str, int], trades: Sequence[DayTrade], gone: Mapping[str, int]) -> dict[str, int]:
    """Return what was held before the day's first trade; stocks of which nothing was held are left out.

    `gone` are shares that left today without an order of ours, sold by hand perhaps.
    """
    shares = Counter(held) + Counter(gone)
    for trade in trades:
        shares[trade.stock_code] += -trade.quantity if trade.is_buy else trade.quantity
    return {code: count for code, count in shares.items() if count}


def day_result_krw(
    held: Mapping[str, int],
    trades: Sequence[DayTrade],
    *,
    gone: Mapping[str, int],
    closes_krw: Mapping[str, int],
    prices_krw: Mapping[str, int],
) -> int | UnknownLoss:
    """Return what holdings and trades have earned since the previous closes, after fees and tax.

    What was held overnight needs its previous close, what is held now its price; overnight gains of earlier days do
    not count. What is gone counts at the price of now, for nobody here knows what it was sold for.
    """
    at_open = shares_at_open(held, trades, gone)
    valued = Counter(held) + Counter(gone)
    if any(shares < 0 for shares in at_open.values()):
        return UnknownLoss("the books disagree: more was bought today than is held or was sold")
    if missing := sorted(at_open.keys() - closes_krw.keys()):
        return UnknownLoss(f"no previous close of {', '.join(missing)}")
    if missing := sorted(valued.keys() - prices_krw.keys()):
        return UnknownLoss(f"no price of {', '.join(missing)}")
    opening_krw = sum(shares * closes_krw[code] for code, shares in at_open.items())
    value_krw = sum(shares * prices_krw[code] for code, shares in valued.items())
    bought_krw = sum(trade.amount_krw for trade in trades if trade.is_buy)
    sold_krw = sum(trade.amount_krw for trade in trades if not trade.is_buy)
    return value_krw + sold_krw - bought_krw - opening_krw - sum(trade.fees_krw for trade in trades)


def loss_pct(profit_krw: int, base_krw: int) -> float | UnknownLoss:
    """Return the loss in percent of the capital at the open, 0 for a profit."""
    if base_krw <= 0:
        return UnknownLoss(f"the capital at the open is {base_krw:,} KRW")
    return max(0.0, -100 * profit_krw / base_krw)


def breach_of(loss: float, limit_pct: float, setting: str) -> str | None:
    """Say that a limit is reached, with both numbers; None while it is not."""
    if loss < limit_pct:
        return None
    return f"the day's loss of {loss:.2f} % has reached {setting} {limit_pct:g}"
