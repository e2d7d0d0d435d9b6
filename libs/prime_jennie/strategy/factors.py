"""The seven quant factors: their tables, and each factor of one stock (rulebook §3.1).

A table is written once, as a `Ramp` or as `Steps`; `scoring_matrix` reads the same ones over the whole market. What is
not known (None) takes half of what its part can give, so that a gap neither lifts nor sinks a stock.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from prime_jennie.domain.watchlist import InvestorTradingSummary
from prime_jennie.strategy.price_figures import PriceFigures


@dataclass(frozen=True, slots=True)
class Ramp:
    """The rulebook's lin(x; low→high; top): x clipped to the range and mapped onto 0…top."""

    low: float
    high: float
    top: float

    def of(self, value: float | None) -> float:
        """Return the points; an unknown value earns half."""
        if value is None:
            return self.top / 2
        return (min(max(value, self.low), self.high) - self.low) / (self.high - self.low) * self.top


@dataclass(frozen=True, slots=True)
class Steps:
    """Points by the first bound that a value passes; `rest` where it passes none, `unknown` where there is no value."""

    passes: Callable[[Any, Any], Any]
    bounds: tuple[tuple[float, float], ...]
    rest: float
    unknown: float

    def of(self, value: float | None) -> float:
        """Return the points."""
        if value is None:
            return self.unknown
        return next((points for bound, points in self.bounds if self.passes(value, bound)), self.rest)


SIX_MONTHS, THREE_MONTHS, ONE_MONTH = Ramp(-20, 30, 5), Ramp(-15, 20, 5), Ramp(-10, 15, 5)
EPS_REVISION = Steps(operator.ge, ((10, 2), (5, 1)), rest=0, unknown=0)
ROE = Steps(operator.ge, ((15, 10), (10, 8), (5, 5), (0, 2)), rest=0, unknown=5)
QUALITY_PBR = Steps(operator.lt, ((1, 5), (2, 3), (4, 1.5)), rest=1, unknown=2.5)
VALUE_PER = Steps(operator.lt, ((8, 10), (12, 7), (15, 5.5), (20, 4), (30, 2.5), (50, 2)), rest=1.5, unknown=5)
VALUE_PBR = Steps(operator.lt, ((0.7, 5), (1, 4), (1.5, 2.5), (3, 1.5)), rest=1, unknown=2.5)
HIGH_DISTANCE = Steps(operator.lt, ((-30, 1.5), (-15, 3.5), (-5, 4)), rest=5, unknown=2.5)
VOLUME = Steps(operator.gt, ((2, 5), (1.5, 4), (1.2, 3), (1, 2)), rest=0.5, unknown=2.5)
NEWS = Ramp(20, 80, 10)
RATIO_TREND = Steps(operator.gt, ((1, 6), (0.3, 4.5), (0, 3), (-0.5, 1.5)), rest=0, unknown=3)
SECTOR_RETURN = Ramp(-5, 15, 10)

FLOW_UNIT_KRW = 5e9
NO_FLOWS = 10.0
MOMENTUM_TOP, QUALITY_TOP, VALUE_TOP, FLOWS_TOP = 20.0, 20.0, 20.0, 20.0
TECHNICAL_TOP, NEWS_TOP, SECTOR_TOP = 10.0, 10.0, 10.0
LOSS_QUALITY, LOSS_VALUE = 0.5, 1.5
DEFICIT_POINTS = 1.0


def momentum(figures: PriceFigures, eps_revision_pct: float | None, *, bull: bool) -> float:
    """Return 0–20: RSI, two returns, a pattern of trend and pause, and what analysts revised."""
    half_year = (
        THREE_MONTHS.of(figures.return_60_pct)
        if figures.return_120_pct is None
        else SIX_MONTHS.of(figures.return_120_pct)
    )
    points = (
        rsi_points(figures.rsi, bull=bull)
        + half_year
        + ONE_MONTH.of(figures.return_20_pct)
        + pattern_points(figures.return_120_pct, figures.return_20_pct)
        + EPS_REVISION.of(eps_revision_pct)
    )
    return min(points, MOMENTUM_TOP)


def rsi_points(rsi: float, *, bull: bool) -> float:
    """Return 1–5: strength that is not yet heat; heat up to 80 is forgiven in a bull market."""
    if rsi > 80:
        return 1.0
    if rsi > 70:
        return 5.0 if bull else 3.0
    if rsi >= 40:
        return 5.0
    return 3.5 if rsi >= 30 else 4.0


def pattern_points(half_year_pct: float | None, month_pct: float) -> float:
    """Return 0–5 for a rising half year with a falling month (a pause to buy into), or with a rising one."""
    if half_year_pct is None:
        return 0.0
    if half_year_pct > 5 and month_pct < -3:
        return 5.0
    if half_year_pct > 0 and month_pct < 0:
        return 2.5
    return 3.5 if half_year_pct > 10 and month_pct > 3 else 0.0


def quality(roe: float | None, pbr: float | None, per: float | None) -> float:
    """Return 0–20 from return on equity (10), book value (5) and earnings (5)."""
    return ROE.of(roe) + quality_pbr_points(pbr) + quality_per_points(per)


def quality_pbr_points(pbr: float | None) -> float:
    """Return 1–5; a negative book value is no bargain."""
    return DEFICIT_POINTS if pbr is not None and pbr < 0 else QUALITY_PBR.of(pbr)


def quality_per_points(per: float | None) -> float:
    """Return 0.5–5: a sensible price of earnings; a loss is worth the least."""
    if per is None:
        return 2.5
    if 5 <= per <= 15:
        return 5.0
    if 3 <= per <= 25:
        return 3.0
    return 1.0 if 0 < per <= 50 else LOSS_QUALITY


def value(per: float | None, pbr: float | None, high_distance_pct: float) -> float:
    """Return 0–20 from earnings (10), book value (5) and the distance from the 52-week high (5)."""
    per_points = LOSS_VALUE if per is not None and per < 0 else VALUE_PER.of(per)
    pbr_points = DEFICIT_POINTS if pbr is not None and pbr < 0 else VALUE_PBR.of(pbr)
    return per_points + pbr_points + HIGH_DISTANCE.of(high_distance_pct)


def technical(figures: PriceFigures) -> float:
    """Return 0–10 from the order of price and averages (5) and from the volume's growth (5)."""
    if figures.price > figures.ma5 > figures.ma20:
        trend = 5.0
    elif figures.price > figures.ma20:
        trend = 3.0
    else:
        trend = 1.5 if figures.price > figures.ma5 else 0.0
    return trend + VOLUME.of(figures.volume_ratio)


def news(sentiment: float | None) -> float:
    """Return 0–10 from the mean sentiment of two weeks."""
    return NEWS.of(sentiment)


def supply_demand(flows: InvestorTradingSummary | None) -> float:
    """Return 0–20 from what foreigners (6) and institutions (8) bought, and from the foreign share's trend (6)."""
    if flows is None:
        return NO_FLOWS
    foreign = min(max(3 + 3 * flows.foreign_net_buy_sum / FLOW_UNIT_KRW, 0.0), 6.0)
    institution = min(max(4 + 4 * flows.institution_net_buy_sum / FLOW_UNIT_KRW, 0.0), 8.0)
    return foreign + institution + RATIO_TREND.of(flows.foreign_ratio_trend)


def sector_momentum(mean_return_pct: float | None) -> float:
    """Return 0–10 from the mean 20-day return of the stock's sector."""
    return SECTOR_RETURN.of(mean_return_pct)
