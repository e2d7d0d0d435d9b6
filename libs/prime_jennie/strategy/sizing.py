"""How many shares to buy: volatility decides, caps limit, doubts shrink (rulebook §5.1, steps 1–7).

Worked example: assets 50,000,000, price 72,100, ATR 1,442, llm 70, hybrid 70, TIER1, NEUTRAL → budget 500,000, base
500,000 ÷ 2,884 = 173, weight cap 6,000,000 ÷ 72,100 = 83, × 0.7 = 58 shares.
"""

from fractions import Fraction

from prime_jennie.domain.risk import PositionSizingRequest, PositionSizingResult
from prime_jennie.domain.tiers import RiskTag, TradeTier
from prime_jennie.strategy.capital import RiskLimits
from prime_jennie.strategy.indicators import UNKNOWN_ATR_RATIO

ATR_MIN_RATIO, ATR_MAX_RATIO = 0.01, 0.05
STOP_ATRS = 2.0
HELD_SECTOR_FACTOR = 0.7
MAX_SHARES = 10_000
MIN_CASH_COVER = 0.5
MAX_HEAT_PCT = 5.0
TIER1_STEPS = ((85.0, 1.0), (80.0, 0.9), (75.0, 0.8), (70.0, 0.7))
TIER1_LOWEST, TIER2_FACTOR = 0.6, 0.5
CAUTION_FACTOR = 0.7
STALE_2_DAYS_FACTOR, STALE_3_DAYS_FACTOR = 0.5, 0.3


def size_position(request: PositionSizingRequest, limits: RiskLimits) -> PositionSizingResult:
    """Return how many shares to buy, 0 with the reason for none.

    `request.portfolio_value` is the sizing base and `request.portfolio_risk_pct` the real open risk. Caps hold for the
    final figure too, so that a position multiplier above 1 never lifts a purchase over them.
    """
    price_krw, assets_krw = request.stock_price, request.portfolio_value
    multipliers = _multipliers(request)
    doubt = _product(multipliers)
    if doubt == 0:
        return _skipped(request, multipliers, f"{request.trade_tier.value} with {request.risk_tag.value} is not bought")

    stop_distance_krw = STOP_ATRS * effective_atr_krw(request.atr, price_krw)
    held = request.sector_group is not None and request.sector_group in request.held_sector_groups
    sector_factor = HELD_SECTOR_FACTOR if held else 1.0
    budget_krw = assets_krw * limits.risk_per_trade_pct / 100 * sector_factor
    base = max(1, int(budget_krw / stop_distance_krw))

    by_weight, by_cash, kept_krw = _caps(request, limits)
    target = min(base, by_weight, MAX_SHARES)
    if by_cash < target * MIN_CASH_COVER:
        return _skipped(
            request, multipliers, f"cash covers {by_cash} of {target} shares after keeping {kept_krw:,.0f} KRW"
        )
    cap = min(by_weight, by_cash, MAX_SHARES)
    planned = min(target, by_cash)
    if planned == 0:
        return _skipped(request, multipliers, f"one share is over {limits.position_cap_pct:g} % of {assets_krw:,} KRW")

    final = min(cap, int(planned * doubt))
    if too_hot := _too_hot(request, max(planned, final)):
        return _skipped(request, multipliers, too_hot)
    if final == 0:
        return _skipped(request, multipliers, f"{planned} shares × {float(doubt):.3g} is less than one share")
    return PositionSizingResult(
        quantity=final,
        target_weight_pct=100 * planned * price_krw / assets_krw,
        actual_weight_pct=100 * final * price_krw / assets_krw,
        applied_multipliers=multipliers | {"sector_held": sector_factor},
        reasoning=(
            f"risk {budget_krw:,.0f} ÷ stop distance {stop_distance_krw:,.0f} = {base}; "
            f"weight cap {by_weight}, cash {by_cash} → {planned}; × {float(doubt):.3g} → {final}"
        ),
    )


