"""The money a strategy works with, and the limits on it: spec and regime table, of which the stricter wins.

Shares of the capital: weights, cash floor and loss limits are percentages of the sizing base (design §4).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.positions import Position
from prime_jennie.domain.trading_strategy import RiskSpec
from prime_jennie.strategy.regime import parameters_of
from prime_jennie.strategy.stops import HARD_STOP_PCT

CONVICTION_LLM_SCORE = 80.0
CONVICTION_POSITION_PCT = 18.0
RULEBOOK_POSITION_PCT = 12.0


@dataclass(frozen=True, slots=True)
class RiskLimits:
    """What one purchase must stay within; percentages of the sizing base."""

    risk_per_trade_pct: float
    position_cap_pct: float
    sector_cap_pct: float
    cash_floor_pct: float


def risk_limits(risk: RiskSpec, regime: MarketRegime, llm_score: float = 0.0) -> RiskLimits:
    """Return the limits for a stock of this score: of the spec and the regime's table (rulebook §3.5), the stricter.

    An llm score of 80 lifts the weight from 12 to 18 % (rulebook §5.1). A spec that tightens maxPositionPct under
    12 % holds for every stock.
    """
    table = parameters_of(regime)
    position_cap_pct = risk.max_position_pct
    if llm_score >= CONVICTION_LLM_SCORE and risk.max_position_pct >= RULEBOOK_POSITION_PCT:
        position_cap_pct = max(risk.max_position_pct, CONVICTION_POSITION_PCT)
    return RiskLimits(
        risk_per_trade_pct=risk.risk_per_trade_pct,
        position_cap_pct=min(position_cap_pct, table.stock_cap_pct),
        sector_cap_pct=min(risk.max_sector_pct, table.sector_cap_pct),
        cash_floor_pct=max(risk.cash_floor_pct, table.cash_floor_pct),
    )


def sizing_base_krw(capital_krw: int | None, account_assets_krw: int) -> int:
    """Return the strategy's capital, or the account's assets where it has none or they have shrunk below it."""
    return account_assets_krw if capital_krw is None else min(capital_krw, account_assets_krw)


def spendable_cash_krw(base_krw: int, account_cash_krw: int, own_positions: Iterable[Position]) -> int:
    """Return the strategy's cash: the base less what its own positions cost, never more than the account's cash."""
    invested_krw = sum(position.total_buy_amount for position in own_positions)
    return max(0, min(account_cash_krw, base_krw - invested_krw))


def open_risk_pct(own_positions: Iterable[Position], base_krw: int) -> float:
    """Return what the portfolio loses, in percent of the base, if every stop is hit from here (rulebook §5.1 ✗).

    A position counts the way from its price to its stop, nothing once the price is at or under it; one without a
    stored stop counts the hard stop's loss.
    """
    risk_krw = 0.0
    for position in own_positions:
        price_krw = position.current_price or position.average_buy_price
        stop_krw = position.stop_loss_price or position.average_buy_price * (100 - HARD_STOP_PCT) / 100
        risk_krw += position.quantity * max(0.0, price_krw - stop_krw)
    return 100 * risk_krw / base_krw if base_krw > 0 else 0.0
