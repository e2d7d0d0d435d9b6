"""A day is settled from its trades at market prices; what has no price is said, not invented."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prime_jennie.domain.money import commission_krw, sell_tax_krw
from prime_jennie.domain.orders import TradeType
from prime_jennie.strategy.settlement import (
    MarketPrice,
    SettledTrade,
    held_codes,
    max_drawdown,
    profit_factor,
    settle,
    summary_of,
)

SAMSUNG, HYNIX = "005930", "000660"
MIDNIGHT = datetime(2025, 3, 9, 15, 0, tzinfo=UTC)  # 10 March in Seoul
NOON = MIDNIGHT + timedelta(hours=12)
SETTLES_ON = date(2025, 3, 12)
AT = MIDNIGHT + timedelta(hours=15, minutes=45)


def buy(quantity: int, price: int, *, code: str = SAMSUNG, at: datetime = NOON, order: str = "b") -> SettledTrade:
    amount = quantity * price
    return SettledTrade(code, "삼성전자", TradeType.BUY, quantity, at, order, amount, commission_krw(amount))


def sale(
    quantity: int, price: int, profit: int | None, *, code: str = SAMSUNG, at: datetime = NOON, order: str = "s"
) -> SettledTrade:
    amount = quantity * price
    return SettledTrade(
        code, "삼성전자", TradeType.SELL, quantity, at, order, amount, commission_krw(amount), profit_krw=profit
    )


def priced(price: int) -> MarketPrice:
    return MarketPrice(price, "quote", AT)


def settled(trades: list[SettledTrade], prices: dict[str, MarketPrice], **options: Any) -> Any:
    return settle(trades, prices, day_begins=MIDNIGHT, settles_on=SETTLES_ON, at=AT, **options)


def test_a_held_position_is_valued_at_the_market_after_the_costs_of_selling_it() -> None:
    found = settled([buy(10, 70_000)], {SAMSUNG: priced(71_000)})
    (position,) = found.positions
    costs = commission_krw(700_000) + commission_krw(710_000) + sell_tax_krw(710_000, SETTLES_ON)
    assert (position.symbol, position.qty, position.avg_price, position.current_price) == (SAMSUNG, 10, 70_000, 71_000)
    assert position.timestamp == AT
    assert position.unrealized_pnl == 10_000 - costs
    assert position.metadata["gross_pnl"] == 10_000
    assert position.metadata["price_source"] == "quote"
    assert found.total_pnl == found.unrealized_pnl == 10_000 - costs
    assert found.stock_value == 710_000
    assert found.invested == 700_000 + commission_krw(700_000)


def test_realised_counts_the_days_sales_alone() -> None:
    yesterday = MIDNIGHT - timedelta(hours=3)
    trades = [
        buy(10, 70_000, at=yesterday),
        sale(2, 71_000, 1_700, at=yesterday, order="old"),
        sale(3, 72_000, 5_000),
    ]
    found = settled(trades, {SAMSUNG: priced(70_000)})
    assert found.realized_pnl == 5_000
    assert found.realized_to_date == 6_700
    assert found.positions[0].qty == 5
    assert found.total_pnl == 5_000 + found.unrealized_pnl


def test_a_sale_at_midnight_belongs_to_the_new_day() -> None:
    trades = [buy(1, 100, at=MIDNIGHT - timedelta(days=1)), sale(1, 100, 7, at=MIDNIGHT)]
    assert settled(trades, {}).realized_pnl == 7


def test_a_stock_sold_out_today_stays_with_what_it_earned() -> None:
    found = settled([buy(10, 70_000), sale(10, 71_000, 8_000)], {})
    (position,) = found.positions
    assert (position.qty, position.avg_price, position.current_price) == (0, 0.0, None)
    assert (position.realized_pnl, position.unrealized_pnl, position.total_pnl) == (8_000, 0, 8_000)
    assert found.missing_prices == ()
    assert (found.invested, found.stock_value) == (0, 0)


def test_a_stock_sold_out_yesterday_is_no_news() -> None:
    yesterday = MIDNIGHT - timedelta(hours=3)
    assert settled([buy(1, 100, at=yesterday), sale(1, 100, 0, at=yesterday)], {}).positions == ()


def test_a_missing_price_is_said_and_left_out_of_the_totals() -> None:
    trades = [buy(10, 70_000), buy(5, 100_000, code=HYNIX)]
    found = settled(trades, {SAMSUNG: priced(71_000)}, missing={HYNIX: "halted"})
    hynix = found.positions[0]
    assert hynix.symbol == HYNIX
    assert (hynix.current_price, hynix.unrealized_pnl, hynix.total_pnl) == (None, None, 0)
    assert hynix.metadata["price"] == "missing: halted"
    assert found.missing_prices == (HYNIX,)
    assert found.unrealized_pnl == found.positions[1].unrealized_pnl
    assert found.stock_value == 710_000
    assert "no price" in str(settled(trades, {}).positions[1].metadata["price"])


def test_a_sale_without_a_known_cost_is_not_counted_and_said() -> None:
    found = settled([sale(3, 70_000, None)], {})
    assert (found.realized_pnl, found.positions[0].qty) == (0, 0)
    assert "without a known cost" in str(found.positions[0].metadata["profit"])


def test_shares_that_a_correction_took_out_are_gone_without_a_result() -> None:
    gone = SettledTrade(SAMSUNG, "삼성전자", TradeType.SELL, 4, NOON)
    found = settled([buy(10, 70_000), gone], {SAMSUNG: priced(70_000)})
    assert (found.positions[0].qty, found.realized_pnl, found.summary.total_trades) == (6, 0, 0)


def test_held_codes_are_those_with_shares_left() -> None:
    assert held_codes([buy(2, 100), sale(2, 100, 0), buy(1, 100, code=HYNIX)]) == [HYNIX]


def test_a_summary_counts_orders_not_executions() -> None:
    trades = [
        sale(1, 100, 300, order="a"),
        sale(1, 100, 200, order="a"),
        sale(1, 100, -400, order="b"),
        sale(1, 100, 0, order="c"),
        sale(1, 100, None, order="d"),
    ]
    found = summary_of(trades, 50, day_begins=MIDNIGHT, capital_krw=10_000)
    assert (found.total_trades, found.winning_trades, found.losing_trades) == (4, 1, 1)
    assert (found.gross_profit, found.gross_loss, found.net_pnl, found.unrealized_pnl) == (500, 400, 100, 50)
    assert (found.win_rate, found.profit_factor) == (0.5, 1.25)
    assert found.max_drawdown == pytest.approx(400 / 10_500, abs=1e-6)


def test_an_empty_day_has_no_rate_and_no_factor() -> None:
    found = summary_of([], 0, day_begins=MIDNIGHT, capital_krw=None)
    assert (found.total_trades, found.win_rate, found.profit_factor, found.max_drawdown) == (0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("won", "lost", "factor"),
    [(500, 400, 1.25), (500, 0, 999.99), (0, 0, 0.0), (0, 400, 0.0), (10**9, 1, 999.99)],
)
def test_a_profit_factor_without_losses_is_999_99(won: int, lost: int, factor: float) -> None:
    assert profit_factor(won, lost) == factor


@pytest.mark.parametrize(
    ("values", "deepest"),
    [([], 0.0), ([100], 0.0), ([100, 80, 120, 90], 0.25), ([100, -50], 1.0), ([-5, -10], 0.0), ([0, 0], 0.0)],
)
def test_a_drawdown_is_the_deepest_fall_from_a_peak(values: list[int], deepest: float) -> None:
    assert max_drawdown(values) == pytest.approx(deepest)


@given(st.lists(st.integers(-(10**9), 10**9), max_size=50))
def test_a_drawdown_is_a_ratio(values: list[int]) -> None:
    assert 0.0 <= max_drawdown(values) <= 1.0


@pytest.mark.parametrize("capital", [0, -1])
def test_without_capital_there_is_no_drawdown(capital: int) -> None:
    found = summary_of([sale(1, 100, -400)], 0, day_begins=MIDNIGHT, capital_krw=capital)
    assert found.max_drawdown == 0.0


def test_the_open_loss_counts_in_the_days_drawdown() -> None:
    assert summary_of([], -300, day_begins=MIDNIGHT, capital_krw=1_000).max_drawdown == 0.3
