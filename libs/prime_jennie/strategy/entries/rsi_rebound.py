"""RSI_REBOUND: outside bull markets, an oversold stock's RSI turns up through its regime's level.

Off unless listed: an ancestor measured a win rate of 30 % and a mean of −1.16 % with it (rulebook §4.1).
"""

from pydantic import Field

from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.signals import SignalType
from prime_jennie.strategy.entries.rule import EntryMatch, EntryParameters, EntryRule
from prime_jennie.strategy.indicators import crosses_above, rsi_wilder
from prime_jennie.strategy.scan_view import ScanView


class RsiReboundParameters(EntryParameters):
    """Levels of RSI_REBOUND by regime; in a bull market there is none."""

    sideways_level: float = Field(default=40, gt=0, lt=100, description="RSI to cross in SIDEWAYS")
    bear_level: float = Field(default=30, gt=0, lt=100, description="RSI to cross in BEAR")
    strong_bear_level: float = Field(default=25, gt=0, lt=100, description="RSI to cross in STRONG_BEAR")

    def level(self, regime: MarketRegime) -> float | None:
        """Return the level of a regime, None in a bull market."""
        match regime:
            case MarketRegime.SIDEWAYS:
                return self.sideways_level
            case MarketRegime.BEAR:
                return self.bear_level
            case MarketRegime.STRONG_BEAR:
                return self.strong_bear_level
            case _:
                return None


def evaluate(view: ScanView, parameters: RsiReboundParameters) -> EntryMatch | None:
    """Match when the last bar lifts RSI14 above 40 (SIDEWAYS), 30 (BEAR) or 25 (STRONG_BEAR); 16 bars."""
    level = parameters.level(view.regime)
    closes = [bar.close_price for bar in view.bars]
    before, now = rsi_wilder(closes[:-1]), rsi_wilder(closes)
    if level is None or before is None or now is None or not crosses_above(before, level, now, level):
        return None
    return EntryMatch(
        SignalType.RSI_REBOUND, f"RSI {before:.1f} to {now:.1f}, up through {level:g} in {view.regime.value}"
    )


RULE = EntryRule(SignalType.RSI_REBOUND, RsiReboundParameters, evaluate, by_default=False)
