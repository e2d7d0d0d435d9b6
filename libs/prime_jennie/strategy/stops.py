"""The protective exits, rules 0–5 of rulebook §6: where a loss ends and how much of a profit is kept.

P is the profit and H the best profit in percent, A the ATR in percent of the purchase price, m the regime's stop-loss
multiplier.
"""

from prime_jennie.domain.signals import SellReason
from prime_jennie.strategy.exit_view import ExitDecision, ExitPolicy, ExitView, sell_all

HARD_STOP_PCT = 10.0
PROFIT_FLOOR_ARMED_PCT, PROFIT_FLOOR_PCT = 15.0, 10.0
LOCK_L2_ATRS, LOCK_L2_MIN_PCT, LOCK_L2_MAX_PCT, LOCK_L2_FLOOR_PCT = 2.5, 3.0, 5.0, 1.0
LOCK_L1_ATRS, LOCK_L1_MIN_PCT, LOCK_L1_MAX_PCT, LOCK_L1_FLOOR_PCT = 1.5, 1.5, 3.0, 0.2
BREAKEVEN_ARMED_PCT, BREAKEVEN_FLOOR_PCT = 3.0, 0.3
ATR_STOP_ATRS, ATR_STOP_MACD_FACTOR, ATR_STOP_CROSS_FACTOR = 2.0, 0.75, 0.8
TIGHTENING_MAX_PCT, TIGHTENING_END_DAY = 2.0, 30
TRAILING_MACD_FACTOR, TRAILING_CROSS_FACTOR, TRAILING_MIN_PROFIT_PCT = 0.8, 0.7, 3.0


def hard_stop(view: ExitView, policy: ExitPolicy) -> ExitDecision | None:
    """Rule 0: sell all at a loss of 10 %, whatever regime and spec allow."""
    if view.profit_pct > -HARD_STOP_PCT:
        return None
    return sell_all(view, SellReason.STOP_LOSS, "hard_stop", f"{view.profit_text}, at or under −{HARD_STOP_PCT:g} %")


def profit_floor(view: ExitView, policy: ExitPolicy) -> ExitDecision | None:
    """Rule 1: a profit that reached 15 % must not fall under 10 %."""
    if view.best_profit_pct < PROFIT_FLOOR_ARMED_PCT or view.profit_pct >= PROFIT_FLOOR_PCT:
        return None
    explanation = (
        f"{view.profit_text} after a best of {view.best_profit_pct:+.2f} %: under the floor of {PROFIT_FLOOR_PCT:g} %"
    )
    return sell_all(view, SellReason.PROFIT_FLOOR, "profit_floor", explanation)


def lock_l2(view: ExitView, policy: ExitPolicy) -> ExitDecision | None:
    """Rule 2a: a best profit of 2.5 A (3–5 %) locks in 1 %."""
    armed_pct = _clip(LOCK_L2_ATRS * view.atr_pct, LOCK_L2_MIN_PCT, LOCK_L2_MAX_PCT)
    return _lock(view, "lock_l2", armed_pct, LOCK_L2_FLOOR_PCT)


def lock_l1(view: ExitView, policy: ExitPolicy) -> ExitDecision | None:
    """Rule 2b: a best profit of 1.5 A (1.5–3 %) locks in 0.2 %."""
    armed_pct = _clip(LOCK_L1_ATRS * view.atr_pct, LOCK_L1_MIN_PCT, LOCK_L1_MAX_PCT)
    return _lock(view, "lock_l1", armed_pct, LOCK_L1_FLOOR_PCT)


def breakeven(view: ExitView, policy: ExitPolicy) -> ExitDecision | None:
    """Rule 2.5: a best profit of 3 % must not fall under 0.3 %."""
    if view.best_profit_pct < BREAKEVEN_ARMED_PCT or view.profit_pct >= BREAKEVEN_FLOOR_PCT:
        return None
    explanation = f"{view.profit_text} after a best of {view.best_profit_pct:+.2f} %: under {BREAKEVEN_FLOOR_PCT:g} %"
    return sell_all(view, SellReason.BREAKEVEN_STOP, "breakeven", explanation)


