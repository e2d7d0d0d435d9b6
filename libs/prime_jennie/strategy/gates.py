"""The gates between a match and a signal, in the rulebook's order (§4.2).

Each gate is a pure function that returns a reason to refuse, or None. What a gate must know and cannot (an unreachable
store, no session, no market context) is a refusal of its own: every gate fails closed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from prime_jennie.domain.macro import TradingContext, VixRegime
from prime_jennie.domain.risk import HaltState
from prime_jennie.domain.sessions import Session
from prime_jennie.domain.signals import SignalType
from prime_jennie.domain.tiers import TradeTier
from prime_jennie.domain.trading_strategy import SessionSpec
from prime_jennie.strategy.cooldowns import Cooldown, cooldown_refusal
from prime_jennie.strategy.entry_window import Outside, window_refusal
from prime_jennie.strategy.indicators import change_pct
from prime_jennie.strategy.refusal import Refusal
from prime_jennie.strategy.regime import parameters_of
from prime_jennie.strategy.scan_view import ScanView
from prime_jennie.strategy.unknown import Unknown

MIN_BARS = 20
DANGER_FROM_CLOSE_MINUTES = 90
DANGER_TO_CLOSE_MINUTES = 30
RISK_OFF_LEVEL = 2
COMBINED_VOLUME_RATIO = 2.0
COMBINED_PREMIUM_PCT = 2.0
SIGNAL_COOLDOWN_SECS = 600
SHADOW_BODIES = 2


class GateName(StrEnum):
    """The gates by name, as signal_logs and metrics show them."""

    MIN_BARS = "min_bars"
    NO_TRADE_WINDOW = "no_trade_window"
    DANGER_ZONE = "danger_zone"
    ENTRIES_END = "entries_end"
    RSI_GUARD = "rsi_guard"
    MACRO = "macro"
    REGIME = "regime"
    COMBINED = "combined"
    SIGNAL_COOLDOWN = "signal_cooldown"
    STOP_LOSS_COOLDOWN = "stop_loss_cooldown"
    SELL_COOLDOWN = "sell_cooldown"
    TIER = "tier"
    MICRO_TIMING = "micro_timing"
    AVOIDED_STRATEGY = "avoided_strategy"
    HALT = "halt"


@dataclass(frozen=True, slots=True)
class GateFacts:
    """What the world says at the moment of a decision; the service reads it, the gates judge it.

    `session` is None on a day without one and on a day that the table does not know; `context` is None when absent
    or unreadable; UNKNOWN stands for a store that did not answer.
    """

    session: Session | None
    window: SessionSpec
    context: TradingContext | None
    halt: HaltState | Unknown
    stop_loss_cooldown: bool | Unknown
    sell_cooldown: bool | Unknown
    last_signal_at: datetime | Unknown | None
    blocks_bear_regimes: bool = False


@dataclass(frozen=True, slots=True)
class GateInput:
    """One match on its way to a signal."""

    view: ScanView
    signal_type: SignalType
    facts: GateFacts


Gate = Callable[[GateInput], str | None]


def min_bars(given: GateInput) -> str | None:
    """Block below 20 completed bars."""
    count = len(given.view.bars)
    return f"{count} bars, {MIN_BARS} needed" if count < MIN_BARS else None


def no_trade_window(given: GateInput) -> str | None:
    """Block outside the session and in its first minutes (15 unless the strategy says otherwise)."""
    return _outside(given, Outside.NO_SESSION, Outside.BEFORE_OPEN, Outside.TOO_EARLY)


def danger_zone(given: GateInput) -> str | None:
    """Block from 90 to 30 minutes before the close: 14:00–15:00 on a usual day."""
    session = given.facts.session
    if session is None:
        return "no known session today"
    if in_danger_zone(session, given.view.at):
        return f"{session.minutes_to_close(given.view.at):.1f} min before the close, inside the danger zone"
    return None


def in_danger_zone(session: Session, at: datetime) -> bool:
    """Tell whether a moment lies in the danger zone before a session's close."""
    return DANGER_TO_CLOSE_MINUTES < session.minutes_to_close(at) <= DANGER_FROM_CLOSE_MINUTES


def entries_end(given: GateInput) -> str | None:
    """Block the session's last minutes (30 unless the strategy says otherwise), and what comes after."""
    return _outside(given, Outside.NO_SESSION, Outside.TOO_LATE, Outside.AFTER_CLOSE)


def _outside(given: GateInput, *where: Outside) -> str | None:
    refusal = window_refusal(given.facts.session, given.facts.window, given.view.at)
    return refusal.reason if refusal is not None and refusal.outside in where else None


def rsi_guard(given: GateInput) -> str | None:
    """Block above the regime's RSI: 85 in bull regimes, 75 in the others."""
    rsi, guard = given.view.rsi, parameters_of(given.view.regime).rsi_guard
    if rsi is None:
        return "RSI unknown"
    return f"RSI {rsi:.1f} above {guard:g} in {given.view.regime}" if rsi > guard else None


def macro(given: GateInput) -> str | None:
    """Block without a market context, at risk-off level 2, in a VIX crisis, and when the throttle blocks buys."""
    context = given.facts.context
    if context is None:
        return "no market context"
    if context.buys_blocked:
        return "the intraday throttle blocks buys"
    if is_risk_off(context):
        return f"risk-off level {context.risk_off_level}, blocked from {RISK_OFF_LEVEL}"
    return "VIX crisis" if is_vix_crisis(context) else None


def is_risk_off(context: TradingContext) -> bool:
    """Tell whether the day's risk-off level stops the scanner."""
    return context.risk_off_level >= RISK_OFF_LEVEL


