"""Positions as the domain carries them."""

from typing import Any

from prime_jennie.domain.positions import Position


def holding(code: str = "005930", quantity: int = 10, price: int = 100_000, **known: Any) -> Position:
    """Return a holding bought at `price`, which is also its price now."""
    facts: dict[str, Any] = {
        "stock_code": code,
        "stock_name": f"종목 {code}",
        "quantity": quantity,
        "average_buy_price": price,
        "total_buy_amount": quantity * price,
        "current_price": price,
        "current_value": quantity * price,
    }
    return Position(**(facts | known))
