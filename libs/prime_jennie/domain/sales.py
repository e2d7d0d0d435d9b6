"""Say what one sale brought."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sale:
    """One sell order as booked, KRW: the cost of what was sold, and its profit after fees and tax of both sides."""

    cost_krw: int
    profit_krw: int
