"""Profit and loss in whole won, after commission and sell tax."""

from collections.abc import Iterable
from datetime import date

from prime_jennie.domain.money import commission_krw, sell_tax_krw


def sale_profit_krw(cost_krw: int, proceeds_krw: int, settlement_date: date) -> int:
    """Return a sale's profit: proceeds − cost − commission both ways − sell tax of the settlement's year."""
    fees_krw = commission_krw(cost_krw) + commission_krw(proceeds_krw) + sell_tax_krw(proceeds_krw, settlement_date)
    return proceeds_krw - cost_krw - fees_krw


def unrealised_profit_krw(cost_krw: int, quantity: int, price_krw: int, settlement_date: date) -> int:
    """Return what selling the whole position at this price would earn, after fees and tax."""
    return sale_profit_krw(cost_krw, quantity * price_krw, settlement_date)


def profit_pct(cost_krw: int, profit_krw: int) -> float:
    """Return a profit in percent of its cost."""
    if cost_krw <= 0:
        raise ValueError(f"a cost must be above zero, not {cost_krw}")
    return 100 * profit_krw / cost_krw


def win_rate(profits_krw: Iterable[int]) -> float | None:
    """Return wins ÷ (wins + losses), a ratio; trades that broke even count as neither, None without either."""
    profits = tuple(profits_krw)
    wins, losses = sum(profit > 0 for profit in profits), sum(profit < 0 for profit in profits)
    return wins / (wins + losses) if wins + losses else None
