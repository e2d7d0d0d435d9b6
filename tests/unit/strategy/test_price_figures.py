"""Bars to figures, computed by hand; halts are no trades."""

from datetime import UTC, datetime

import pytest

from prime_jennie.domain.market import StockSnapshot
from prime_jennie.strategy.price_figures import figures_of, traded
from tests.support.market_history import Cell, daily_bars, rising


def quote(price: int, volume: int) -> StockSnapshot:
    return StockSnapshot(
        stock_code="005930",
        price=price,
        open_price=price,
        high_price=price,
        low_price=price,
        volume=volume,
        change_pct=0.0,
        timestamp=datetime(2025, 2, 14, tzinfo=UTC),
    )


def test_nineteen_traded_bars_are_too_few() -> None:
    assert figures_of(daily_bars(rising(19))) is None
    assert figures_of(daily_bars([*rising(19), (10_500, 0, 0)])) is None
    assert figures_of(daily_bars(rising(20))) is not None


def test_figures_of_a_stock_that_rises_ten_won_a_day() -> None:
    # 130 closes: 10,000 … 11,290.
    found = figures_of(daily_bars(rising(130)))
    assert found is not None
    assert (found.bars, found.price, found.last_close, found.high_52w) == (130, 11_290, 11_290, 11_290)
    assert found.return_20_pct == pytest.approx((11_290 / 11_100 - 1) * 100)  # from the first of the last 20 closes
    assert found.return_60_pct == pytest.approx((11_290 / 10_700 - 1) * 100)
    assert found.return_120_pct == pytest.approx((11_290 / 10_100 - 1) * 100)
    assert (found.ma5, found.ma20) == (11_270, 11_195)
    assert (found.rsi, found.volume_ratio, found.high_distance_pct) == (100, 1, 0)


def test_a_short_history_has_no_long_returns() -> None:
    found = figures_of(daily_bars(rising(59)))
    assert found is not None
    assert (found.return_60_pct, found.return_120_pct) == (None, None)
    longer = figures_of(daily_bars(rising(119)))
    assert longer is not None
    assert longer.return_60_pct is not None
    assert longer.return_120_pct is None


def test_a_halt_changes_nothing_whether_written_as_zeros_or_as_a_carried_close() -> None:
    plain = rising(40)
    halted: list[Cell] = [*plain[:30], (99_000, 0, 0), (99_000, 99_000, 0), None, *plain[30:], (1, 0, 0)]
    assert figures_of(daily_bars(halted)) == figures_of(daily_bars(plain))
    assert len(traded(daily_bars(halted))) == 40


def test_the_years_high_is_the_highest_high_and_a_close_above_it_counts() -> None:
    cells: list[Cell] = [(10_000, 12_500, 100)] + [(10_000, 10_000, 100)] * 30
    found = figures_of(daily_bars(cells))
    assert found is not None
    assert (found.high_52w, found.high_distance_pct) == (12_500, -20)
    # Adjusted bars stand a won outside their own extremes.
    rounded = figures_of(daily_bars([(10_001, 10_000, 100)] * 30))
    assert rounded is not None
    assert rounded.high_52w == 10_001


def test_the_quote_is_the_price_once_the_stock_has_traded_today() -> None:
    bars = daily_bars(rising(30))
    before = figures_of(bars, quote(12_000, 0))
    after = figures_of(bars, quote(12_000, 1))
    assert before is not None
    assert after is not None
    assert (before.price, after.price, after.last_close) == (10_290, 12_000, 10_290)
    assert after.high_distance_pct == pytest.approx((12_000 / 10_290 - 1) * 100)


def test_volume_is_the_last_five_against_the_last_twenty() -> None:
    # 15 bars of 100 and 5 of 500: 500 ÷ ((1,500 + 2,500) ÷ 20) = 2.5.
    cells: list[Cell] = [(10_000, 10_000, 100)] * 15 + [(10_000, 10_000, 500)] * 5
    found = figures_of(daily_bars(cells))
    assert found is not None
    assert found.volume_ratio == 2.5
