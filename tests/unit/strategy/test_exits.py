"""Rules 6–10 of rulebook §6, the order of all rules, and what no exit may ever do."""

from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prime_jennie.domain.sessions import KST, Session
from prime_jennie.domain.signals import SellReason
from prime_jennie.strategy.exit_view import ExitPolicy, ExitView
from prime_jennie.strategy.exits import (
    EXIT_RULES,
    death_cross_exit,
    evaluate_exit,
    flatten,
    flatten_is_due,
    forced_liquidation,
    profit_target,
    rsi_overbought,
    scale_out,
    time_exit,
)
from prime_jennie.strategy.regime import BEAR_SCALE_OUT, BULL_SCALE_OUT, SIDEWAYS_SCALE_OUT, ScaleOutLevel
from tests.support.positions import policy, view


@pytest.mark.parametrize(
    ("plan", "level", "price", "quantity"),
    [
        (BULL_SCALE_OUT, 0, 107_000, 25),
        (BULL_SCALE_OUT, 1, 115_000, 25),
        (BULL_SCALE_OUT, 2, 125_000, 15),
        (SIDEWAYS_SCALE_OUT, 0, 103_000, 25),
        (SIDEWAYS_SCALE_OUT, 1, 107_000, 25),
        (SIDEWAYS_SCALE_OUT, 2, 112_000, 25),
        (SIDEWAYS_SCALE_OUT, 3, 118_000, 15),
        (BEAR_SCALE_OUT, 0, 102_000, 25),
        (BEAR_SCALE_OUT, 3, 112_000, 15),
    ],
)
def test_scale_out_sells_the_next_levels_share(
    plan: tuple[ScaleOutLevel, ...], level: int, price: int, quantity: int
) -> None:
    limits = policy(scale_out=plan)
    assert scale_out(view(price - 1, scale_out_level=level), limits) is None
    decision = scale_out(view(price, scale_out_level=level), limits)
    assert decision is not None
    assert (decision.reason, decision.quantity) == (SellReason.PROFIT_TARGET, quantity)


def test_scale_out_takes_one_level_at_a_time_and_names_it() -> None:
    # +20 % has passed all four levels, of which none has filled yet
    decision = scale_out(view(120_000, scale_out_level=0), policy())
    assert decision is not None
    assert decision.scale_out_level == 1


def test_the_level_advances_only_when_the_caller_stores_it() -> None:
    # ✗ an ancestor advanced the level when the sale was asked for: asked twice, the rule must say the same thing
    held = view(103_000)
    assert scale_out(held, policy()) == scale_out(held, policy())


def test_after_the_last_level_nothing_is_scaled_out() -> None:
    assert scale_out(view(140_000, scale_out_level=4), policy()) is None
    assert scale_out(view(140_000), policy(scale_out=())) is None


@pytest.mark.parametrize(
    ("quantity", "sold"),
    [
        (20, 5),  # 2,060,000 held: 5 × 103,000 = 515,000
        (19, None),  # 4 × 103,000 = 412,000 is too little, 1,957,000 too much to sell whole
        (10, None),  # 1,030,000 held is not dust yet
        (9, 9),  # 927,000 held: sold whole
    ],
)
def test_a_scale_out_too_small_is_left_out_and_dust_is_sold_whole(quantity: int, sold: int | None) -> None:
    decision = scale_out(view(103_000, quantity=quantity), policy())
    assert (decision.quantity if decision else None) == sold


def test_a_scale_out_of_exactly_half_a_million_is_made() -> None:
    # bought at 97,000, 100,000 now is +3.09 %: a quarter of 20 is 5 × 100,000
    decision = scale_out(view(100_000, buy_price_krw=97_000, quantity=20), policy())
    assert decision is not None
    assert decision.quantity == 5


def test_a_holding_of_exactly_one_million_is_not_dust() -> None:
    assert scale_out(view(100_000, buy_price_krw=97_000, quantity=10), policy()) is None


def test_an_expensive_stock_scales_out_although_it_has_few_shares() -> None:
    # ✗ a test of 50 shares kept expensive stocks from ever scaling out: 8 shares at 1,030,000 are 8,240,000 KRW
    decision = scale_out(view(1_030_000, buy_price_krw=1_000_000, quantity=8, atr_krw=20_000), policy())
    assert decision is not None
    assert decision.quantity == 2


def test_a_remainder_worth_too_little_is_sold_along() -> None:
    # 80 % of 15 shares are 12; the 3 left would be worth 309,000
    plan = (ScaleOutLevel(profit_pct=3, share_pct=80),)
    decision = scale_out(view(103_000, quantity=15), policy(scale_out=plan))
    assert decision is not None
    assert (decision.quantity, decision.scale_out_level) == (15, 1)