def size_as_asked(asked: int, request: PositionSizingRequest, limits: RiskLimits) -> PositionSizingResult:
    """Return how many of the shares that a person asked for fit: caps and heat hold, doubts and risk budget do not."""
    price_krw, assets_krw = request.stock_price, request.portfolio_value
    by_weight, by_cash, kept_krw = _caps(request, limits)
    final = min(asked, by_weight, by_cash, MAX_SHARES)
    caps = f"weight cap {by_weight}, cash {by_cash} after keeping {kept_krw:,.0f} KRW"
    if final == 0:
        return _skipped(request, {}, f"asked {asked}: {caps}")
    if too_hot := _too_hot(request, final):
        return _skipped(request, {}, too_hot)
    return PositionSizingResult(
        quantity=final,
        target_weight_pct=100 * final * price_krw / assets_krw,
        actual_weight_pct=100 * final * price_krw / assets_krw,
        applied_multipliers={},
        reasoning=f"asked {asked}; {caps} → {final}",
    )


def effective_atr_krw(atr_krw: float | None, price_krw: int) -> float:
    """Return the ATR clipped to 1–5 % of the price, 2 % where it is unknown (step 1)."""
    if not atr_krw:
        return price_krw * UNKNOWN_ATR_RATIO
    return min(price_krw * ATR_MAX_RATIO, max(price_krw * ATR_MIN_RATIO, atr_krw))


def tier_multiplier(tier: TradeTier, hybrid_score: float) -> float:
    """Return the share of a full position that a tier and its score earn."""
    if tier is TradeTier.BLOCKED:
        return 0.0
    if tier is TradeTier.TIER2:
        return TIER2_FACTOR
    return next((factor for score, factor in TIER1_STEPS if hybrid_score >= score), TIER1_LOWEST)


def risk_tag_multiplier(tag: RiskTag) -> float:
    """Return the factor of a risk tag."""
    if tag is RiskTag.DISTRIBUTION_RISK:
        return 0.0
    return CAUTION_FACTOR if tag is RiskTag.CAUTION else 1.0


def staleness_multiplier(stale_days: int) -> float:
    """Return the factor for scores this many days old."""
    if stale_days <= 1:
        return 1.0
    return STALE_2_DAYS_FACTOR if stale_days == 2 else STALE_3_DAYS_FACTOR


def _multipliers(request: PositionSizingRequest) -> dict[str, float]:
    return {
        "tier": tier_multiplier(request.trade_tier, request.hybrid_score),
        "risk_tag": risk_tag_multiplier(request.risk_tag),
        "staleness": staleness_multiplier(request.stale_days),
        "position": request.position_multiplier,
    }


def _product(multipliers: dict[str, float]) -> Fraction:
    """Multiply as written in decimals: 100 × 0.7 × 0.8 is 56 shares, where binary floats make 55."""
    product = Fraction(1)
    for factor in multipliers.values():
        product *= Fraction(str(factor))
    return product


def _caps(request: PositionSizingRequest, limits: RiskLimits) -> tuple[int, int, float]:
    """Return the shares that the weight cap and the cash allow, and the cash that is kept."""
    assets_krw, price_krw = request.portfolio_value, request.stock_price
    kept_krw = assets_krw * limits.cash_floor_pct / 100
    by_cash = max(0, int((request.available_cash - kept_krw) / price_krw))
    return _affordable(assets_krw, limits.position_cap_pct, price_krw), by_cash, kept_krw


def _too_hot(request: PositionSizingRequest, shares: int) -> str | None:
    stop_distance_krw = STOP_ATRS * effective_atr_krw(request.atr, request.stock_price)
    new_risk_pct = 100 * shares * stop_distance_krw / request.portfolio_value
    if request.portfolio_risk_pct + new_risk_pct <= MAX_HEAT_PCT:
        return None
    return f"open risk {request.portfolio_risk_pct:.2f} % + new {new_risk_pct:.2f} % is over {MAX_HEAT_PCT:g} %"


def _affordable(assets_krw: int, share_pct: float, price_krw: int) -> int:
    return int(assets_krw * share_pct / 100 / price_krw)


def _skipped(request: PositionSizingRequest, multipliers: dict[str, float], reason: str) -> PositionSizingResult:
    return PositionSizingResult(
        quantity=0, target_weight_pct=0, actual_weight_pct=0, applied_multipliers=multipliers, reasoning=reason
    )
