from datetime import date

import pytest

from prime_jennie.domain.exits import ExitsSpec, ScaleOutSpec, TrailingSpec
from prime_jennie.domain.macro import TradingContext
from prime_jennie.domain.market import MarketRegime
from prime_jennie.strategy.exit_view import exit_policy, raised_watermark_krw
from prime_jennie.strategy.regime import BEAR_SCALE_OUT, BULL_SCALE_OUT, SIDEWAYS_SCALE_OUT, ScaleOutLevel
from tests.support.positions import view

DAY = date(2025, 3, 4)


def context(regime: MarketRegime, stop_loss_multiplier: float = 1.0) -> TradingContext:
    return TradingContext(
        date=DAY, market_regime=regime, position_multiplier=1.0, stop_loss_multiplier=stop_loss_multiplier
    )


def test_profit_best_profit_and_atr_are_percentages_of_the_purchase() -> None:
    held = view(94_000, 106_000, atr_krw=1_500)
    assert (held.profit_pct, held.best_profit_pct, held.atr_pct) == (-6.0, 6.0, 1.5)
    assert held.value_krw == 9_400_000


def test_a_price_over_the_watermark_is_the_best_price() -> None:
    assert view(108_000, 106_000).best_profit_pct == 8.0


def test_a_watermark_from_before_the_purchase_is_no_loss_of_the_best() -> None:
    assert view(95_000, 90_000).best_profit_pct == 0.0


def test_an_average_price_with_fractions_is_exact_at_its_bound() -> None:
    assert view(90_000, buy_price_krw=100_000.0).profit_pct == -10.0


@pytest.mark.parametrize("broken", [{"price_krw": 0}, {"price_krw": -1}, {"buy_price_krw": 0}, {"quantity": 0}])
def test_a_broken_quote_is_refused_and_never_a_total_loss(broken: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(broken))):
        view(**({"price": 100_000} | broken))


def test_negative_levels_and_days_are_refused() -> None:
    with pytest.raises(ValueError, match="scale_out_level"):
        view(100_000, scale_out_level=-1)
    with pytest.raises(ValueError, match="holding_days"):
        view(100_000, holding_days=-1)


@pytest.mark.parametrize(
    ("regime", "drop", "start", "plan", "bull"),
    [
        (MarketRegime.STRONG_BULL, 3.0, 15, BULL_SCALE_OUT, True),
        (MarketRegime.BULL, 3.0, 15, BULL_SCALE_OUT, True),
        (MarketRegime.SIDEWAYS, 3.5, 10, SIDEWAYS_SCALE_OUT, False),
        (MarketRegime.BEAR, 3.5, 10, BEAR_SCALE_OUT, False),
        (MarketRegime.STRONG_BEAR, 4.0, 10, BEAR_SCALE_OUT, False),
    ],
)
def test_the_regimes_table_fills_what_the_spec_leaves_open(
    regime: MarketRegime, drop: float, start: int, plan: tuple[ScaleOutLevel, ...], bull: bool
) -> None:
    limits = exit_policy(ExitsSpec(), context(regime), DAY)
    assert (limits.trailing_drop_pct, limits.tightening_start_day, limits.bull) == (drop, start, bull)
    assert limits.scale_out == plan
    assert (limits.stop_loss_pct, limits.take_profit_pct, limits.max_holding_days) == (6, 10, 30)
    assert limits.trailing_activate_pct == 5


def test_without_a_regime_exits_run_on_the_safe_default() -> None:
    limits = exit_policy(ExitsSpec(), None, DAY)
    assert limits == exit_policy(ExitsSpec(), context(MarketRegime.SIDEWAYS, 1.2), DAY)
    assert limits.stop_loss_multiplier == 1.2


@pytest.mark.parametrize(("asked", "holds"), [(2.0, 2.0), (4.5, 3.5), (None, 3.5)])
def test_the_tighter_trailing_drop_wins(asked: float | None, holds: float) -> None:
    exits = ExitsSpec(trailing=TrailingSpec(drop_pct=asked))
    assert exit_policy(exits, context(MarketRegime.SIDEWAYS), DAY).trailing_drop_pct == holds


def test_the_spec_overrides_the_rulebooks_defaults() -> None:
    exits = ExitsSpec(
        stop_loss_pct=4, take_profit_pct=20, max_holding_days=5, trailing=TrailingSpec(enabled=False, activate_pct=8)
    )
    limits = exit_policy(exits, context(MarketRegime.BULL, 0.9), DAY)
    assert (limits.stop_loss_pct, limits.take_profit_pct, limits.max_holding_days) == (4, 20, 5)
    assert limits.trailing_activate_pct is None
    assert limits.stop_loss_multiplier == 0.9
    on = ExitsSpec(trailing=TrailingSpec(activate_pct=8))
    assert exit_policy(on, context(MarketRegime.BULL), DAY).trailing_activate_pct == 8


def test_a_plan_in_the_spec_replaces_the_regimes() -> None:
    own = ExitsSpec(scale_out=(ScaleOutSpec(profit_pct=4, share_pct=50),))
    assert exit_policy(own, context(MarketRegime.BULL), DAY).scale_out == (ScaleOutLevel(4, 50),)
    assert exit_policy(ExitsSpec(scale_out=()), context(MarketRegime.BULL), DAY).scale_out == ()


def test_a_watermark_only_rises() -> None:
    assert raised_watermark_krw(None, 100) == 100
    assert raised_watermark_krw(110, 100) == 110
    assert raised_watermark_krw(110, 120) == 120
