"""Positions as exit rules see them: bought at 100,000 KRW, so that one percent is 1,000 KRW."""

from typing import Any

from prime_jennie.strategy.exit_view import ExitPolicy, ExitView
from prime_jennie.strategy.regime import SIDEWAYS_SCALE_OUT

BUY_PRICE = 100_000


def view(price: int, best: int | None = None, **known: Any) -> ExitView:
    """Return 100 shares at a price whose best was `best`; ATR 2 % unless told otherwise."""
    facts: dict[str, Any] = {
        "stock_code": "005930",
        "price_krw": price,
        "buy_price_krw": BUY_PRICE,
        "quantity": 100,
        "high_watermark_krw": best if best is not None else max(price, BUY_PRICE),
        "holding_days": 1,
        "atr_krw": 2_000,
    }
    return ExitView(**(facts | known))


def policy(**limits: Any) -> ExitPolicy:
    """Return the rulebook's defaults in SIDEWAYS with a stop-loss multiplier of 1."""
    defaults: dict[str, Any] = {
        "stop_loss_pct": 6.0,
        "stop_loss_multiplier": 1.0,
        "take_profit_pct": 10.0,
        "trailing_activate_pct": 5.0,
        "trailing_drop_pct": 3.5,
        "scale_out": SIDEWAYS_SCALE_OUT,
        "tightening_start_day": 10,
        "max_holding_days": 30,
        "bull": False,
    }
    return ExitPolicy(**(defaults | limits))
