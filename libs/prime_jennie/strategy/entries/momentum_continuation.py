"""MOMENTUM_CONTINUATION: in a bull market, a well-scored stock whose averages already point up goes on rising."""

from typing import Self

from pydantic import Field, model_validator

from prime_jennie.domain.signals import SignalType
from prime_jennie.strategy.entries.rule import EntryMatch, EntryParameters, EntryRule
from prime_jennie.strategy.indicators import change_pct, sma
from prime_jennie.strategy.scan_view import ScanView

WINDOW_BARS = 5
SHORT_BARS, LONG_BARS = 5, 20


class MomentumContinuationParameters(EntryParameters):
    """Thresholds of MOMENTUM_CONTINUATION, all inclusive."""

    min_change_pct: float = Field(default=2.0, gt=0, description="smallest rise over five bars, %")
    max_change_pct: float = Field(default=5.0, gt=0, description="largest rise over five bars, %")
    min_llm: float = Field(default=65, ge=0, le=100, description="analyst's score at least")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min_change_pct > self.max_change_pct:
            raise ValueError("minChangePct must not exceed maxChangePct")
        return self


def evaluate(view: ScanView, parameters: MomentumContinuationParameters) -> EntryMatch | None:
    """Match when MA5 stands above MA20 and the last close 2–5 % above the open of the fifth-last bar (llm ≥ 65)."""
    if not view.regime.is_bull or view.entry.llm_score < parameters.min_llm:
        return None
    closes = [bar.close_price for bar in view.bars]
    short, long = sma(closes, SHORT_BARS), sma(closes, LONG_BARS)
    if short is None or long is None or short <= long:
        return None
    start, end = view.bars[-WINDOW_BARS].open_price, closes[-1]
    rise = change_pct(start, end)
    if not parameters.min_change_pct <= rise <= parameters.max_change_pct:
        return None
    return EntryMatch(
        SignalType.MOMENTUM_CONTINUATION,
        f"up {rise:.2f} % over 5 bars, {start:,} to {end:,} KRW, MA5 {short:,.1f} above MA20 {long:,.1f}, "
        f"llm {view.entry.llm_score:g}",
    )


RULE = EntryRule(SignalType.MOMENTUM_CONTINUATION, MomentumContinuationParameters, evaluate)
