"""Judge closed sales: how many won, by how much."""

from collections.abc import Iterable
from dataclasses import dataclass

from prime_jennie.domain.sales import Sale
from prime_jennie.strategy.pnl import profit_pct, win_rate


@dataclass(frozen=True, slots=True)
class Performance:
    """What a number of sales came to; a sale that ends at exactly nothing is neither won nor lost."""

    trades: int = 0
    wins: int = 0
    losses: int = 0
    profit_krw: int = 0
    win_rate: float = 0.0
    """A ratio; 0 where nothing was decided."""
    avg_return_pct: float = 0.0
    """Mean of each sale's profit as % of its cost."""


def performance_of(sales: Iterable[Sale]) -> Performance:
    """Sum sales up; one without a known cost counts in money but not in the mean."""
    sales = list(sales)
    profits = [sale.profit_krw for sale in sales]
    returns = [profit_pct(sale.cost_krw, sale.profit_krw) for sale in sales if sale.cost_krw > 0]
    return Performance(
        trades=len(sales),
        wins=sum(profit > 0 for profit in profits),
        losses=sum(profit < 0 for profit in profits),
        profit_krw=sum(profits),
        win_rate=win_rate(profits) or 0.0,
        avg_return_pct=sum(returns) / len(returns) if returns else 0.0,
    )
