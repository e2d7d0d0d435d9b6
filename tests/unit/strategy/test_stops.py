"""Rules 0–5 of rulebook §6; every figure for a purchase at 100,000 KRW, where 1 % is 1,000 KRW."""

from typing import Any

import pytest

from prime_jennie.domain.signals import SellReason
from prime_jennie.strategy.stops import (
    allowed_loss_pct,
    atr_stop,
    breakeven,
    fixed_stop,
    hard_stop,
    lock_l1,
    lock_l2,
    profit_floor,
    trailing_is_active,
    trailing_stop,
)
from tests.support.positions import policy, view


@pytest.mark.parametrize(("price", "sells"), [(90_001, False), (90_000, True), (89_999, True)])
def test_the_hard_stop_sells_at_exactly_ten_percent_loss(price: int, sells: bool) -> None:
    decision = hard_stop(view(price), policy())
    assert (decision is not None) is sells
    if decision is not None:
        assert (decision.reason, decision.rule, decision.quantity) == (SellReason.STOP_LOSS, "hard_stop", 100)


def test_the_hard_stop_ignores_regime_and_spec() -> None:
    assert hard_stop(view(90_000), policy(stop_loss_pct=50, stop_loss_multiplier=2.0)) is not None


@pytest.mark.parametrize(
    ("price", "best", "sells"),
    [
        (109_999, 115_000, True),  # H 15, P 9.999
        (110_000, 115_000, False),  # P 10 is kept
        (109_999, 114_999, False),  # H 14.999 never armed it
    ],
)
def test_the_profit_floor_keeps_ten_percent_once_fifteen_were_reached(price: int, best: int, sells: bool) -> None:
    decision = profit_floor(view(price, best), policy())
    assert (decision is not None) is sells
    if decision is not None:
        assert decision.reason is SellReason.PROFIT_FLOOR


@pytest.mark.parametrize(
    ("atr", "armed_at"),
    [
        (1_000, 103_000),  # 2.5 × 1 % = 2.5 → clipped to 3 %
        (1_600, 104_000),  # 2.5 × 1.6 % = 4 %
        (3_000, 105_000),  # 2.5 × 3 % = 7.5 → clipped to 5 %
    ],
)
def test_lock_l2_is_armed_at_two_and_a_half_atr_between_three_and_five_percent(atr: int, armed_at: int) -> None:
    assert lock_l2(view(100_999, armed_at - 1, atr_krw=atr), policy()) is None
    decision = lock_l2(view(100_999, armed_at, atr_krw=atr), policy())
    assert decision is not None
    assert (decision.reason, decision.rule) == (SellReason.TRAILING_STOP, "lock_l2")


def test_lock_l2_keeps_one_percent() -> None:
    assert lock_l2(view(101_000, 105_000), policy()) is None
    assert lock_l2(view(100_999, 105_000), policy()) is not None


@pytest.mark.parametrize(
    ("atr", "armed_at"),
    [
        (800, 101_500),  # 1.5 × 0.8 % = 1.2 → clipped to 1.5 %
        (1_200, 101_800),  # 1.5 × 1.2 % = 1.8 %
        (4_000, 103_000),  # 1.5 × 4 % = 6 → clipped to 3 %
    ],
)
def test_lock_l1_is_armed_at_one_and_a_half_atr_between_one_and_a_half_and_three_percent(
    atr: int, armed_at: int
) -> None:
    assert lock_l1(view(100_199, armed_at - 1, atr_krw=atr), policy()) is None
    decision = lock_l1(view(100_199, armed_at, atr_krw=atr), policy())
    assert decision is not None
    assert (decision.reason, decision.rule) == (SellReason.TRAILING_STOP, "lock_l1")


def test_lock_l1_keeps_a_fifth_of_a_percent() -> None:
    assert lock_l1(view(100_200, 103_000), policy()) is None
    assert lock_l1(view(100_199, 103_000), policy()) is not None


def test_an_unknown_atr_counts_as_two_percent_in_the_locks() -> None:
    # 2.5 × 2 % = 5 %, 1.5 × 2 % = 3 %
    assert lock_l2(view(100_500, 104_999, atr_krw=None), policy()) is None
    assert lock_l2(view(100_500, 105_000, atr_krw=None), policy()) is not None
    assert lock_l1(view(100_100, 102_999, atr_krw=None), policy()) is None
    assert lock_l1(view(100_100, 103_000, atr_krw=None), policy()) is not None


