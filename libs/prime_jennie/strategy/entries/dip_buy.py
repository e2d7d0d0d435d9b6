"""DIP_BUY: a freshly listed stock a little below its five-bar high."""

from typing import Self

from pydantic import Field, model_validator

from prime_jennie.domain.signals import SignalType
from prime_jennie.strategy.entries.rule import EntryMatch, EntryParameters, EntryRule
from prime_jennie.strategy.indicators import change_pct
from prime_jennie.strategy.scan_view import ScanView

WINDOW_BARS = 5


class DipBuyParameters(EntryParameters):
    """Thresholds of DIP_BUY: drops as positive percent, ages in sessions since the first entry, all inclusive."""

    bull_min_drop_pct: float = Field(default=0.5, gt=0, description="smallest dip in a bull market, %")
    bull_max_drop_pct: float = Field(default=3.0, gt=0, description="largest dip in a bull market, %")
    min_drop_pct: float = Field(default=2.0, gt=0, description="smallest dip in any other market, %")
    max_drop_pct: float = Field(default=5.0, gt=0, description="largest dip in any other market, %")
    min_age_sessions: int = Field(default=1, ge=0, description="sessions on the watchlist at least")
    max_age_sessions: int = Field(default=5, ge=0, description="sessions on the watchlist at most")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.bull_min_drop_pct > self.bull_max_drop_pct:
            raise ValueError("bullMinDropPct must not exceed bullMaxDropPct")
        if self.min_drop_pct > self.max_drop_pct:
            raise ValueError("minDropPct must not exceed maxDropPct")
        if self.min_age_sessions > self.max_age_sessions:
            raise ValueError("minAgeSessions must not exceed maxAgeSessions")
        return self


def evaluate(view: ScanView, parameters: DipBuyParameters) -> EntryMatch | None:
    """Match when the last close lies 0.5–3 % (bull) or 2–5 % (else) below the 5-bar high, listed for 1–5 sessions."""
    if len(view.bars) < WINDOW_BARS:
        return None
    if not parameters.min_age_sessions <= view.age_sessions <= parameters.max_age_sessions:
        return None
    if view.regime.is_bull:
        smallest, largest = parameters.bull_min_drop_pct, parameters.bull_max_drop_pct
    else:
        smallest, largest = parameters.min_drop_pct, parameters.max_drop_pct
    high, close = max(bar.high_price for bar in view.bars[-WINDOW_BARS:]), view.bars[-1].close_price
    drop = -change_pct(high, close)
    if not smallest <= drop <= largest:
        return None
    return EntryMatch(
        SignalType.DIP_BUY,
        f"{drop:.2f} % below the 5-bar high, {high:,} to {close:,} KRW, listed for {view.age_sessions} sessions",
    )


RULE = EntryRule(SignalType.DIP_BUY, DipBuyParameters, evaluate)
