"""Score one stock by the seven factors, in plain Python: the reading that `scoring_matrix` must equal."""

from collections.abc import Iterable, Mapping
from math import fsum

from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.watchlist import EnrichedCandidate, QuantScore
from prime_jennie.strategy import factors
from prime_jennie.strategy.price_figures import (
    FEWEST_BARS,
    HALF_YEAR_BARS,
    QUARTER_BARS,
    PriceFigures,
    figures_of,
    traded,
)

FEWEST_SECTOR_STOCKS = 5
NEUTRAL_HALVES = (10.0, 10.0, 10.0, 5.0, 5.0, 10.0, 5.0)
"""What a stock with too short a history gets: half of every factor, and no place on any list."""

FactorPoints = tuple[float, float, float, float, float, float, float]
"""Momentum, quality, value, technical, news, supply and demand, sector momentum."""


def score(candidate: EnrichedCandidate, regime: MarketRegime) -> QuantScore:
    """Return a stock's score from its bars of the last 250 sessions and whatever else is known of it."""
    figures = figures_of(candidate.daily_prices, candidate.snapshot)
    if figures is None:
        return invalid_score(candidate, len(traded(candidate.daily_prices)))
    return valid_score(candidate, figures, factor_points(candidate, figures, regime))


def factor_points(candidate: EnrichedCandidate, figures: PriceFigures, regime: MarketRegime) -> FactorPoints:
    """Return the seven factors."""
    per, pbr = reported_per(candidate), reported_pbr(candidate)
    return (
        factors.momentum(figures, eps_revision(candidate), bull=regime.is_bull),
        factors.quality(expected_roe(candidate), pbr, expected_per(candidate)),
        factors.value(per, pbr, figures.high_distance_pct),
        factors.technical(figures),
        factors.news(candidate.news_sentiment_avg),
        factors.supply_demand(candidate.investor_trading),
        factors.sector_momentum(candidate.sector_avg_return_20d),
    )


def valid_score(candidate: EnrichedCandidate, figures: PriceFigures, points: FactorPoints) -> QuantScore:
    """Put seven factors together: their sum, at most 100, with what speaks for the stock and what is not known."""
    return _quant_score(
        candidate,
        points,
        matched_conditions=conditions(candidate, figures),
        gaps=gaps(candidate, figures.bars),
    )


def invalid_score(candidate: EnrichedCandidate, bars: int) -> QuantScore:
    """Return the neutral score of a stock whose history is too short to judge."""
    return _quant_score(
        candidate,
        NEUTRAL_HALVES,
        gaps=gaps(candidate, bars),
        is_valid=False,
        invalid_reason=f"{bars} traded bars, {FEWEST_BARS} needed",
    )


def _quant_score(candidate: EnrichedCandidate, points: FactorPoints, **known: object) -> QuantScore:
    momentum, quality, value, technical, news, supply_demand, sector = points
    return QuantScore.model_validate(
        {
            "stock_code": candidate.master.stock_code,
            "stock_name": candidate.master.stock_name,
            "total_score": total(points),
            "momentum_score": momentum,
            "quality_score": quality,
            "value_score": value,
            "technical_score": technical,
            "news_score": news,
            "supply_demand_score": supply_demand,
            "sector_momentum_score": sector,
            **known,
        }
    )


def total(points: FactorPoints) -> float:
    """Return the sum of the factors, at most 100."""
    return min(fsum(points), 100.0)


def sector_returns(stocks: Iterable[tuple[SectorGroup, float]]) -> Mapping[SectorGroup, float]:
    """Return each sector's mean 20-day return in percent; sectors with fewer than five stocks say nothing."""
    returns: dict[SectorGroup, list[float]] = {}
    for group, return_pct in stocks:
        returns.setdefault(group, []).append(return_pct)
    return {group: fsum(own) / len(own) for group, own in returns.items() if len(own) >= FEWEST_SECTOR_STOCKS}


def reported_per(candidate: EnrichedCandidate) -> float | None:
    """Return the price-earnings ratio as reported, the day's quote first."""
    snapshot, trend = candidate.snapshot, candidate.financial_trend
    return _known(None if snapshot is None else snapshot.per, None if trend is None else trend.per)


def reported_pbr(candidate: EnrichedCandidate) -> float | None:
    """Return the price-book ratio as reported, the day's quote first."""
    snapshot, trend = candidate.snapshot, candidate.financial_trend
    return _known(None if snapshot is None else snapshot.pbr, None if trend is None else trend.pbr)


def expected_per(candidate: EnrichedCandidate) -> float | None:
    """Return the price-earnings ratio that analysts expect, else the reported one."""
    consensus = candidate.consensus
    return _known(None if consensus is None else consensus.forward_per, reported_per(candidate))


def expected_roe(candidate: EnrichedCandidate) -> float | None:
    """Return the return on equity that analysts expect, else the reported one; zero is a figure here."""
    consensus, trend = candidate.consensus, candidate.financial_trend
    if consensus is not None and consensus.forward_roe is not None:
        return consensus.forward_roe
    return None if trend is None else trend.roe


def eps_revision(candidate: EnrichedCandidate) -> float | None:
    """Return by how much analysts revised the expected earnings in 30 days, in percent."""
    return None if candidate.consensus is None else candidate.consensus.eps_revision_pct


def _known(*ratios: float | None) -> float | None:
    """Return the first ratio that says something: sources write 0 where they have none."""
    return next((ratio for ratio in ratios if ratio), None)


def conditions(candidate: EnrichedCandidate, figures: PriceFigures) -> tuple[str, ...]:
    """Name what speaks for or against a stock, as a person would tick it off."""
    flows, revision = candidate.investor_trading, eps_revision(candidate)
    half_year, month = figures.return_120_pct, figures.return_20_pct
    met = {
        "RSI_STRONG": 40 <= figures.rsi <= 70,
        "RSI_HOT": figures.rsi > 80,
        "RSI_SOLD_OFF": figures.rsi < 30,
        "RISING_TREND_PAUSES": half_year is not None and half_year > 5 and month < -3,
        "RISING_TREND_GOES_ON": half_year is not None and half_year > 10 and month > 3,
        "AVERAGES_ALIGNED": figures.price > figures.ma5 > figures.ma20,
        "VOLUME_GROWS": figures.volume_ratio > 1.5,
        "NEAR_YEAR_HIGH": figures.high_distance_pct >= -5,
        "FOREIGNERS_BUY": flows is not None and flows.foreign_net_buy_sum > 0,
        "INSTITUTIONS_BUY": flows is not None and flows.institution_net_buy_sum > 0,
        "EARNINGS_REVISED_UP": revision is not None and revision >= 5,
    }
    return tuple(name for name, holds in met.items() if holds)


def gaps(candidate: EnrichedCandidate, bars: int) -> tuple[str, ...]:
    """Name what is not known of a stock and therefore counts as neutral."""
    flows = candidate.investor_trading
    unknown = {
        "roe": expected_roe(candidate) is None,
        "per": reported_per(candidate) is None,
        "pbr": reported_pbr(candidate) is None,
        "eps_revision": eps_revision(candidate) is None,
        "news": candidate.news_sentiment_avg is None,
        "investor_flows": flows is None,
        "foreign_ratio_trend": flows is not None and flows.foreign_ratio_trend is None,
        "sector_return": candidate.sector_avg_return_20d is None,
        "half_year_return": QUARTER_BARS <= bars < HALF_YEAR_BARS,
        "quarter_return": bars < QUARTER_BARS,
    }
    return tuple(name for name, missing in unknown.items() if missing)
