"""What an order must pass before anything is computed or locked: pure checks in the rulebook's order (§5.1, §5.2).

A fact that a store could not tell is UNKNOWN and refuses a purchase: buys fail closed. Sales that a person or a forced
liquidation asks for pass every halt; automatic exits pass a pause, for pausing buys must not mute the stops (§5.3 ✗).
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from prime_jennie.domain.macro import TradingContext
from prime_jennie.domain.risk import HaltState
from prime_jennie.domain.sessions import KST, Session
from prime_jennie.domain.signals import BuySignal, SellOrder, SellReason
from prime_jennie.domain.tiers import TradeTier
from prime_jennie.domain.trading_strategy import StrategyConfig
from prime_jennie.strategy.cooldowns import Cooldown, cooldown_refusal
from prime_jennie.strategy.entry_window import window_refusal
from prime_jennie.strategy.refusal import Refusal
from prime_jennie.strategy.unknown import Unknown

MIN_HYBRID_SCORE = 40.0
SIGNAL_MAX_AGE = timedelta(seconds=180)
"""As long as the buy lock lives; a signal reclaimed after 300 s is therefore always too old."""
SIGNAL_MAX_LEAD = timedelta(seconds=60)
"""A signal from further ahead comes from a broken clock and would never expire."""
EXIT_MAX_AGE = timedelta(seconds=300)
"""As long as price-monitor waits before it asks again while its rule holds: an older exit is one nobody may want."""
DUPLICATE_WINDOW = timedelta(minutes=10)
UNSTOPPABLE_REASONS = frozenset({SellReason.MANUAL, SellReason.FORCED_LIQUIDATION})


@dataclass(frozen=True, slots=True)
class BuyFacts:
    """What the buy-executor knows when a signal arrives.

    `held` and `position_count` count what is bought and what is still working; `last_accepted_at` is when this stock's
    previous signal was let through, not the present one. `context` is None where `regime:current` is absent.
    `max_buys_override` is what a person allows a day, None where nobody said so.
    """

    at: datetime
    session: Session | None
    config: StrategyConfig
    halt: HaltState | Unknown
    context: TradingContext | None
    held: Collection[str] | Unknown
    stop_loss_cooldown: bool | Unknown
    sell_cooldown: bool | Unknown
    buys_today: int | Unknown
    position_count: int | Unknown
    last_accepted_at: datetime | Unknown | None
    max_buys_override: int | Unknown | None = None


BuyCheck = Callable[[BuySignal, BuyFacts], str | None]


def buy_refusal(signal: BuySignal, facts: BuyFacts) -> Refusal | None:
    """Return the first reason not to buy, or None to go on to lock, price, sizing and guard."""
    for rule, check in BUY_CHECKS:
        reason = check(signal, facts)
        if reason is not None:
            return Refusal(rule, reason)
    return None


def outside_hours(signal: BuySignal, facts: BuyFacts) -> str | None:
    """Refuse outside the session, and outside the strategy's entry window unless a person asks."""
    refusal = window_refusal(facts.session, facts.config.session, facts.at)
    if refusal is None or (signal.source == "manual" and not refusal.outside.is_exchange_closed):
        return None
    return refusal.reason


def halted(signal: BuySignal, facts: BuyFacts) -> str | None:
    """Refuse under any halt, without a market context, and while the throttle blocks buys."""
    if isinstance(facts.halt, Unknown):
        return "whether trading is halted is unknown"
    if not facts.halt.allows_buys:
        return f"trading is {facts.halt.value}"
    if facts.context is None:
        return "no market regime is known"
    return "the intraday throttle blocks buys" if facts.context.buys_blocked else None


def not_tradable(signal: BuySignal, facts: BuyFacts) -> str | None:
    """Refuse a blocked or untradable stock."""
    if signal.trade_tier is TradeTier.BLOCKED or not signal.is_tradable:
        return f"{signal.stock_code} is {signal.trade_tier.value}, not tradable"
    return None


def weak_score(signal: BuySignal, facts: BuyFacts) -> str | None:
    """Refuse a hybrid score under 40, unless a person asks."""
    if signal.source != "manual" and signal.hybrid_score < MIN_HYBRID_SCORE:
        return f"hybrid score {signal.hybrid_score:g} is under {MIN_HYBRID_SCORE:g}"
    return None


def already_held(signal: BuySignal, facts: BuyFacts) -> str | None:
    """Refuse a stock that is held, or being bought."""
    if isinstance(facts.held, Unknown):
        return "what is held is unknown"
    return f"{signal.stock_code} is already held" if signal.stock_code in facts.held else None


