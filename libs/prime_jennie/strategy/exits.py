"""Every exit in its order: the first rule that fires decides (rulebook §6).

Forced liquidation comes first. The protective rules (0–5, in `stops`) come before the day's flattening, so a stop keeps
its own reason and its longer cooldown; the flattening comes before rules that sell a part. RISK_OFF has no rule: the
rulebook gives it no trigger.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from prime_jennie.domain.sessions import Session
from prime_jennie.domain.signals import SellReason
from prime_jennie.strategy.exit_view import ExitDecision, ExitPolicy, ExitView, sell_all
from prime_jennie.strategy.stops import (
    atr_stop,
    breakeven,
    fixed_stop,
    hard_stop,
    lock_l1,
    lock_l2,
    profit_floor,
    trailing_is_active,
    trailing_stop,
)

MIN_SCALE_OUT_KRW, DUST_HOLDING_KRW = 500_000, 1_000_000
RSI_OVERBOUGHT, RSI_MIN_PROFIT_PCT, RSI_SHARE_PCT = 75.0, 3.0, 50.0
DEATH_CROSS_LOSS_PCT = 1.0
FLATTEN_BEFORE_CLOSE = timedelta(minutes=15)
"""Five minutes before the closing auction begins: market orders still trade against the book."""

ExitRule = Callable[[ExitView, ExitPolicy], ExitDecision | None]


def evaluate_exit(view: ExitView, policy: ExitPolicy) -> ExitDecision | None:
    """Return the first rule's decision, or None to keep the position."""
    for rule in EXIT_RULES:
        decision = rule(view, policy)
        if decision is not None:
            return decision
    return None


def flatten_is_due(session: Session, now: datetime) -> bool:
    """Say whether a strategy that ends its day flat should sell: from 15 minutes before the close until the close."""
    return session.closes_at - FLATTEN_BEFORE_CLOSE <= now < session.closes_at


def forced_liquidation(view: ExitView, policy: ExitPolicy) -> ExitDecision | None:
    """Sell a listed stock in full while forced liquidation is armed."""
    if not view.liquidation_armed:
        return None
    return sell_all(view, SellReason.FORCED_LIQUIDATION, "forced_liquidation", "liquidation is armed for this stock")


def flatten(view: ExitView, policy: ExitPolicy) -> ExitDecision | None:
    """Sell all before the close where the strategy ends its day flat."""
    if not view.flatten_due:
        return None
    return sell_all(view, SellReason.TIME_EXIT, "flatten_at_close", f"{view.profit_text}: the day ends flat")


def scale_out(view: ExitView, policy: ExitPolicy) -> ExitDecision | None:
    """Rule 6: sell the next level's share of the present holding once its profit is reached.

    Judged by value alone, for a count of shares would keep expensive stocks from ever scaling out (rulebook §6 ✗): a
    sale under 500,000 KRW is left out, unless the holding is worth less than 1,000,000 KRW, which is sold whole; a
    remainder under 500,000 KRW is sold along.
    """
    if view.scale_out_level >= len(policy.scale_out):
        return None
    level = policy.scale_out[view.scale_out_level]
    if view.profit_pct < level.profit_pct:
        return None
    quantity = _share(view.quantity, level.share_pct)
    if quantity * view.price_krw < MIN_SCALE_OUT_KRW:
        if view.value_krw >= DUST_HOLDING_KRW:
            return None
        quantity = view.quantity
    if (view.quantity - quantity) * view.price_krw < MIN_SCALE_OUT_KRW:
        quantity = view.quantity
    reached = view.scale_out_level + 1
    explanation = f"{view.profit_text}: level {reached} at {level.profit_pct:g} % sells {quantity} of {view.quantity}"
    return ExitDecision(
        reason=SellReason.PROFIT_TARGET,
        rule="scale_out",
        quantity=quantity,
        explanation=explanation,
        scale_out_level=reached,
    )


def rsi_overbought(view: ExitView, policy: ExitPolicy) -> ExitDecision | None:
    """Rule 7: sell half, once, when the stock is overbought in profit and trailing does not guard it yet."""
    if view.rsi is None or view.rsi < RSI_OVERBOUGHT or view.profit_pct < RSI_MIN_PROFIT_PCT:
        return None
    if view.rsi_sold or trailing_is_active(view, policy):
        return None
    return ExitDecision(
        reason=SellReason.RSI_OVERBOUGHT,
        rule="rsi_overbought",
        quantity=_share(view.quantity, RSI_SHARE_PCT),
        explanation=f"{view.profit_text}, RSI {view.rsi:.1f} at or over {RSI_OVERBOUGHT:g}",
    )


def profit_target(view: ExitView, policy: ExitPolicy) -> ExitDecision | None:
    """Rule 8: where trailing is switched off, sell all at the target."""
    if policy.trailing_activate_pct is not None or view.profit_pct < policy.take_profit_pct:
        return None
    explanation = f"{view.profit_text}: the target of {policy.take_profit_pct:g} % is reached"
    return sell_all(view, SellReason.PROFIT_TARGET, "profit_target", explanation)


def death_cross_exit(view: ExitView, policy: ExitPolicy) -> ExitDecision | None:
    """Rule 9: outside bull regimes, sell a losing position whose MA5 has fallen under its MA20."""
    if policy.bull or not view.death_cross or view.profit_pct >= -DEATH_CROSS_LOSS_PCT:
        return None
    return sell_all(view, SellReason.DEATH_CROSS, "death_cross", f"{view.profit_text} with MA5 fallen under MA20")


def time_exit(view: ExitView, policy: ExitPolicy) -> ExitDecision | None:
    """Rule 10: sell what has been held too long."""
    if view.holding_days < policy.max_holding_days:
        return None
    explanation = f"{view.profit_text}: held {view.holding_days} days, {policy.max_holding_days} are allowed"
    return sell_all(view, SellReason.TIME_EXIT, "time_exit", explanation)


def _share(quantity: int, share_pct: float) -> int:
    return max(1, int(quantity * share_pct / 100))


EXIT_RULES: tuple[ExitRule, ...] = (
    forced_liquidation,
    hard_stop,
    profit_floor,
    lock_l2,
    lock_l1,
    breakeven,
    atr_stop,
    fixed_stop,
    trailing_stop,
    flatten,
    scale_out,
    rsi_overbought,
    profit_target,
    death_cross_exit,
    time_exit,
)
