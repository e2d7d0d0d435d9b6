"""Sales are judged by money made and by what they cost."""

import pytest

from prime_jennie.domain.sales import Sale
from prime_jennie.strategy.performance import Performance, performance_of


def test_no_sales_are_no_performance() -> None:
    assert performance_of([]) == Performance()
    assert performance_of([]).win_rate == 0


def test_a_sale_at_nothing_is_neither_won_nor_lost() -> None:
    found = performance_of([Sale("A", 1_000, 100), Sale("B", 1_000, -50), Sale("C", 1_000, 0)])
    assert (found.trades, found.wins, found.losses) == (3, 1, 1)
    assert found.win_rate == 0.5
    assert found.profit_krw == 50
    assert found.avg_return_pct == pytest.approx((10 - 5 + 0) / 3)


def test_a_sale_without_a_known_cost_counts_in_money_only() -> None:
    found = performance_of([Sale("A", 0, 700), Sale("B", 1_000, 100)])
    assert (found.profit_krw, found.avg_return_pct) == (800, pytest.approx(10))
