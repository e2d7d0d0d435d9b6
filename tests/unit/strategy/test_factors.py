"""Every step of the rulebook's tables (§3.1), at its edges."""

import pytest

from prime_jennie.domain.watchlist import InvestorTradingSummary
from prime_jennie.strategy import factors
from prime_jennie.strategy.factors import Ramp
from tests.support.market_history import figures


def flows(foreign: int, institution: int, trend: float | None = None) -> InvestorTradingSummary:
    return InvestorTradingSummary(
        foreign_net_buy_sum=foreign, institution_net_buy_sum=institution, foreign_ratio_trend=trend
    )


@pytest.mark.parametrize(
    ("value", "points"), [(-30, 0), (-20, 0), (5, 2.5), (30, 5), (90, 5), (None, 2.5)], ids=lambda case: str(case)
)
def test_a_ramp_clips_to_its_range_and_gives_half_for_the_unknown(value: float | None, points: float) -> None:
    assert Ramp(-20, 30, 5).of(value) == points


@pytest.mark.parametrize(
    ("rsi", "calm", "bull"),
    [(29.9, 4, 4), (30, 3.5, 3.5), (39.9, 3.5, 3.5), (40, 5, 5), (70, 5, 5), (70.1, 3, 5), (80, 3, 5), (80.1, 1, 1)],
)
def test_rsi_points(rsi: float, calm: float, bull: float) -> None:
    assert factors.rsi_points(rsi, bull=False) == calm
    assert factors.rsi_points(rsi, bull=True) == bull


@pytest.mark.parametrize(
    ("half_year", "month", "points"),
    [
        (5.1, -3.1, 5),
        (5.1, -3.0, 2.5),
        (5.0, -3.1, 2.5),
        (0.1, -0.1, 2.5),
        (0.0, -0.1, 0),
        (0.1, 0.0, 0),
        (10.1, 3.1, 3.5),
        (10.0, 3.1, 0),
        (10.1, 3.0, 0),
        (None, -9.0, 0),
    ],
)
def test_pattern_points(half_year: float | None, month: float, points: float) -> None:
    assert factors.pattern_points(half_year, month) == points


def test_momentum_adds_its_parts() -> None:
    # RSI 50 → 5; 120 bars +5 % → (5+20)/50×5 = 2.5; 20 bars −10 % → 0; a rising half year with a falling month → 2.5.
    assert factors.momentum(figures(return_120_pct=5.0, return_20_pct=-10.0), None, bull=False) == 10.0


def test_momentum_takes_the_quarter_where_half_a_year_is_not_known() -> None:
    # RSI 5; 60 bars +20 % → 5; 20 bars +15 % → 5; no pattern.
    young = figures(bars=60, return_120_pct=None, return_60_pct=20.0, return_20_pct=15.0)
    assert factors.momentum(young, None, bull=False) == 15.0
    newest = figures(bars=20, return_120_pct=None, return_60_pct=None, return_20_pct=15.0)
    assert factors.momentum(newest, None, bull=False) == 12.5


def test_momentum_is_capped_at_twenty() -> None:
    # 5 + 5 + 5 + 3.5 = 18.5, and 2 for the revision.
    strong = figures(return_120_pct=30.0, return_20_pct=15.0)
    assert factors.momentum(strong, None, bull=True) == 18.5
    assert factors.momentum(strong, 4.9, bull=True) == 18.5
    assert factors.momentum(strong, 5.0, bull=True) == 19.5
    assert factors.momentum(strong, 10.0, bull=True) == 20.0


@pytest.mark.parametrize(("roe", "points"), [(15, 10), (14.9, 8), (10, 8), (5, 5), (0, 2), (-0.1, 0), (None, 5)])
def test_return_on_equity(roe: float | None, points: float) -> None:
    assert factors.ROE.of(roe) == points


