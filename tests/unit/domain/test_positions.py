"""Positions and portfolios: derived figures, and what cannot be held."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from prime_jennie.domain.positions import (
    DailySnapshot,
    PortfolioState,
    Position,
    TradeNotification,
    TradeRecord,
    first_stop_price_krw,
    sold_cost_krw,
)
from prime_jennie.domain.sectors import SectorGroup

AT = datetime(2025, 3, 13, 0, 30, tzinfo=UTC)
POSITION = {
    "stock_code": "005930",
    "stock_name": "삼성전자",
    "quantity": 3,
    "average_buy_price": 54_166.67,
    "total_buy_amount": 162_500,
}
PORTFOLIO = {
    "cash_balance": 250_000,
    "total_asset": 1_000_000,
    "stock_eval_amount": 750_000,
    "timestamp": AT,
}


def held(code: str, value: int | None, group: SectorGroup | None) -> Position:
    return Position.model_validate(POSITION | {"stock_code": code, "current_value": value, "sector_group": group})


def test_a_portfolio_derives_its_cash_ratio_and_sectors() -> None:
    positions = [
        held("005930", 300_000, SectorGroup.SEMICONDUCTOR_IT),
        held("000660", 200_000, SectorGroup.SEMICONDUCTOR_IT),
        held("068270", None, None),  # no price: counts at cost, 162,500
    ]
    portfolio = PortfolioState.model_validate(PORTFOLIO | {"positions": positions, "position_count": 3})
    assert portfolio.cash_ratio == 0.25  # 250,000 ÷ 1,000,000
    # 500,000 and 162,500 of 662,500
    assert portfolio.sector_distribution == pytest.approx(
        {SectorGroup.SEMICONDUCTOR_IT: 500_000 / 662_500, SectorGroup.ETC: 162_500 / 662_500}
    )


def test_the_derived_figures_are_in_the_json_and_ignored_when_read_back() -> None:
    portfolio = PortfolioState.model_validate(
        PORTFOLIO | {"positions": [held("005930", 750_000, SectorGroup.FINANCE)], "position_count": 1}
    )
    sent = json.loads(portfolio.model_dump_json())
    assert sent["cash_ratio"] == 0.25
    assert sent["sector_distribution"] == {"금융": 1.0}
    assert PortfolioState.model_validate_json(json.dumps(sent | {"cash_ratio": 0.9})) == portfolio


def test_an_empty_account_has_no_ratio_and_no_sectors() -> None:
    empty = PortfolioState.model_validate(
        {"positions": [], "position_count": 0, "cash_balance": 0, "total_asset": 0, "stock_eval_amount": 0}
        | {"timestamp": AT}
    )
    assert empty.cash_ratio == 0
    assert empty.sector_distribution == {}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"position_count": 2}, "differs from 1"),
        ({"positions": [POSITION, POSITION], "position_count": 2}, "once"),
        ({"stock_eval_amount": -1}, "stock_eval_amount"),
        ({"cash_balance": 0.5}, "cash_balance"),
    ],
)
def test_a_portfolio_that_contradicts_itself_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        PortfolioState.model_validate(PORTFOLIO | {"positions": [POSITION], "position_count": 1} | change)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("quantity", 0),
        ("quantity", -3),
        ("average_buy_price", 0),
        ("total_buy_amount", -1),
        ("bought_at", "2025-03-13"),
    ],
)
def test_a_position_that_cannot_be_held_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        Position.model_validate(POSITION | {field: value})


def test_records_of_trades_round_trip() -> None:
    trade = {
        "stock_code": "005930",
        "stock_name": "삼성전자",
        "quantity": 3,
        "total_amount": 162_300,
        "timestamp": AT,
    }
    record = TradeRecord.model_validate(
        trade | {"trade_type": "BUY", "price": 54_100, "reason": "GOLDEN_CROSS", "strategy_signal": "GOLDEN_CROSS"}
    )
    notice = TradeNotification.model_validate(
        trade | {"trade_type": "SELL", "price": 54_100.5, "sell_reason": "PROFIT_TARGET", "holding_days": 0}
    )
    assert TradeRecord.model_validate_json(record.model_dump_json()) == record
    assert TradeNotification.model_validate_json(notice.model_dump_json()) == notice
    with pytest.raises(ValidationError, match="price"):
        TradeRecord.model_validate(record.model_dump() | {"price": 54_100.5})


def test_a_days_loss_is_negative_and_may_be_unknown() -> None:
    body = {"snapshot_date": "2025-03-13", "total_asset": 1, "cash_balance": 1, "stock_eval_amount": 0}
    assert DailySnapshot.model_validate(body | {"realized_profit_loss": -5_000}).total_profit_loss is None


def test_the_first_stop_is_six_percent_under_the_fill() -> None:
    # 72,100 × 0.94 = 67,774
    assert first_stop_price_krw(72_100, 6.0) == 67_774


def test_the_cost_of_shares_sold_is_proportional() -> None:
    assert sold_cost_krw(1_000_001, held=3, sold=1) == 333_333
    with pytest.raises(ValueError, match="4 of 3"):
        sold_cost_krw(1_000_000, held=3, sold=4)
    with pytest.raises(ValueError, match="0 of 3"):
        sold_cost_krw(1_000_000, held=3, sold=0)


@settings(deadline=None)
@given(st.integers(1, 10**9), st.lists(st.integers(1, 500), min_size=1, max_size=8))
def test_partial_sales_use_up_the_cost_to_the_last_won(total_krw: int, parts: list[int]) -> None:
    held, cost_left, booked = sum(parts), total_krw, 0
    for part in parts:
        cost = sold_cost_krw(cost_left, held, part)
        held, cost_left, booked = held - part, cost_left - cost, booked + cost
    assert (held, cost_left, booked) == (0, 0, total_krw)
