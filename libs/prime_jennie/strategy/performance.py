"""Judge closed sales: how many won, by how much."""

from collections.abc import Iterable
from dataclasses import dataclass

from prime_jennie.domain.sales import Sale


@dataclass(frozen=True, slots=True)
class Performance:
    """What a number of sales came to; a sale that ends at exactly nothing is neither won nor lost."""

    trades: int = 0
    wins: int = 0
    losses: int = 0
    profit_krw: int = 0
    avg_return_pct: float = 0.0
    """Mean of each sale's profit as % of its cost."""

    @property
    def win_rate(self) -> float:
        """Return wins ÷ (wins + losses), a ratio (rulebook §13.1); 0 where nothing was decided."""
        decided = self.wins + self.losses
        return self.wins / decided if decided else 0.0


def performance_of(sales: Iterable[Sale]) -> Performance:
    """Sum sales up; one without a known cost counts in money but not in the mean."""
    sales = list(sales)
    returns = [sale.profit_krw / sale.cost_krw * 100 for sale in sales if sale.cost_krw > 0]
    return Performance(
        trades=len(sales),
        wins=sum(sale.profit_krw > 0 for sale in sales),
        losses=sum(sale.profit_krw < 0 for sale in sales),
        profit_krw=sum(sale.profit_krw for sale in sales),
        avg_return_pct=sum(returns) / len(returns) if returns else 0.0,
    )
