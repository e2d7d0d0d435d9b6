"""At which terms a purchase is ordered: the momentum family at a limit, all others at the market (rulebook §5.1)."""

from prime_jennie.domain.money import align_down
from prime_jennie.domain.orders import OrderRequest, OrderType
from prime_jennie.domain.signals import MOMENTUM_FAMILY, BuySignal

MOMENTUM_LIMIT_PER_MILLE = 1_003
"""Of the live price: × 1.003, in integers so that no float moves it by a tick."""


def order_price_krw(signal: BuySignal, live_price: int) -> int:
    """Return what a share may cost: the momentum family's limit, down to the tick, else the live price."""
    if signal.signal_type in MOMENTUM_FAMILY:
        return align_down(live_price * MOMENTUM_LIMIT_PER_MILLE // 1_000)
    return live_price


def order_request(signal: BuySignal, quantity: int, price: int) -> OrderRequest:
    """Return a limit order for the momentum family, a market order for all others."""
    if signal.signal_type in MOMENTUM_FAMILY:
        return OrderRequest(stock_code=signal.stock_code, quantity=quantity, order_type=OrderType.LIMIT, price=price)
    return OrderRequest(stock_code=signal.stock_code, quantity=quantity)