def test_a_remainder_of_exactly_half_a_million_stays() -> None:
    # bought at 97,000: 50 % of 10 shares at 100,000 leave 500,000
    plan = (ScaleOutLevel(profit_pct=3, share_pct=50),)
    decision = scale_out(view(100_000, buy_price_krw=97_000, quantity=10), policy(scale_out=plan))
    assert decision is not None
    assert decision.quantity == 5


@pytest.mark.parametrize(
    ("price", "rsi", "sells"),
    [(103_000, 75.0, True), (102_999, 75.0, False), (103_000, 74.9, False), (103_000, None, False)],
)
def test_an_overbought_stock_in_profit_is_halved(price: int, rsi: float | None, sells: bool) -> None:
    decision = rsi_overbought(view(price, rsi=rsi, quantity=101), policy())
    assert (decision is not None) is sells
    if decision is not None:
        assert (decision.reason, decision.quantity) == (SellReason.RSI_OVERBOUGHT, 50)


def test_overbought_sells_once_and_not_while_trailing_guards() -> None:
    assert rsi_overbought(view(104_000, rsi=80.0, rsi_sold=True), policy()) is None
    assert rsi_overbought(view(104_000, 105_000, rsi=80.0), policy()) is None
    assert rsi_overbought(view(104_000, 105_000, rsi=80.0), policy(trailing_activate_pct=None)) is not None


def test_a_single_share_is_half_of_itself() -> None:
    decision = rsi_overbought(view(104_000, rsi=80.0, quantity=1), policy())
    assert decision is not None
    assert decision.quantity == 1


def test_the_target_sells_only_where_trailing_is_switched_off() -> None:
    off = policy(trailing_activate_pct=None)
    assert profit_target(view(110_000), policy()) is None
    assert profit_target(view(109_999), off) is None
    decision = profit_target(view(110_000), off)
    assert decision is not None
    assert (decision.reason, decision.quantity) == (SellReason.PROFIT_TARGET, 100)


@pytest.mark.parametrize(
    ("price", "bull", "crossed", "sells"),
    [
        (98_999, False, True, True),
        (99_000, False, True, False),  # P −1 is not under −1
        (98_999, True, True, False),
        (98_999, False, False, False),
    ],
)
def test_a_death_cross_ends_a_losing_position_outside_bull_regimes(
    price: int, bull: bool, crossed: bool, sells: bool
) -> None:
    decision = death_cross_exit(view(price, death_cross=crossed), policy(bull=bull))
    assert (decision is not None) is sells
    if decision is not None:
        assert decision.reason is SellReason.DEATH_CROSS


@pytest.mark.parametrize(("days", "sells"), [(29, False), (30, True), (31, True)])
def test_time_ends_a_position_on_day_thirty(days: int, sells: bool) -> None:
    # ✗ an ancestor never knew the purchase date, so that this rule was dead
    decision = time_exit(view(100_000, holding_days=days), policy())
    assert (decision is not None) is sells
    if decision is not None:
        assert decision.reason is SellReason.TIME_EXIT


def test_a_listed_stock_is_liquidated_whole_before_any_other_rule() -> None:
    assert forced_liquidation(view(100_000), policy()) is None
    decision = evaluate_exit(view(80_000, liquidation_armed=True), policy())
    assert decision is not None
    assert (decision.reason, decision.quantity) == (SellReason.FORCED_LIQUIDATION, 100)


SESSION = Session(
    day=date(2025, 1, 2),
    opens_at=datetime(2025, 1, 2, 10, 0, tzinfo=KST),
    closes_at=datetime(2025, 1, 2, 15, 30, tzinfo=KST),
)


@pytest.mark.parametrize(
    ("hour", "minute", "second", "due"),
    [(15, 14, 59, False), (15, 15, 0, True), (15, 29, 59, True), (15, 30, 0, False)],
)
def test_flattening_is_due_in_the_last_quarter_of_an_hour(hour: int, minute: int, second: int, due: bool) -> None:
    assert flatten_is_due(SESSION, datetime(2025, 1, 2, hour, minute, second, tzinfo=KST)) is due


def test_flattening_sells_all_before_any_partial_sale() -> None:
    decision = evaluate_exit(view(103_000, flatten_due=True), policy())
    assert decision is not None
    assert (decision.rule, decision.reason, decision.quantity) == ("flatten_at_close", SellReason.TIME_EXIT, 100)
    assert flatten(view(103_000), policy()) is None


