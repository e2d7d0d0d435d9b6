"""Why a strategy does not buy: one question over what was read; what could not be read is a reason, too."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from prime_jennie.domain.buying import BuyingFacts, Reason, ReasonCode
from prime_jennie.domain.lifecycle import BlockCode
from prime_jennie.domain.macro import TradingContext
from prime_jennie.domain.sessions import KST, Session
from prime_jennie.domain.trading_strategy import LiveConfig, StrategyConfig, WatchlistSource
from prime_jennie.strategy.entry_window import Outside, entry_hours, window_refusal
from prime_jennie.strategy.gates import (
    DANGER_TO_CLOSE_MINUTES,
    GateName,
    gates_of,
    in_danger_zone,
    is_risk_off,
    is_vix_crisis,
    macro,
)

TICKS_STALE_AFTER: Final = timedelta(seconds=60)
_MACRO: Final = (GateName.MACRO, macro)


def why_not(facts: BuyingFacts) -> tuple[Reason, ...]:
    """Name everything that keeps the strategy from buying, the most basic first; empty when nothing does."""
    return tuple(_reasons(facts))


def _reasons(facts: BuyingFacts) -> Iterator[Reason]:
    for who in facts.silent:
        yield Reason(ReasonCode.SILENT, {"who": who})
    for who, state in sorted(facts.unwell.items()):
        yield Reason(ReasonCode.UNWELL, {"who": who, "state": state})
    for halt in facts.halts:
        yield Reason(ReasonCode.HALT, halt=halt)
    yield from _blocks(facts)
    if facts.live is None:
        yield Reason(ReasonCode.NO_CONFIG)
        return
    yield from _market(facts, facts.live)
    yield from _hours(facts, facts.live.spec)
    yield from _limits(facts, facts.live.spec)


def _blocks(facts: BuyingFacts) -> Iterator[Reason]:
    """Outside the session the hours say already that the day is not open."""
    in_session = facts.session is not None and facts.session.opens_at <= facts.at < facts.session.closes_at
    for block in facts.blocks:
        if block.code is not BlockCode.MARKET_STATE or in_session:
            yield Reason(ReasonCode.BLOCK, block=block)


def _market(facts: BuyingFacts, live: LiveConfig) -> Iterator[Reason]:
    if facts.context is None:
        yield Reason(ReasonCode.REGIME_UNKNOWN)
    elif facts.context.buys_blocked:
        yield Reason(ReasonCode.THROTTLED, {"level": facts.context.intraday_risk_level.value})
    else:
        yield from _macro_gates(facts.context, live.spec)
    if facts.listed == 0:
        yield Reason(ReasonCode.LIST_EMPTY)
    elif facts.listed is None and live.spec.watchlist.source is WatchlistSource.SCOUT:
        yield Reason(ReasonCode.LIST_UNKNOWN)


def _macro_gates(context: TradingContext, spec: StrategyConfig) -> Iterator[Reason]:
    """Name what stops the scanner for the day, and the entries that need not pass this gate."""
    free = ", ".join(one.name for one in spec.entries if one.enabled and _MACRO not in gates_of(one.name))
    if is_risk_off(context):
        yield Reason(ReasonCode.RISK_OFF, {"level": context.risk_off_level, "free": free})
    if is_vix_crisis(context):
        yield Reason(ReasonCode.VIX_CRISIS, {"free": free})


def _hours(facts: BuyingFacts, spec: StrategyConfig) -> Iterator[Reason]:
    session = facts.session
    refusal = window_refusal(session, spec.session, facts.at)
    if session is None or (refusal is not None and refusal.outside is Outside.NO_SESSION):
        yield Reason(ReasonCode.NO_SESSION)
        return
    if refusal is not None and refusal.outside is Outside.BEFORE_OPEN:
        yield Reason(ReasonCode.BEFORE_OPEN, {"opens_at": _clock(session.opens_at)})
        return
    if refusal is not None and refusal.outside is Outside.AFTER_CLOSE:
        yield Reason(ReasonCode.AFTER_CLOSE)
        return
    if refusal is not None:
        begins, ends = entry_hours(session, spec.session)
        yield Reason(ReasonCode.OUTSIDE_HOURS, {"begins": _clock(begins), "ends": _clock(ends)})
    elif in_danger_zone(session, facts.at):
        yield Reason(ReasonCode.DANGER_ZONE, {"until": _clock(_danger_ends_at(session))})
    yield from _ticks(facts)


def _ticks(facts: BuyingFacts) -> Iterator[Reason]:
    if facts.last_tick_at is None:
        yield Reason(ReasonCode.NO_TICK)
    elif (age := facts.at - facts.last_tick_at) > TICKS_STALE_AFTER:
        yield Reason(ReasonCode.TICKS_STALE, {"secs": round(age.total_seconds())})


def _limits(facts: BuyingFacts, spec: StrategyConfig) -> Iterator[Reason]:
    risk = spec.risk
    most = risk.max_buys_per_day if facts.max_buys is None else min(facts.max_buys, risk.max_buys_per_day)
    if facts.buys_today is not None and facts.buys_today >= most:
        yield Reason(ReasonCode.BUYS_USED, {"most": most})
    if facts.positions is not None and facts.positions >= risk.max_positions:
        yield Reason(ReasonCode.POSITIONS_FULL, {"held": facts.positions, "most": risk.max_positions})
    if facts.is_dry_run:
        yield Reason(ReasonCode.DRY_RUN)


def _danger_ends_at(session: Session) -> datetime:
    return session.closes_at - timedelta(minutes=DANGER_TO_CLOSE_MINUTES)


def _clock(at: datetime) -> str:
    return f"{at.astimezone(KST):%H:%M}"
