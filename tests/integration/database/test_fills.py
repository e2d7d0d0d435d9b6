"""Executions are added once each, and an order's numbers are their sum."""

import asyncio

import pytest
from sqlalchemy import text

from prime_jennie.domain.errors import Conflict, NotFound
from prime_jennie.domain.orders import OrderStatus, TradeType
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.fills import Execution
from tests.support.order_desk import ACCOUNT, OPEN, SAMSUNG, STRATEGY, OrderDesk


@pytest.fixture
def desk(db: Database) -> OrderDesk:
    return OrderDesk(db)


async def test_two_partial_fills_of_one_order_are_two_rows(desk: OrderDesk) -> None:
    """✗ An ancestor stored the order number as fill id, so a second partial fill collided."""
    order = await desk.accepted("k1", quantity=10)
    fills = await desk.fill(order, [(4, 72_000), (6, 72_100)])
    assert [fill.quantity for fill in fills] == [4, 6]
    assert len({fill.broker_fill_id for fill in fills}) == 2
    stands = await desk.orders.order(order.id)
    assert stands is not None
    # 4 × 72,000 + 6 × 72,100 = 288,000 + 432,600 = 720,600; ÷ 10 = 72,060
    assert (stands.filled_qty, stands.filled_amount_krw, stands.avg_fill_price) == (10, 720_600, 72_060.0)
    assert stands.status == OrderStatus.FILLED.value


async def test_a_repeated_notice_is_taken_once(desk: OrderDesk) -> None:
    order = await desk.accepted("k1", quantity=10)
    execution = Execution(4, 288_000, OPEN)
    lease = await desk.lease()
    assert await desk.fills.record(order.id, execution, filled_before=0, source="notice", lease=lease)
    assert not await desk.fills.record(order.id, execution, filled_before=0, source="notice", lease=lease)
    assert len(await desk.fills.of_order(order.id)) == 1


async def test_a_fill_beyond_the_order_is_refused(desk: OrderDesk) -> None:
    order = await desk.accepted("k1", quantity=10)
    with pytest.raises(Conflict, match="do not fit"):
        await desk.fills.record(order.id, Execution(11, 792_000, OPEN), filled_before=0, source="notice", lease=None)
    with pytest.raises(Conflict, match="do not fit"):
        await desk.fills.record(order.id, Execution(4, 288_000, OPEN), filled_before=3, source="notice", lease=None)
    assert await desk.fills.of_order(order.id) == []


async def test_a_lost_notice_comes_back_from_the_listing(desk: OrderDesk) -> None:
    order = await desk.accepted("k1", quantity=10)
    await desk.fill(order, [(4, 72_000)])
    added = await desk.fills.record_total(order.id, filled_qty=10, filled_amount_krw=720_600, at=OPEN)
    assert [(fill.quantity, fill.amount_krw, fill.source) for fill in added] == [(6, 432_600, "listing")]


async def test_an_old_listing_changes_nothing(desk: OrderDesk) -> None:
    order = await desk.accepted("k1", quantity=10)
    await desk.fill(order, [(4, 72_000), (6, 72_100)])
    assert await desk.fills.record_total(order.id, filled_qty=4, filled_amount_krw=288_000, at=OPEN) == []


async def test_notices_that_explain_the_listing_stay_separate_executions(desk: OrderDesk) -> None:
    order = await desk.accepted("k1", quantity=10)
    notices = [Execution(4, 288_000, OPEN), Execution(6, 432_600, OPEN)]
    added = await desk.fills.record_total(
        order.id, filled_qty=10, filled_amount_krw=720_600, at=OPEN, executions=notices
    )
    assert [fill.quantity for fill in added] == [4, 6]


async def test_a_doubled_notice_never_outweighs_the_listing(desk: OrderDesk) -> None:
    order = await desk.accepted("k1", quantity=10)
    doubled = [Execution(4, 288_000, OPEN), Execution(4, 288_000, OPEN)]
    added = await desk.fills.record_total(
        order.id, filled_qty=4, filled_amount_krw=288_000, at=OPEN, executions=doubled
    )
    assert [fill.quantity for fill in added] == [4]


async def test_many_listings_at_once_add_each_difference_once(desk: OrderDesk) -> None:
    order = await desk.accepted("k1", quantity=10)
    totals = [(shares, shares * 72_000) for shares in range(1, 11)] * 6
    added = await asyncio.gather(
        *(
            desk.fills.record_total(order.id, filled_qty=shares, filled_amount_krw=amount, at=OPEN)
            for shares, amount in totals
        )
    )
    assert sum(fill.quantity for fills in added for fill in fills) == 10
    assert await desk.fills.totals(ACCOUNT, STRATEGY) == {SAMSUNG: 10}


async def test_a_partly_filled_cancelled_order_keeps_its_shares(desk: OrderDesk) -> None:
    """✗ An ancestor reported failure after cancelling a partly filled limit order, orphaning shares."""
    order = await desk.accepted("k1", quantity=10)
    await desk.orders.set_status(order.id, OrderStatus.CANCELED, at=OPEN)
    await desk.fills.record_total(order.id, filled_qty=4, filled_amount_krw=288_000, at=OPEN)
    stands = await desk.orders.order(order.id)
    assert stands is not None
    assert (stands.status, stands.filled_qty) == (OrderStatus.CANCELED.value, 4)
    booked = await desk.books.book(order.id)
    assert booked[0].position is not None
    assert booked[0].position.quantity == 4


async def test_impossible_totals_are_a_conflict(desk: OrderDesk) -> None:
    order = await desk.accepted("k1", quantity=10)
    await desk.fill(order, [(4, 72_000)])
    with pytest.raises(Conflict):
        await desk.fills.record_total(order.id, filled_qty=11, filled_amount_krw=800_000, at=OPEN)
    with pytest.raises(Conflict):
        await desk.fills.record_total(order.id, filled_qty=10, filled_amount_krw=288_000, at=OPEN)
    with pytest.raises(NotFound):
        await desk.fills.record_total("nobody", filled_qty=1, filled_amount_krw=1, at=OPEN)


async def test_sales_count_against_purchases(desk: OrderDesk) -> None:
    await desk.traded("b", TradeType.BUY, [(10, 72_000)])
    await desk.traded("s", TradeType.SELL, [(3, 73_000)])
    assert await desk.fills.totals(ACCOUNT, STRATEGY) == {SAMSUNG: 7}


async def test_a_fill_needs_its_order(db: Database) -> None:
    row = (
        "INSERT INTO fills (order_id, account, strategy, broker_fill_id, stock_code, side, quantity, price, amount_krw,"
        " filled_at, source) VALUES ('nobody', 'a', 's', 'f', 'c', 'BUY', 1, 1, 1, '2025-03-10 00:00:00', 'notice')"
    )
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        await db.write(lambda session: session.execute(text(row)))
