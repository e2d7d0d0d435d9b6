from datetime import UTC, datetime

import pytest

from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.orders import OrderType
from prime_jennie.domain.signals import MOMENTUM_FAMILY, BuySignal, SignalType
from prime_jennie.domain.tiers import TradeTier
from prime_jennie.strategy.order_terms import order_price_krw, order_request


def signal(signal_type: SignalType = SignalType.MOMENTUM) -> BuySignal:
    return BuySignal(
        stock_code="005930",
        stock_name="삼성전자",
        signal_type=signal_type,
        signal_price=72_000,
        llm_score=70,
        hybrid_score=70,
        trade_tier=TradeTier.TIER1,
        market_regime=MarketRegime.BULL,
        timestamp=datetime(2025, 3, 10, 1, 15, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("live", "limit"),
    [
        (72_100, 72_300),  # 72,316.3 on a grid of 100
        (1_999, 2_000),  # 2,004.997 → 2,004, on a grid of 5 above 2,000
        (1_000, 1_003),
        (200_000, 200_500),  # 200,600 on a grid of 500
        (499_500, 500_000),  # 500,998.5 on a grid of 1,000
    ],
)
def test_a_momentum_limit_is_the_live_price_and_three_tenths_of_a_percent_down_to_the_tick(
    live: int, limit: int
) -> None:
    assert order_price_krw(signal(), live) == limit
    request = order_request(signal(), 3, limit)
    assert (request.order_type, request.price) == (OrderType.LIMIT, limit)


@pytest.mark.parametrize("signal_type", sorted(set(SignalType) - MOMENTUM_FAMILY))
def test_every_other_signal_buys_at_the_market(signal_type: SignalType) -> None:
    assert order_price_krw(signal(signal_type), 72_100) == 72_100
    request = order_request(signal(signal_type), 3, 72_100)
    assert (request.order_type, request.price) == (OrderType.MARKET, None)