@pytest.mark.parametrize(
    ("pbr", "quality", "value"),
    [
        (0.6, 5, 5),
        (0.7, 5, 4),
        (1, 3, 2.5),
        (1.5, 3, 1.5),
        (2, 1.5, 1.5),
        (3, 1.5, 1),
        (4, 1, 1),
        (-0.5, 1, 1),
        (None, 2.5, 2.5),
    ],
)
def test_book_value_and_a_negative_one_is_no_bargain(pbr: float | None, quality: float, value: float) -> None:
    assert factors.quality_pbr_points(pbr) == quality
    assert factors.value(None, pbr, 0.0) == 5 + value + 5


@pytest.mark.parametrize(
    ("per", "quality", "value"),
    [
        (2.9, 1, 10),
        (3, 3, 10),
        (5, 5, 10),
        (8, 5, 7),
        (12, 5, 5.5),
        (15, 5, 4),
        (15.1, 3, 4),
        (20, 3, 2.5),
        (25, 3, 2.5),
        (30, 1, 2),
        (50, 1, 1.5),
        (50.1, 0.5, 1.5),
        (-4, 0.5, 1.5),
        (None, 2.5, 5),
    ],
)
def test_earnings_and_a_loss_is_worth_the_least(per: float | None, quality: float, value: float) -> None:
    assert factors.quality_per_points(per) == quality
    assert factors.value(per, None, 0.0) == value + 2.5 + 5


def test_without_fundamentals_quality_is_half() -> None:
    assert factors.quality(None, None, None) == 10.0


@pytest.mark.parametrize(
    ("distance", "points"), [(-30.1, 1.5), (-30, 3.5), (-15.1, 3.5), (-15, 4), (-5.1, 4), (-5, 5), (0.4, 5)]
)
def test_distance_from_the_years_high(distance: float, points: float) -> None:
    assert factors.HIGH_DISTANCE.of(distance) == points


@pytest.mark.parametrize(
    ("price", "ma5", "ma20", "trend"),
    [(103, 102, 101, 5), (103, 101, 102, 3), (102, 101, 103, 1.5), (101, 102, 103, 0), (102, 103, 101, 3)],
)
def test_the_order_of_price_and_averages(price: float, ma5: float, ma20: float, trend: float) -> None:
    # A volume that only keeps its level is worth half a point.
    assert factors.technical(figures(price=price, ma5=ma5, ma20=ma20)) == trend + 0.5


@pytest.mark.parametrize(("ratio", "points"), [(2.1, 5), (2, 4), (1.5, 3), (1.2, 2), (1.01, 2), (1, 0.5), (0.2, 0.5)])
def test_the_volumes_growth(ratio: float, points: float) -> None:
    assert factors.technical(figures(price=9_000.0, volume_ratio=ratio)) == points


@pytest.mark.parametrize(("sentiment", "points"), [(20, 0), (50, 5), (80, 10), (100, 10), (None, 5)])
def test_news(sentiment: float | None, points: float) -> None:
    assert factors.news(sentiment) == points


@pytest.mark.parametrize(
    ("foreign", "institution", "trend", "points"),
    [
        (0, 0, None, 3 + 4 + 3),
        (5_000_000_000, 5_000_000_000, 1.1, 6 + 8 + 6),
        (50_000_000_000, 50_000_000_000, 1.0, 6 + 8 + 4.5),
        (-5_000_000_000, -5_000_000_000, 0.3, 0 + 0 + 3),
        (-50_000_000_000, -50_000_000_000, 0.0, 0 + 0 + 1.5),
        (2_500_000_000, -2_500_000_000, -0.5, 4.5 + 2 + 0),
    ],
)
def test_flows(foreign: int, institution: int, trend: float | None, points: float) -> None:
    assert factors.supply_demand(flows(foreign, institution, trend)) == points


def test_unknown_flows_are_half() -> None:
    assert factors.supply_demand(None) == 10.0


@pytest.mark.parametrize(("mean", "points"), [(-6, 0), (5, 5), (15, 10), (None, 5)])
def test_sector_momentum(mean: float | None, points: float) -> None:
    assert factors.sector_momentum(mean) == points