def test_a_stop_keeps_its_reason_when_the_day_is_flattened() -> None:
    decision = evaluate_exit(view(93_000, flatten_due=True), policy())
    assert decision is not None
    assert decision.reason is SellReason.STOP_LOSS


def test_a_quiet_position_is_kept() -> None:
    assert evaluate_exit(view(100_500), policy()) is None


def test_the_rules_stand_in_the_rulebooks_order() -> None:
    assert [rule.__name__ for rule in EXIT_RULES] == [
        "forced_liquidation",
        "hard_stop",
        "profit_floor",
        "lock_l2",
        "lock_l1",
        "breakeven",
        "atr_stop",
        "fixed_stop",
        "trailing_stop",
        "flatten",
        "scale_out",
        "rsi_overbought",
        "profit_target",
        "death_cross_exit",
        "time_exit",
    ]


@pytest.mark.parametrize(
    ("held", "limits", "rule"),
    [
        # −10 % would also break the ATR stop, the fixed stop and, after +4 %, both locks
        (view(90_000, 104_000), policy(), "hard_stop"),
        # from +16 % to +0.5 %: floor before locks
        (view(100_500, 116_000), policy(), "profit_floor"),
        # from +6 % to +0.1 %: L2 before L1 and breakeven
        (view(100_100, 106_000), policy(), "lock_l2"),
        # from +3.5 % to +0.1 %, ATR 2 %: L2 is not armed (5 %), L1 is (3 %), breakeven too
        (view(100_100, 103_500), policy(), "lock_l1"),
        # +0.25 % lies over L1's floor and under breakeven's
        (view(100_250, 103_500), policy(), "breakeven"),
        # −6.5 % without a best: ATR stop (96,000) before the fixed stop (94,000)
        (view(93_500), policy(), "atr_stop"),
        # ATR 4 %: its stop lies at 92,000, the fixed one at 94,000
        (view(93_500, atr_krw=4_000), policy(), "fixed_stop"),
        # from +8 % to +4 %: trailing before scale-out (level 0 is reached)
        (view(104_000, 108_000), policy(), "trailing_stop"),
        # +3.5 % with RSI 80: scale-out before RSI
        (view(103_500, rsi=80.0), policy(), "scale_out"),
        # the same with scale-out done
        (view(103_500, rsi=80.0, scale_out_level=4), policy(), "rsi_overbought"),
        # trailing off, +11 %, halved already, held long: the target before time
        (
            view(111_000, scale_out_level=4, rsi_sold=True, holding_days=31),
            policy(trailing_activate_pct=None),
            "profit_target",
        ),
        # −2 % on day 31 with a death cross: the cross before time
        (view(98_000, death_cross=True, holding_days=31), policy(), "death_cross"),
        (view(99_500, holding_days=31), policy(), "time_exit"),
    ],
)
def test_the_first_rule_that_fires_decides(held: ExitView, limits: ExitPolicy, rule: str) -> None:
    decision = evaluate_exit(held, limits)
    assert decision is not None
    assert decision.rule == rule


VIEWS = st.builds(
    view,
    st.integers(1, 300_000),
    st.integers(1, 300_000),
    quantity=st.integers(1, 20_000),
    holding_days=st.integers(0, 60),
    atr_krw=st.none() | st.floats(1, 20_000),
    rsi=st.none() | st.floats(0, 100),
    macd_warning=st.booleans(),
    death_cross=st.booleans(),
    scale_out_level=st.integers(0, 5),
    rsi_sold=st.booleans(),
    flatten_due=st.booleans(),
)
POLICIES = st.builds(
    policy,
    stop_loss_pct=st.floats(0.5, 30),
    stop_loss_multiplier=st.floats(0.3, 2.0),
    trailing_activate_pct=st.none() | st.floats(0.5, 30),
    trailing_drop_pct=st.floats(0.5, 20),
    scale_out=st.sampled_from([BULL_SCALE_OUT, SIDEWAYS_SCALE_OUT, BEAR_SCALE_OUT, ()]),
    bull=st.booleans(),
)


@settings(deadline=None)
@given(VIEWS, POLICIES)
def test_no_exit_ever_sells_more_than_is_held(held: ExitView, limits: ExitPolicy) -> None:
    decision = evaluate_exit(held, limits)
    if decision is not None:
        assert 1 <= decision.quantity <= held.quantity
        assert decision.explanation


@settings(deadline=None)
@given(VIEWS, POLICIES)
def test_a_loss_of_ten_percent_is_always_sold_whole(held: ExitView, limits: ExitPolicy) -> None:
    if held.profit_pct <= -10:
        decision = evaluate_exit(held, limits)
        assert decision is not None
        assert decision.quantity == held.quantity
        assert decision.reason is SellReason.STOP_LOSS
