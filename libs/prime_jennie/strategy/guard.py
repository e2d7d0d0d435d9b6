"""The last look before an order: does the purchase fit the portfolio (rulebook §5.1)?

In order: stocks in the sector, value in the sector, value in the stock, cash left. Exposure counts whoever bought it;
limits are shares of the strategy's capital.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from prime_jennie.domain.risk import DEFAULT_SECTOR_CAP, SectorBudget
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.strategy.capital import RiskLimits
from prime_jennie.strategy.exposure import Exposure
from prime_jennie.strategy.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Purchase:
    """What is about to be bought."""

    stock_code: str
    sector_group: SectorGroup
    quantity: int
    price_krw: int

    @property
    def cost_krw(self) -> int:
        """Return the price of it all; the commission comes out of the cash that is kept."""
        return self.quantity * self.price_krw


@dataclass(frozen=True, slots=True)
class Portfolio:
    """What the purchase joins: the sizing base, the strategy's cash and everything held."""

    base_krw: int
    cash_krw: int
    exposures: Sequence[Exposure]


def portfolio_refusal(
    purchase: Purchase, portfolio: Portfolio, limits: RiskLimits, budget: SectorBudget | None
) -> Refusal | None:
    """Return the first limit that the purchase would break, None when it fits."""
    return (
        sector_count_refusal(purchase, portfolio, sector_count_cap(budget, purchase.sector_group))
        or sector_value_refusal(purchase, portfolio, limits)
        or stock_value_refusal(purchase, portfolio, limits)
        or cash_refusal(purchase, portfolio, limits)
    )


def sector_count_cap(budget: SectorBudget | None, sector: SectorGroup) -> int:
    """Return how many stocks of a sector may be held: today's budget, else 3."""
    return budget.portfolio_cap(sector) if budget is not None else DEFAULT_SECTOR_CAP


def sector_count_refusal(purchase: Purchase, portfolio: Portfolio, cap: int) -> Refusal | None:
    """Refuse another stock of a sector that is full; more of a stock already there adds none."""
    held = {
        exposure.stock_code
        for exposure in portfolio.exposures
        if exposure.sector_group is purchase.sector_group and exposure.value_krw > 0
    }
    if purchase.stock_code in held or len(held) < cap:
        return None
    return Refusal("sector_count", f"{len(held)} stocks of {purchase.sector_group.value} are held, {cap} are allowed")


def sector_value_refusal(purchase: Purchase, portfolio: Portfolio, limits: RiskLimits) -> Refusal | None:
    """Refuse what would lift the sector's value over its cap."""
    held_krw = sum(
        exposure.value_krw for exposure in portfolio.exposures if exposure.sector_group is purchase.sector_group
    )
    return _value_refusal(
        "sector_value", purchase.sector_group.value, held_krw, purchase, portfolio, limits.sector_cap_pct
    )


def stock_value_refusal(purchase: Purchase, portfolio: Portfolio, limits: RiskLimits) -> Refusal | None:
    """Refuse what would lift the stock's value over its cap, shares bought elsewhere included."""
    held_krw = sum(exposure.value_krw for exposure in portfolio.exposures if exposure.stock_code == purchase.stock_code)
    return _value_refusal("stock_value", purchase.stock_code, held_krw, purchase, portfolio, limits.position_cap_pct)


def cash_refusal(purchase: Purchase, portfolio: Portfolio, limits: RiskLimits) -> Refusal | None:
    """Refuse what would leave less cash than the floor."""
    left_krw = portfolio.cash_krw - purchase.cost_krw
    floor_krw = portfolio.base_krw * limits.cash_floor_pct / 100
    if left_krw >= floor_krw:
        return None
    return Refusal(
        "cash_floor", f"{left_krw:,} KRW would be left, {floor_krw:,.0f} ({limits.cash_floor_pct:g} %) must stay"
    )


def _value_refusal(
    rule: str, what: str, held_krw: float, purchase: Purchase, portfolio: Portfolio, cap_pct: float
) -> Refusal | None:
    after_krw = held_krw + purchase.cost_krw
    cap_krw = portfolio.base_krw * cap_pct / 100
    if after_krw <= cap_krw:
        return None
    return Refusal(rule, f"{what} would be worth {after_krw:,.0f} KRW, over {cap_krw:,.0f} ({cap_pct:g} %)")
