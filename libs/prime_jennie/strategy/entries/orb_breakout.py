"""ORB_BREAKOUT: a close above the range of the session's first quarter of an hour, on volume."""

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from prime_jennie.domain.signals import SignalType
from prime_jennie.strategy.bars import FIRST_BARS_KEPT, Bar
from prime_jennie.strategy.entries.rule import EntryMatch, EntryParameters, EntryRule
from prime_jennie.strategy.indicators import change_pct
from prime_jennie.strategy.scan_view import ScanView

MIN_RANGE_BARS = 3


class OrbBreakoutParameters(EntryParameters):
    """Thresholds of ORB_BREAKOUT; minutes since the session's open."""

    range_minutes: float = Field(default=15, ge=1, le=FIRST_BARS_KEPT, description="length of the opening range")
    min_width_pct: float = Field(default=0.5, ge=0, description="narrowest range, % of its low")
    max_width_pct: float = Field(default=5.0, gt=0, description="widest range, % of its low")
    min_volume_ratio: float = Field(default=2.0, gt=0, description="completed bar's volume ÷ mean of prior bars")
    to_open_minutes: float = Field(default=90, gt=0, description="last minute after the open")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min_width_pct > self.max_width_pct:
            raise ValueError("minWidthPct must not exceed maxWidthPct")
        if self.range_minutes >= self.to_open_minutes:
            raise ValueError("rangeMinutes must end before toOpenMinutes")
        return self


def evaluate(view: ScanView, parameters: OrbBreakoutParameters) -> EntryMatch | None:
    """Match when a bar after the range closes above it (09:00–09:15, 3 bars, 0.5–5 % wide), until 10:30."""
    if view.volume_ratio is None or view.volume_ratio < parameters.min_volume_ratio:
        return None
    opening = opening_range(view, parameters)
    if len(opening) < MIN_RANGE_BARS:
        return None
    high, low = max(bar.high_price for bar in opening), min(bar.low_price for bar in opening)
    width_pct, close = change_pct(low, high), view.bars[-1].close_price
    if not parameters.min_width_pct <= width_pct <= parameters.max_width_pct or close <= high:
        return None
    return EntryMatch(
        SignalType.ORB_BREAKOUT,
        f"closed at {close:,} KRW above the opening range {low:,} to {high:,} ({width_pct:.2f} % wide), "
        f"volume ratio {view.volume_ratio:.2f}",
    )


def opening_range(view: ScanView, parameters: OrbBreakoutParameters) -> tuple[Bar, ...]:
    """Return the bars of the range; none while it lasts, after the last minute, and without a known session."""
    if view.session is None or not view.bars:
        return ()
    ends = view.session.opens_at + timedelta(minutes=parameters.range_minutes)
    passed = view.session.minutes_from_open(view.at)
    if view.bars[-1].opens_at < ends or passed > parameters.to_open_minutes:
        return ()
    return tuple(bar for bar in view.first_bars if view.session.opens_at <= bar.opens_at < ends)


RULE = EntryRule(SignalType.ORB_BREAKOUT, OrbBreakoutParameters, evaluate, by_default=False)
