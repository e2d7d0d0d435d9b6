"""The day's result by hand: what is unknown is named, and never counts as no loss."""

import pytest

from prime_jennie.domain.holdings import DayTrade
from prime_jennie.strategy.day_loss import (
    UnknownLoss,
    breach_of,
    day_result_krw,
    loss_pct,
    shares_at_open,
)

A, B = "005930", "000660"


def bought(code: str, quantity: int, amount: int, fees: int = 0) -> DayTrade:
    return DayTrade(code, True, quantity, amount, fees)


def sold(code: str, quantity: int, amount: int, fees: int = 0) -> DayTrade:
    return DayTrade(code, False, quantity, amount, fees)


def test_what_was_held_at_the_open_is_todays_holding_without_todays_trades() -> None:
    trades = [bought(A, 10, 1), sold(B, 5, 1), bought(B, 2, 1)]
    assert shares_at_open({A: 30, B: 7}, trades, {}) == {A: 20, B: 10}
    assert shares_at_open({A: 10}, trades[:1], {}) == {}
    assert shares_at_open({}, [sold(B, 5, 1)], {}) == {B: 5}


def test_a_holding_counts_from_its_previous_close_and_a_purchase_from_what_it_cost() -> None:
    # 20 overnight: 20 × (98 − 100) = −40; 10 bought at 105: 10 × 98 − 1,050 = −70; fees 3: −113.
    result = day_result_krw({A: 30}, [bought(A, 10, 1_050, 3)], gone={}, closes_krw={A: 100}, prices_krw={A: 98})
    assert result == -113


def test_a_sale_counts_against_the_previous_close_after_its_fees() -> None:
    # 5 sold at 190 each against a close of 200: 950 − 1,000 − 4.
    assert day_result_krw({}, [sold(B, 5, 950, 4)], gone={}, closes_krw={B: 200}, prices_krw={}) == -54


def test_a_day_trade_needs_no_close_and_no_price() -> None:
    trades = [bought(A, 10, 1_000, 1), sold(A, 10, 1_010, 2)]
    assert day_result_krw({}, trades, gone={}, closes_krw={}, prices_krw={}) == 7


def test_what_left_by_hand_was_there_at_the_open_and_counts_at_the_price_of_now() -> None:
    # 10 bought today at 105 and sold elsewhere: 10 × 98 − 1,050 − 3.
    bought_today = [bought(A, 10, 1_050, 3)]
    assert shares_at_open({}, bought_today, {A: 10}) == {}
    assert day_result_krw({}, bought_today, gone={A: 10}, closes_krw={}, prices_krw={A: 98}) == -73
    # 5 of 20 overnight are gone, 15 held: 20 × (98 − 100).
    assert shares_at_open({A: 15}, [], {A: 5}) == {A: 20}
    assert day_result_krw({A: 15}, [], gone={A: 5}, closes_krw={A: 100}, prices_krw={A: 98}) == -40
    assert day_result_krw({}, [], gone={A: 5}, closes_krw={A: 100}, prices_krw={}) == UnknownLoss(f"no price of {A}")


def test_what_was_sold_and_what_is_held_make_one_result_and_overnight_gains_are_not_the_days() -> None:
    # 10 A at 100,000 at the open, five sold at 102,000; three B bought at 50,000; fees 900. Now A 101,000, B 49,000:
    # 5 × 2,000 realised + 5 × 1,000 − 3 × 1,000 unrealised − 900, whatever A once cost.
    trades = [sold(A, 5, 510_000, 600), bought(B, 3, 150_000, 300)]
    prices = {A: 101_000, B: 49_000}
    assert day_result_krw({A: 5, B: 3}, trades, gone={}, closes_krw={A: 100_000}, prices_krw=prices) == 11_100


def test_nothing_held_and_nothing_traded_is_nothing_lost() -> None:
    assert day_result_krw({}, [], gone={}, closes_krw={}, prices_krw={}) == 0


@pytest.mark.parametrize(
    ("held", "trades", "closes", "prices", "reason"),
    [
        ({A: 1, B: 1}, [], {B: 1}, {A: 1, B: 1}, f"no previous close of {A}"),
        ({}, [sold(A, 1, 1)], {}, {}, f"no previous close of {A}"),
        ({A: 1, B: 1}, [], {A: 1, B: 1}, {}, f"no price of {B}, {A}"),
        ({A: 1}, [bought(A, 1, 1)], {}, {}, f"no price of {A}"),
        ({A: 1}, [bought(A, 2, 2)], {A: 1}, {A: 1}, "the books disagree"),
    ],
)
def test_what_is_not_known_is_named(
    held: dict[str, int], trades: list[DayTrade], closes: dict[str, int], prices: dict[str, int], reason: str
) -> None:
    result = day_result_krw(held, trades, gone={}, closes_krw=closes, prices_krw=prices)
    assert isinstance(result, UnknownLoss)
    assert result.reason.startswith(reason)


def test_the_loss_is_a_share_of_the_capital_at_the_open_and_a_profit_is_none() -> None:
    assert loss_pct(-505_428, 50_000_000) == pytest.approx(1.010856)
    assert loss_pct(1, 50_000_000) == 0.0
    assert loss_pct(-1, 0) == UnknownLoss("the capital at the open is 0 KRW")


def test_a_limit_is_breached_when_it_is_reached() -> None:
    assert breach_of(0.999, 1, "risk.dailyLossLimitPct") is None
    assert breach_of(1.0, 1, "risk.dailyLossLimitPct") == (
        "the day's loss of 1.00 % has reached risk.dailyLossLimitPct 1"
    )
