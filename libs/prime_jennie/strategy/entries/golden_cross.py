"""GOLDEN_CROSS: MA5 crosses MA20 upward on rising volume, in a bull or sideways market."""

from pydantic import Field

from prime_jennie.domain.signals import SignalType
from prime_jennie.strategy.entries.rule import EntryMatch, EntryParameters, EntryRule
from prime_jennie.strategy.indicators import crosses_above
from prime_jennie.strategy.scan_view import ScanView

SHORT_BARS, LONG_BARS = 5, 20


class GoldenCrossParameters(EntryParameters):
    """Thresholds of GOLDEN_CROSS."""

    min_volume_ratio: float = Field(default=1.5, gt=0, description="completed bar's volume ÷ mean of prior bars")


def evaluate(view: ScanView, parameters: GoldenCrossParameters) -> EntryMatch | None:
    """Match when the last completed bar lifts MA5 above MA20 (21 bars, volume ratio ≥ 1.5)."""
    if view.regime.is_bear or len(view.bars) < LONG_BARS + 1 or view.volume_ratio is None:
        return None
    closes = [bar.close_price for bar in view.bars]
    short_before, long_before = _mean(closes[-SHORT_BARS - 1 : -1]), _mean(closes[-LONG_BARS - 1 : -1])
    short_now, long_now = _mean(closes[-SHORT_BARS:]), _mean(closes[-LONG_BARS:])
    if not crosses_above(short_before, long_before, short_now, long_now):
        return None
    if view.volume_ratio < parameters.min_volume_ratio:
        return None
    return EntryMatch(
        SignalType.GOLDEN_CROSS,
        f"MA5 {short_now:,.1f} crossed above MA20 {long_now:,.1f} (before {short_before:,.1f} and {long_before:,.1f}), "
        f"volume ratio {view.volume_ratio:.2f}",
    )


def _mean(closes: list[int]) -> float:
    return sum(closes) / len(closes)


RULE = EntryRule(SignalType.GOLDEN_CROSS, GoldenCrossParameters, evaluate)
