"""The momentum family's confirmation: hold a match one further bar, publish only if the price held (rulebook §4.1)."""

from dataclasses import dataclass
from datetime import datetime

from prime_jennie.domain.signals import MOMENTUM_FAMILY, SignalType
from prime_jennie.strategy.entries.rule import EntryMatch
from prime_jennie.strategy.scan_view import ScanView

# The further bar must be the next minutes' own: after a halt, or in a stock that stopped trading, it confirms nothing.
CONFIRM_WITHIN_SECS = 180


@dataclass(frozen=True, slots=True)
class HeldMatch:
    """A match that waits for one further bar."""

    match: EntryMatch
    initial_price: int
    held_at: datetime


def needs_confirmation(signal_type: SignalType) -> bool:
    """Say whether a strategy's match has to wait for a further bar."""
    return signal_type in MOMENTUM_FAMILY


def hold(match: EntryMatch, view: ScanView) -> HeldMatch:
    """Remember a match and the price at which it was seen."""
    return HeldMatch(match=match, initial_price=view.price, held_at=view.at)


def discard_reason(held: HeldMatch, view: ScanView) -> str | None:
    """Return why the further bar does not confirm the match, or None when it does."""
    waited_secs = (view.at - held.held_at).total_seconds()
    if waited_secs > CONFIRM_WITHIN_SECS:
        return f"the further bar came after {waited_secs:.0f} s, later than {CONFIRM_WITHIN_SECS} s"
    if view.price < held.initial_price:
        return f"price fell from {held.initial_price:,} to {view.price:,} KRW over the further bar"
    return None
