"""RSI_REBOUND by hand: fourteen changes whose gains and losses are whole numbers."""

import pytest

from prime_jennie.domain.market import MarketRegime
from prime_jennie.strategy.entries.rsi_rebound import RsiReboundParameters, evaluate
from prime_jennie.strategy.indicators import rsi_wilder
from tests.support.scanning import bars_of, view

DEFAULTS = RsiReboundParameters()


def _closes(gains: int, last: int) -> list[int]:
    """Return fifteen closes with so many rises of 10 in fourteen steps, falls of 10 else, and one more step."""
    closes = [10_000]
    for step in range(14):
        closes.append(closes[-1] + (10 if step < gains else -10))
    return [*closes, closes[-1] + last]


# Gains of g × 10 and losses of (14 − g) × 10: RSI = 100 × g ÷ 14.
# g = 5: 35.7; then +20: gain (50 × 13 ÷ 14 + 20) against loss 90 × 13 ÷ 14 → (46.43 + 20) ÷ (66.43 + 83.57) = 44.3.
@pytest.mark.parametrize(
    ("gains", "last", "regime", "matches"),
    [
        (5, 20, MarketRegime.SIDEWAYS, True),  # 35.7 → 44.3 through 40
        (5, 0, MarketRegime.SIDEWAYS, False),  # 35.7 → 35.7
        (6, 20, MarketRegime.SIDEWAYS, False),  # 42.9 was above already
        (5, 20, MarketRegime.BEAR, False),  # above 30 already
        (4, 20, MarketRegime.BEAR, True),  # 28.6 → 38.1 through 30
        (4, 20, MarketRegime.STRONG_BEAR, False),
        (3, 20, MarketRegime.STRONG_BEAR, True),  # 21.4 → 31.9 through 25
        (5, 20, MarketRegime.BULL, False),
        (5, 20, MarketRegime.STRONG_BULL, False),
    ],
)
def test_the_rsi_crosses_its_regimes_level_upwards(gains: int, last: int, regime: MarketRegime, matches: bool) -> None:
    assert (evaluate(view(bars_of(_closes(gains, last)), regime=regime), DEFAULTS) is not None) is matches


def test_the_figures_are_what_the_hand_says() -> None:
    assert rsi_wilder(_closes(5, 20)[:-1]) == pytest.approx(35.714, abs=0.001)
    assert rsi_wilder(_closes(5, 20)) == pytest.approx(44.286, abs=0.001)
    match = evaluate(view(bars_of(_closes(5, 20)), regime=MarketRegime.SIDEWAYS), DEFAULTS)
    assert match is not None
    assert match.reason == "RSI 35.7 to 44.3, up through 40 in SIDEWAYS"


def test_fifteen_bars_are_too_few() -> None:
    fifteen = view(bars_of(_closes(5, 20)[1:]), regime=MarketRegime.SIDEWAYS)
    assert evaluate(fifteen, DEFAULTS) is None
    assert evaluate(view((), regime=MarketRegime.SIDEWAYS), DEFAULTS) is None


def test_levels_are_parameters() -> None:
    higher = RsiReboundParameters(sideways_level=45)
    assert evaluate(view(bars_of(_closes(5, 20)), regime=MarketRegime.SIDEWAYS), higher) is None