def atr_stop(view: ExitView, policy: ExitPolicy) -> ExitDecision | None:
    """Rule 3: sell all at 2 ATR × m under the purchase price; warnings draw the stop nearer."""
    stop_krw = atr_stop_price_krw(view, policy)
    if view.price_krw > stop_krw:
        return None
    explanation = (
        f"{view.profit_text}: at or under the stop of {stop_krw:,.0f} "
        f"(purchase {view.buy_price_krw:,.0f} − {ATR_STOP_ATRS:g} × ATR {view.working_atr_krw:,.0f} "
        f"× {policy.stop_loss_multiplier:g}{_warning_text(view)})"
    )
    return sell_all(view, SellReason.STOP_LOSS, "atr_stop", explanation)


def fixed_stop(view: ExitView, policy: ExitPolicy) -> ExitDecision | None:
    """Rule 4: sell all at the spec's loss × m, tightened by up to 2 points from the regime's start day to day 30."""
    allowed_pct = allowed_loss_pct(view, policy)
    if view.profit_pct > -allowed_pct:
        return None
    explanation = f"{view.profit_text}: at or under −{allowed_pct:.2f} % on day {view.holding_days}"
    return sell_all(view, SellReason.STOP_LOSS, "fixed_stop", explanation)


def trailing_stop(view: ExitView, policy: ExitPolicy) -> ExitDecision | None:
    """Rule 5: once active, sell all when the price has dropped from its peak, as long as 3 % remain."""
    if not trailing_is_active(view, policy) or view.profit_pct < TRAILING_MIN_PROFIT_PCT:
        return None
    if 100 * view.price_krw > view.peak_krw * (100 - policy.trailing_drop_pct):
        return None
    explanation = (
        f"{view.profit_text}: dropped {100 * (1 - view.price_krw / view.peak_krw):.2f} % from the peak of "
        f"{view.peak_krw:,.0f}, {policy.trailing_drop_pct:g} % are allowed"
    )
    return sell_all(view, SellReason.TRAILING_STOP, "trailing_stop", explanation)


def atr_stop_price_krw(view: ExitView, policy: ExitPolicy) -> float:
    """Return the purchase price − 2 ATR × m, × 0.75 on a MACD warning, else × 0.8 on a death cross."""
    distance_krw = view.working_atr_krw * ATR_STOP_ATRS * policy.stop_loss_multiplier
    return view.buy_price_krw - distance_krw * _warned(view, ATR_STOP_MACD_FACTOR, ATR_STOP_CROSS_FACTOR)


def allowed_loss_pct(view: ExitView, policy: ExitPolicy) -> float:
    """Return the loss that the fixed stop allows on this day, in percent; never a demanded profit."""
    span_days = TIGHTENING_END_DAY - policy.tightening_start_day
    progress = _clip((view.holding_days - policy.tightening_start_day) / span_days, 0.0, 1.0)
    return max(0.0, policy.stop_loss_pct * policy.stop_loss_multiplier - TIGHTENING_MAX_PCT * progress)


def trailing_is_active(view: ExitView, policy: ExitPolicy) -> bool:
    """Say whether H has reached the activation; a MACD warning lowers it by a fifth, else a death cross by 30 %."""
    if policy.trailing_activate_pct is None:
        return False
    return view.best_profit_pct >= policy.trailing_activate_pct * _warned(
        view, TRAILING_MACD_FACTOR, TRAILING_CROSS_FACTOR
    )


def _lock(view: ExitView, rule: str, armed_pct: float, floor_pct: float) -> ExitDecision | None:
    if view.best_profit_pct < armed_pct or view.profit_pct >= floor_pct:
        return None
    explanation = (
        f"{view.profit_text} after a best of {view.best_profit_pct:+.2f} %: "
        f"armed at {armed_pct:.2f} %, it must keep {floor_pct:g} %"
    )
    return sell_all(view, SellReason.TRAILING_STOP, rule, explanation)


def _warned(view: ExitView, macd_factor: float, cross_factor: float) -> float:
    if view.macd_warning:
        return macd_factor
    return cross_factor if view.death_cross else 1.0


def _warning_text(view: ExitView) -> str:
    factor = _warned(view, ATR_STOP_MACD_FACTOR, ATR_STOP_CROSS_FACTOR)
    return "" if factor == 1.0 else f" × {factor:g} {'MACD warning' if view.macd_warning else 'death cross'}"


def _clip(value: float, low: float, high: float) -> float:
    return min(high, max(low, value))
