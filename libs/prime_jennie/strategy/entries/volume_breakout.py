"""VOLUME_BREAKOUT: a close above the recent highs on a burst of volume."""

from pydantic import Field

from prime_jennie.domain.signals import SignalType
from prime_jennie.strategy.entries.rule import EntryMatch, EntryParameters, EntryRule
from prime_jennie.strategy.scan_view import ScanView

WINDOW_BARS = 20


class VolumeBreakoutParameters(EntryParameters):
    """Thresholds of VOLUME_BREAKOUT."""

    min_volume_ratio: float = Field(default=3.0, gt=0, description="completed bar's volume ÷ mean of prior bars")


def evaluate(view: ScanView, parameters: VolumeBreakoutParameters) -> EntryMatch | None:
    """Match when the last bar closes above the high of the 19 bars before it (20 bars, volume ratio ≥ 3)."""
    if len(view.bars) < WINDOW_BARS or view.volume_ratio is None or view.volume_ratio < parameters.min_volume_ratio:
        return None
    ceiling, close = max(bar.high_price for bar in view.bars[-WINDOW_BARS:-1]), view.bars[-1].close_price
    if close <= ceiling:
        return None
    return EntryMatch(
        SignalType.VOLUME_BREAKOUT,
        f"closed at {close:,} KRW above the 19-bar high {ceiling:,}, volume ratio {view.volume_ratio:.2f}",
    )


RULE = EntryRule(SignalType.VOLUME_BREAKOUT, VolumeBreakoutParameters, evaluate)
