from datetime import date

import pytest

from prime_jennie.strategy.pnl import (
    profit_pct,
    sale_profit_krw,
    unrealised_profit_krw,
    win_rate,
)

SETTLED_2025 = date(2025, 3, 5)


def test_a_sale_pays_commission_both_ways_and_the_tax_of_its_settlement() -> None:
    # cost 1,000,000: commission 140; proceeds 1,100,000: commission 154 (154.58), tax 0.15 % = 1,650
    # 100,000 − 140 − 154 − 1,650 = 98,056
    assert sale_profit_krw(1_000_000, 1_100_000, SETTLED_2025) == 98_056


def test_the_year_of_settlement_decides_the_tax() -> None:
    # 2026: 0.20 % of 1,100,000 = 2,200 → 97,506
    assert sale_profit_krw(1_000_000, 1_100_000, date(2026, 1, 2)) == 97_506


def test_unrealised_profit_is_what_selling_now_would_earn() -> None:
    assert unrealised_profit_krw(1_000_000, 10, 110_000, SETTLED_2025) == 98_056


def test_an_unchanged_price_is_a_loss_after_fees() -> None:
    assert unrealised_profit_krw(1_000_000, 10, 100_000, SETTLED_2025) == -(140 + 140 + 1_500)


def test_profit_in_percent_of_cost() -> None:
    assert profit_pct(1_000_000, 98_056) == pytest.approx(9.8056)
    with pytest.raises(ValueError, match="above zero"):
        profit_pct(0, 1)


def test_break_even_trades_count_neither_as_wins_nor_as_losses() -> None:
    assert win_rate([5, -3, 0, 7]) == pytest.approx(2 / 3)
    assert win_rate([1, -1]) == 0.5
    assert win_rate([0, 0]) is None
    assert win_rate([]) is None