def cooling_after_stop(signal: BuySignal, facts: BuyFacts) -> str | None:
    """Refuse for three days after a stop-loss."""
    return cooldown_refusal(Cooldown.STOP_LOSS, facts.stop_loss_cooldown)


def cooling_after_sale(signal: BuySignal, facts: BuyFacts) -> str | None:
    """Refuse for 24 hours after any sale."""
    return cooldown_refusal(Cooldown.SALE, facts.sell_cooldown)


def daily_buys_used(signal: BuySignal, facts: BuyFacts) -> str | None:
    """Refuse once the day's buys are used up: the configuration's or a person's number, the stricter."""
    most, override = facts.config.risk.max_buys_per_day, facts.max_buys_override
    if isinstance(override, Unknown):
        return "how many buys a person allows is unknown"
    return _used_up("buys today", facts.buys_today, most if override is None else min(most, override))


def positions_full(signal: BuySignal, facts: BuyFacts) -> str | None:
    """Refuse once every position is taken."""
    return _used_up("positions", facts.position_count, facts.config.risk.max_positions)


def expired(signal: BuySignal, facts: BuyFacts) -> str | None:
    """Refuse a signal older than 180 s, or from the future: an old price is no reason to buy."""
    age = facts.at - signal.timestamp
    if age > SIGNAL_MAX_AGE:
        return f"the signal is {age.total_seconds():.0f} s old, {SIGNAL_MAX_AGE.total_seconds():.0f} s are allowed"
    if age < -SIGNAL_MAX_LEAD:
        return f"the signal is {-age.total_seconds():.0f} s ahead of the clock"
    return None


def duplicate(signal: BuySignal, facts: BuyFacts) -> str | None:
    """Refuse a second signal for a stock within ten minutes of one let through."""
    if isinstance(facts.last_accepted_at, Unknown):
        return "the stock's previous signal is unknown"
    if facts.last_accepted_at is None:
        return None
    passed = facts.at - facts.last_accepted_at
    return f"a signal was let through {passed.total_seconds():.0f} s ago" if passed < DUPLICATE_WINDOW else None


BUY_CHECKS: tuple[tuple[str, BuyCheck], ...] = (
    ("hours", outside_hours),
    ("halt", halted),
    ("tier", not_tradable),
    ("hybrid_score", weak_score),
    ("already_held", already_held),
    ("stop_loss_cooldown", cooling_after_stop),
    ("sell_cooldown", cooling_after_sale),
    ("daily_buys", daily_buys_used),
    ("max_positions", positions_full),
    ("expired", expired),
    ("duplicate", duplicate),
)


def sell_refusal(
    order: SellOrder, *, at: datetime, session: Session | None, halt: HaltState | Unknown, held_quantity: int
) -> Refusal | None:
    """Return the first reason not to sell: closed exchange, full stop, an order of long ago, nothing held.

    A person's and forced sales pass hours and halts; out of hours the exchange itself refuses them. An unknown halt
    stops no exit, for exits only reduce risk. A person's sale is meant for its own day; everything else is asked for
    again while it is wanted, a forced liquidation while it is armed.
    """
    if order.sell_reason not in UNSTOPPABLE_REASONS:
        if session is None or not session.opens_at <= at < session.closes_at:
            return Refusal("hours", "the exchange is closed")
        if isinstance(halt, HaltState) and not halt.allows_automatic_exits:
            return Refusal("halt", f"trading is {halt.value}: {order.sell_reason.value} is an automatic exit")
    if reason := outdated(order, at):
        return Refusal("expired", reason)
    if held_quantity <= 0:
        return Refusal("not_held", f"{order.stock_code} is not held")
    return None


def sellable_quantity(requested: int, held_quantity: int) -> int:
    """Return what may be sold: never more than is ours."""
    return max(0, min(requested, held_quantity))


def outdated(order: SellOrder, at: datetime) -> str | None:
    """Say why a sale is of too long ago to be sent; None while it is still meant."""
    if order.sell_reason is SellReason.MANUAL:
        asked_on, today = order.timestamp.astimezone(KST).date(), at.astimezone(KST).date()
        return None if asked_on == today else f"it was asked for on {asked_on}, today is {today}"
    age = at - order.timestamp
    if age <= EXIT_MAX_AGE:
        return None
    return f"the order is {age.total_seconds():.0f} s old, {EXIT_MAX_AGE.total_seconds():.0f} s are allowed"


def _used_up(what: str, count: int | Unknown, most: int) -> str | None:
    if isinstance(count, Unknown):
        return f"{what} unknown"
    return f"{count} {what}, {most} are allowed" if count >= most else None