def is_vix_crisis(context: TradingContext) -> bool:
    """Tell whether the VIX stops the scanner."""
    return context.vix_regime is VixRegime.CRISIS


def regime(given: GateInput) -> str | None:
    """Block bear regimes where this gate is switched on; it is off by default."""
    if given.facts.blocks_bear_regimes and given.view.regime.is_bear:
        return f"regime {given.view.regime}"
    return None


def combined(given: GateInput) -> str | None:
    """Block an overextended price: volume ratio above 2 together with a price more than 2 % over the VWAP."""
    ratio, vwap = given.view.volume_ratio, given.view.vwap
    if ratio is None or vwap is None:
        return "volume ratio or VWAP unknown"
    premium = change_pct(vwap, given.view.price)
    if ratio > COMBINED_VOLUME_RATIO and premium > COMBINED_PREMIUM_PCT:
        return f"volume ratio {ratio:.2f} and {premium:.2f} % above VWAP {vwap:,.0f}"
    return None


def signal_cooldown(given: GateInput) -> str | None:
    """Block a stock that signalled less than 600 s ago."""
    last = given.facts.last_signal_at
    if isinstance(last, Unknown):
        return "time of the last signal unknown"
    if last is None:
        return None
    passed_secs = (given.view.at - last).total_seconds()
    return f"signalled {passed_secs:.0f} s ago" if passed_secs < SIGNAL_COOLDOWN_SECS else None


def stop_loss_cooldown(given: GateInput) -> str | None:
    """Block a stock for three days after a stop-loss."""
    return cooldown_refusal(Cooldown.STOP_LOSS, given.facts.stop_loss_cooldown)


def sell_cooldown(given: GateInput) -> str | None:
    """Block a stock for 24 hours after any sale."""
    return cooldown_refusal(Cooldown.SALE, given.facts.sell_cooldown)


def tier(given: GateInput) -> str | None:
    """Block a stock whose tier is BLOCKED or that is marked as not tradable."""
    entry = given.view.entry
    if entry.trade_tier is TradeTier.BLOCKED:
        return "tier BLOCKED"
    return None if entry.is_tradable else "marked as not tradable"


def micro_timing(given: GateInput) -> str | None:
    """Block when the last bar has an upper shadow above twice its body, or engulfs a rising bar on its way down."""
    if len(given.view.bars) < 2:
        return "two bars needed"
    before, last = given.view.bars[-2:]
    if last.upper_shadow_krw > SHADOW_BODIES * last.body_krw:
        return f"upper shadow {last.upper_shadow_krw:,} KRW over a body of {last.body_krw:,} KRW"
    rose, fell = before.close_price > before.open_price, last.close_price < last.open_price
    covers = last.open_price >= before.close_price and last.close_price <= before.open_price
    if rose and fell and covers and last.body_krw > before.body_krw:
        return f"bearish engulfing, {last.open_price:,} to {last.close_price:,} KRW"
    return None


def avoided_strategy(given: GateInput) -> str | None:
    """Block a strategy that the council wants avoided."""
    context = given.facts.context
    if context is None:
        return "no market context"
    return f"the council avoids {given.signal_type}" if given.signal_type in context.strategies_to_avoid else None


def halt(given: GateInput) -> str | None:
    """Block while trading is paused or stopped; the signal is logged as suppressed."""
    state = given.facts.halt
    if isinstance(state, Unknown):
        return "halt state unknown"
    return None if state.allows_buys else f"trading is {state}"


GATES: tuple[tuple[GateName, Gate], ...] = (
    (GateName.MIN_BARS, min_bars),
    (GateName.NO_TRADE_WINDOW, no_trade_window),
    (GateName.DANGER_ZONE, danger_zone),
    (GateName.ENTRIES_END, entries_end),
    (GateName.RSI_GUARD, rsi_guard),
    (GateName.MACRO, macro),
    (GateName.REGIME, regime),
    (GateName.COMBINED, combined),
    (GateName.SIGNAL_COOLDOWN, signal_cooldown),
    (GateName.STOP_LOSS_COOLDOWN, stop_loss_cooldown),
    (GateName.SELL_COOLDOWN, sell_cooldown),
    (GateName.TIER, tier),
    (GateName.MICRO_TIMING, micro_timing),
    (GateName.AVOIDED_STRATEGY, avoided_strategy),
    (GateName.HALT, halt),
)


# What an entry of its own hours and scores still has to pass (rulebook §4.1); no entry passes a halt.
COOLDOWNS = (GateName.SIGNAL_COOLDOWN, GateName.STOP_LOSS_COOLDOWN, GateName.SELL_COOLDOWN)
FEWER_GATES: Final[Mapping[SignalType, frozenset[GateName]]] = {
    SignalType.WATCHLIST_CONVICTION: frozenset({*COOLDOWNS, GateName.HALT}),
    SignalType.ORB_BREAKOUT: frozenset({*COOLDOWNS, GateName.TIER, GateName.HALT}),
}


def gates_of(signal_type: SignalType) -> tuple[tuple[GateName, Gate], ...]:
    """Return the gates that a strategy's matches must pass, in order."""
    kept = FEWER_GATES.get(signal_type)
    return GATES if kept is None else tuple((name, gate) for name, gate in GATES if name in kept)


def first_refusal(given: GateInput, gates: Sequence[tuple[GateName, Gate]] = GATES) -> Refusal | None:
    """Return the first gate's refusal, or None when every gate lets the match pass."""
    for name, gate in gates:
        reason = gate(given)
        if reason is not None:
            return Refusal(rule=name, reason=reason)
    return None
