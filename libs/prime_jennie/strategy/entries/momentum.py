"""MOMENTUM: five bars that rose clearly, but not so far that the move is over."""

from typing import Self

from pydantic import Field, model_validator

from prime_jennie.domain.signals import SignalType
from prime_jennie.strategy.entries.rule import EntryMatch, EntryParameters, EntryRule
from prime_jennie.strategy.indicators import change_pct
from prime_jennie.strategy.scan_view import ScanView

WINDOW_BARS = 5


class MomentumParameters(EntryParameters):
    """Thresholds of MOMENTUM, in percent, both inclusive."""

    min_change_pct: float = Field(default=1.5, gt=0, description="smallest rise over five bars, %")
    max_change_pct: float = Field(default=7.0, gt=0, description="largest rise over five bars, %")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min_change_pct > self.max_change_pct:
            raise ValueError("minChangePct must not exceed maxChangePct")
        return self


def evaluate(view: ScanView, parameters: MomentumParameters) -> EntryMatch | None:
    """Match when the last close stands 1.5–7 % above the open of the fifth-last bar."""
    if len(view.bars) < WINDOW_BARS:
        return None
    start, end = view.bars[-WINDOW_BARS].open_price, view.bars[-1].close_price
    rise = change_pct(start, end)
    if not parameters.min_change_pct <= rise <= parameters.max_change_pct:
        return None
    return EntryMatch(SignalType.MOMENTUM, f"up {rise:.2f} % over 5 bars, {start:,} to {end:,} KRW")


RULE = EntryRule(SignalType.MOMENTUM, MomentumParameters, evaluate)
