"""The scanner's decision: from a completed bar to a signal, a suppressed match, a held match or nothing.

Everything depends on tick times and given facts only, so the same ticks give the same decisions.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from prime_jennie.domain.macro import TradingContext
from prime_jennie.domain.signals import BuySignal, SignalType
from prime_jennie.strategy.confirmation import HeldMatch, discard_reason, hold, needs_confirmation
from prime_jennie.strategy.entries.catalogue import Catalogue
from prime_jennie.strategy.entries.rule import EntryMatch
from prime_jennie.strategy.gates import GateFacts, GateInput, GateName, first_refusal, gates_of
from prime_jennie.strategy.refusal import Refusal
from prime_jennie.strategy.scan_view import ScanView

# A bar that another tick completes only minutes later (a halt, a stock nobody trades) describes a market that is gone.
LATE_BAR_SECS = 180


@dataclass(frozen=True, slots=True)
class StockMemory:
    """What the scanner remembers of a stock from one bar to the next."""

    held: HeldMatch | None = None
    last_signal_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A match that only the gates can still stop; `confirmed` when it has already waited its further bar."""

    view: ScanView
    match: EntryMatch
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Discard:
    """A held match that its further bar did not confirm."""

    view: ScanView
    match: EntryMatch
    reason: str


@dataclass(frozen=True, slots=True)
class Publish:
    """A signal for the buy-executor."""

    candidate: Candidate
    signal: BuySignal


@dataclass(frozen=True, slots=True)
class Suppress:
    """A match that a gate stopped; logged, never published."""

    candidate: Candidate
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Hold:
    """A match of the momentum family that now waits for one further bar."""

    candidate: Candidate
    held: HeldMatch


Decision = Publish | Suppress | Hold


def scan(view: ScanView, catalogue: Catalogue, memory: StockMemory) -> Candidate | Discard | None:
    """Look at a stock whose bar has just completed; None when nothing matches.

    A bar that settles a held match starts no new one. The caller asks `decide` about a candidate, after reading
    the facts that the gates need, so that quiet bars cost no reads.
    """
    held = memory.held
    if held is not None:
        reason = discard_reason(held, view)
        if reason is None and held.match.signal_type not in catalogue.active:
            reason = f"{held.match.signal_type} is no longer active"
        if reason is not None:
            return Discard(view, held.match, reason)
        return Candidate(view, held.match, confirmed=True)
    if view.bar_age_secs > LATE_BAR_SECS:
        return None
    match = catalogue.first_match(view)
    return None if match is None else Candidate(view, match)


def decide(candidate: Candidate, facts: GateFacts) -> Decision:
    """Put a candidate through the gates, now and, for the momentum family, again after its further bar."""
    view, match = candidate.view, candidate.match
    refusal = first_refusal(GateInput(view, match.signal_type, facts), gates_of(match.signal_type))
    if refusal is not None or facts.context is None:  # the macro gate refuses a missing context; a signal needs one
        return Suppress(candidate, refusal or Refusal(rule=GateName.MACRO, reason="no market context"))
    if needs_confirmation(match.signal_type) and not candidate.confirmed:
        return Hold(candidate, hold(match, view))
    return Publish(candidate, signal_of(candidate, facts.context))


def remember(memory: StockMemory, outcome: Decision | Discard) -> StockMemory:
    """Return the stock's memory after an outcome."""
    match outcome:
        case Publish(candidate=candidate):
            return StockMemory(held=None, last_signal_at=candidate.view.at)
        case Hold(held=held):
            return replace(memory, held=held)
        case Suppress() | Discard():
            return replace(memory, held=None)


def signal_of(candidate: Candidate, context: TradingContext) -> BuySignal:
    """Write the signal: the live price, the tick's time and the numbers behind the decision."""
    view, entry = candidate.view, candidate.view.entry
    return BuySignal(
        stock_code=entry.stock_code,
        stock_name=entry.stock_name,
        signal_type=candidate.match.signal_type,
        signal_price=view.price,
        llm_score=entry.llm_score,
        hybrid_score=entry.hybrid_score,
        is_tradable=entry.is_tradable,
        trade_tier=entry.trade_tier,
        risk_tag=entry.risk_tag,
        market_regime=view.regime,
        source="conviction" if candidate.match.signal_type is SignalType.WATCHLIST_CONVICTION else "scanner",
        timestamp=view.at,
        rsi_value=view.rsi,
        volume_ratio=view.volume_ratio,
        vwap=view.vwap,
        position_multiplier=context.position_multiplier,
        sector_group=entry.sector_group,
    )
