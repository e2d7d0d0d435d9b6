"""Tag a stock's risk from its numbers; no language model has a say in it (rulebook §3.2)."""

from prime_jennie.domain.tiers import RiskTag
from prime_jennie.domain.watchlist import InvestorTradingSummary, QuantScore
from prime_jennie.strategy.price_figures import PriceFigures

HEAVY_SELLING_KRW = -3_000_000_000
NEAR_HIGH_PCT = -3.0


def risk_tag_of(quant: QuantScore, figures: PriceFigures, flows: InvestorTradingSummary | None) -> RiskTag:
    """Return the first tag that applies; flows that nobody knows accuse nobody."""
    foreigners_flee = flows is not None and flows.foreign_net_buy_sum < HEAVY_SELLING_KRW
    institutions_flee = flows is not None and flows.institution_net_buy_sum < HEAVY_SELLING_KRW
    near_high = figures.high_distance_pct >= NEAR_HIGH_PCT
    if near_high and figures.rsi > 70 and foreigners_flee and institutions_flee:
        return RiskTag.DISTRIBUTION_RISK
    if figures.rsi > 80 or foreigners_flee:
        return RiskTag.CAUTION
    if quant.momentum_score >= 12 and quant.supply_demand_score >= 12 and quant.quality_score >= 10:
        return RiskTag.BULLISH
    return RiskTag.NEUTRAL
