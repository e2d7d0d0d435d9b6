"""Say what one sale brought."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sale:
    """One sell order as booked, KRW: the cost of what was sold, and its profit after fees and tax of both sides."""

    stock_name: str
    cost_krw: int
    """0 where a part of what was sold had no known cost."""
    profit_krw: int
