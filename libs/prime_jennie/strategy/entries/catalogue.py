"""Which strategies run, with which parameters, in the rulebook's order (§4.1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.signals import SignalType
from prime_jennie.domain.trading_strategy import EntrySpec
from prime_jennie.strategy.entries import (
    dip_buy,
    golden_cross,
    momentum,
    momentum_continuation,
    orb_breakout,
    rsi_rebound,
    volume_breakout,
    watchlist_conviction,
)
from prime_jennie.strategy.entries.rule import ActiveEntry, EntryMatch, EntryRule
from prime_jennie.strategy.scan_view import ScanView

# The order of evaluation: the first match wins.
RULES: tuple[EntryRule[Any], ...] = (
    watchlist_conviction.RULE,
    orb_breakout.RULE,
    golden_cross.RULE,
    momentum_continuation.RULE,
    momentum.RULE,
    dip_buy.RULE,
    rsi_rebound.RULE,
    volume_breakout.RULE,
)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The strategies that are truly active, in order of evaluation."""

    entries: tuple[ActiveEntry, ...]

    @property
    def active(self) -> tuple[SignalType, ...]:
        """Return the names of what runs, as /health reports it."""
        return tuple(entry.name for entry in self.entries)

    def first_match(self, view: ScanView) -> EntryMatch | None:
        """Return the first strategy's match, if any matches."""
        for entry in self.entries:
            match = entry.evaluate(view)
            if match is not None:
                return match
        return None


def catalogue_of(specs: Sequence[EntrySpec], *, where: str = "spec.entries") -> Catalogue:
    """Build the catalogue that a TradingStrategy asks for, or refuse with the field at fault.

    An empty list means the rulebook's own set with its parameters; a list means just its enabled items, whatever order
    they are written in.
    """
    if not specs:
        return Catalogue(tuple(rule.activate({}, where=where) for rule in RULES if rule.by_default))
    rules = {rule.name: rule for rule in RULES}
    active: dict[SignalType, ActiveEntry] = {}
    seen: set[SignalType] = set()
    for number, spec in enumerate(specs):
        item = f"{where}[{number}]"
        if spec.name in seen:
            raise BadInput(item, "name", f"{spec.name} is listed twice")
        seen.add(spec.name)
        entry = rules[spec.name].activate(spec.parameters, where=item)
        if spec.enabled:
            active[spec.name] = entry
    return Catalogue(tuple(active[rule.name] for rule in RULES if rule.name in active))