@pytest.mark.parametrize(
    ("price", "best", "sells"),
    [(100_299, 103_000, True), (100_300, 103_000, False), (100_299, 102_999, False)],
)
def test_breakeven_keeps_point_three_percent_once_three_were_reached(price: int, best: int, sells: bool) -> None:
    decision = breakeven(view(price, best), policy())
    assert (decision is not None) is sells
    if decision is not None:
        assert decision.reason is SellReason.BREAKEVEN_STOP


@pytest.mark.parametrize(
    ("known", "multiplier", "stop"),
    [
        ({}, 1.0, 96_000),  # 100,000 − 2,000 × 2
        ({}, 1.2, 95_200),  # − 4,000 × 1.2
        ({"macd_warning": True}, 1.0, 97_000),  # − 4,000 × 0.75
        ({"death_cross": True}, 1.0, 96_800),  # − 4,000 × 0.8
        ({"macd_warning": True, "death_cross": True}, 1.0, 97_000),  # the MACD warning comes first
        ({"atr_krw": None}, 1.0, 96_000),  # unknown: 2 % of the purchase
    ],
)
def test_the_atr_stop_lies_two_atr_under_the_purchase(known: dict[str, Any], multiplier: float, stop: int) -> None:
    limits = policy(stop_loss_multiplier=multiplier)
    assert atr_stop(view(stop + 1, **known), limits) is None
    decision = atr_stop(view(stop, **known), limits)
    assert decision is not None
    assert (decision.reason, decision.rule) == (SellReason.STOP_LOSS, "atr_stop")
    assert f"{stop:,}" in decision.explanation
    assert ("MACD warning" in decision.explanation) is ("macd_warning" in known)
    assert ("death cross" in decision.explanation) is (set(known) == {"death_cross"})


@pytest.mark.parametrize(
    ("day", "multiplier", "allowed"),
    [
        (0, 1.0, 6.0),
        (10, 1.0, 6.0),  # tightening starts
        (20, 1.0, 5.0),  # half of the way to day 30: one point
        (30, 1.0, 4.0),
        (45, 1.0, 4.0),  # two points at most
        (20, 1.5, 8.0),  # 9 − 1
    ],
)
def test_the_fixed_stop_tightens_linearly_to_day_thirty(day: int, multiplier: float, allowed: float) -> None:
    limits = policy(stop_loss_multiplier=multiplier)
    held = view(95_000, holding_days=day)
    assert allowed_loss_pct(held, limits) == pytest.approx(allowed)
    stop = round(100_000 - 1_000 * allowed)
    assert fixed_stop(view(stop + 1, holding_days=day), limits) is None
    decision = fixed_stop(view(stop, holding_days=day), limits)
    assert decision is not None
    assert (decision.reason, decision.rule) == (SellReason.STOP_LOSS, "fixed_stop")


def test_a_bull_regime_starts_tightening_on_day_fifteen() -> None:
    # day 20 is a third of the way from 15 to 30: 6 − 2/3
    assert allowed_loss_pct(view(95_000, holding_days=20), policy(tightening_start_day=15)) == pytest.approx(5.3333333)


def test_tightening_never_turns_a_narrow_stop_into_a_demanded_profit() -> None:
    assert allowed_loss_pct(view(100_000, holding_days=30), policy(stop_loss_pct=1.5)) == 0.0


def test_trailing_sells_at_the_drop_from_the_peak() -> None:
    # peak 108,000 × 0.965 = 104,220
    assert trailing_stop(view(104_221, 108_000), policy()) is None
    decision = trailing_stop(view(104_220, 108_000), policy())
    assert decision is not None
    assert (decision.reason, decision.quantity) == (SellReason.TRAILING_STOP, 100)
    assert "dropped 3.50 % from the peak of 108,000" in decision.explanation


def test_trailing_needs_three_percent_of_profit_left() -> None:
    # peak 105,000: P 3 is 1.9 % under it, so a drop of 1 % is allowed here
    assert trailing_stop(view(103_000, 105_000), policy(trailing_drop_pct=1.0)) is not None
    assert trailing_stop(view(102_999, 105_000), policy(trailing_drop_pct=1.0)) is None


@pytest.mark.parametrize(
    ("known", "activation"),
    [
        ({}, 105_000),
        ({"macd_warning": True}, 104_000),  # 5 × 0.8
        ({"death_cross": True}, 103_500),  # 5 × 0.7
        ({"macd_warning": True, "death_cross": True}, 104_000),
    ],
)
def test_warnings_activate_trailing_earlier(known: dict[str, Any], activation: int) -> None:
    assert not trailing_is_active(view(103_000, activation - 1, **known), policy())
    assert trailing_is_active(view(103_000, activation, **known), policy())


def test_trailing_that_is_switched_off_never_sells() -> None:
    assert trailing_stop(view(104_000, 120_000), policy(trailing_activate_pct=None)) is None
