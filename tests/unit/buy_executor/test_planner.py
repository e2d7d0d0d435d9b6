"""Prices and orders of a purchase, by hand."""

from datetime import UTC, date, datetime
from typing import Any

from buy_executor.planner import atr_krw, held_sectors, reason_line
from prime_jennie.domain.market import DailyPrice, MarketRegime
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.signals import BuySignal, SignalType
from prime_jennie.domain.tiers import TradeTier
from prime_jennie.strategy.exposure import merge_positions
from tests.support.holdings import holding


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


def bar(day: int, high: int, low: int, close: int, volume: int = 10) -> DailyPrice:
    return DailyPrice(
        stock_code="005930",
        price_date=date(2025, 1, day),
        open_price=low,
        high_price=high,
        low_price=low,
        close_price=close,
        volume=volume,
    )


def test_the_atr_leaves_halted_days_out() -> None:
    """A halted day has a high and low of zero: counted, it would be a true range of the whole price."""
    bars = [bar(day, 1_010, 990, 1_000) for day in range(1, 16)]
    halted = bar(16, 0, 0, 1_000, volume=0)
    assert atr_krw([*bars, halted]) == 20


def test_the_atr_of_fourteen_bars_is_unknown() -> None:
    assert atr_krw([bar(day, 1_010, 990, 1_000) for day in range(1, 15)]) == 0


def test_held_sectors_name_each_sector_once_and_nothing_that_is_gone() -> None:
    row: dict[str, Any] = {"sector_group": SectorGroup.BIO_HEALTH}
    exposures = merge_positions(
        [holding("005930"), holding("000660")],
        [holding("068270", **row)],
        {"005930": SectorGroup.SEMICONDUCTOR_IT, "000660": SectorGroup.SEMICONDUCTOR_IT},
    )
    assert held_sectors(exposures) == (SectorGroup.SEMICONDUCTOR_IT,)


def test_the_reason_names_signal_prices_scores_and_the_sizing() -> None:
    line = reason_line(signal(), 72_100, "83 × 0.7 → 58")
    assert line == "MOMENTUM at 72,000 (now 72,100; hybrid 70, TIER1, BULL): 83 × 0.7 → 58"
