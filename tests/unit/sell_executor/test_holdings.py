"""What may be sold, and which orders come too late."""

from datetime import UTC, datetime
from typing import Any

import pytest

from prime_jennie.domain.signals import SellOrder, SellReason
from prime_jennie.infra.database.tables.portfolio import ActivePortfolioRow
from sell_executor.holdings import Holding, stale_refusal


def row(**known: Any) -> ActivePortfolioRow:
    facts: dict[str, Any] = {"position_id": "p-2", "quantity": 50, "scale_out_level": 1, "rsi_sold": False}
    return ActivePortfolioRow(**(facts | known))


def order(**known: Any) -> SellOrder:
    facts: dict[str, Any] = {
        "stock_code": "005930",
        "stock_name": "삼성전자",
        "sell_reason": SellReason.STOP_LOSS,
        "current_price": 70_000,
        "quantity": 50,
        "timestamp": datetime(2025, 3, 10, 3, 0, tzinfo=UTC),
        "position_id": "p-2",
    }
    return SellOrder(**(facts | known))


@pytest.mark.parametrize(
    ("own", "promised", "broker", "sellable"),
    [(50, 0, 50, 50), (50, 0, 500, 50), (50, 0, 8, 8), (50, 40, 50, 10), (50, 40, 20, 0), (50, 0, 0, 0)],
)
def test_never_more_is_sold_than_is_ours_there_and_free(own: int, promised: int, broker: int, sellable: int) -> None:
    assert Holding(row(quantity=own), promised).sellable(broker) == sellable


def test_what_is_not_in_our_rows_is_not_ours_to_sell() -> None:
    assert Holding(None, 0).sellable(100) == 0


def test_an_order_for_the_present_life_is_not_stale() -> None:
    assert stale_refusal(order(), row()) is None


def test_an_order_for_another_life_is_stale() -> None:
    refusal = stale_refusal(order(position_id="p-1"), row())
    assert refusal is not None
    assert str(refusal) == "stale: meant for position p-1, held is p-2"


def test_an_order_that_names_no_life_is_a_persons_and_passes() -> None:
    assert stale_refusal(order(position_id=None), row()) is None


@pytest.mark.parametrize(("level", "stale"), [(1, True), (2, False)])
def test_a_scale_out_level_is_sold_once(level: int, stale: bool) -> None:
    assert (stale_refusal(order(scale_out_level=level), row()) is not None) is stale


def test_the_rsi_sale_is_made_once() -> None:
    overbought = order(sell_reason=SellReason.RSI_OVERBOUGHT)
    assert stale_refusal(overbought, row()) is None
    assert stale_refusal(overbought, row(rsi_sold=True)) is not None
