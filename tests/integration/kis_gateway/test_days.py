"""One gateway process over several days: numbers start over, and nothing of yesterday counts or is touched today."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import pytest

from kis_gateway.cancels import Cancels
from kis_gateway.checks import PreTradeChecks
from kis_gateway.fills import FillKeeper
from prime_jennie.domain.broker import BrokerOrder, BrokerOrderRef, FillNotice, NoticeKind
from prime_jennie.domain.errors import BrokerRefused, Unavailable
from prime_jennie.domain.orders import OrderRequest, OrderStatus, OrderType, TradeType
from prime_jennie.domain.ports import Priority
from prime_jennie.domain.risk import HaltState
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.fills import FillRepository
from prime_jennie.infra.database.repositories.orders import OrderRepository
from prime_jennie.infra.database.repositories.positions import PositionRepository
from prime_jennie.infra.database.tables.trading import OrderRow
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.outages import Outages
from tests.support.database import sqlite_db, sqlite_url
from tests.support.eventually import eventually
from tests.support.order_desk import ACCOUNT, MONDAY, SAMSUNG, STRATEGY, OrderDesk

__all__ = ["sqlite_db", "sqlite_url"]

NOON = datetime(2025, 3, 10, 3, 0, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)


class ListedBroker:
    """A broker that knows its lists, and notes what it is asked to cancel."""

    def __init__(self) -> None:
        self.lists: dict[date, list[BrokerOrder]] = {}
        self.down_for: set[date] = set()
        self.notices: asyncio.Queue[FillNotice] = asyncio.Queue()
        self.cancelled: list[str] = []

    async def ensure_token(self) -> None:
        return None

    async def orders_of_day(self, day: date) -> list[BrokerOrder]:
        if day in self.down_for:
            raise Unavailable("the broker refused the query")
        return self.lists.get(day, [])

    async def cancel(self, ref: BrokerOrderRef) -> BrokerOrderRef:
        self.cancelled.append(ref.order_no)
        raise BrokerRefused("APBK0344", "정정취소 가능수량이 없습니다.")

    async def fill_notices(self) -> AsyncIterator[FillNotice]:
        while True:
            yield await self.notices.get()


class Line:
    """Always our turn, unless it is interrupted."""

    interrupted = False

    @asynccontextmanager
    async def order_turn(self, _priority: Priority) -> AsyncIterator[None]:
        if self.interrupted:
            raise Unavailable("the circuit breaker is open")
        yield

    async def about_to_send(self, *, ledger: bool) -> None:
        return None


class Gateway:
    """The parts that live over midnight, on a real database."""

    def __init__(self, db: Database) -> None:
        self.clock = ManualClock(NOON)
        self.broker = ListedBroker()
        self.desk = OrderDesk(db)
        self.line = Line()
        self.halt_state = HaltState.ACTIVE
        self.is_ready = True
        self._fills = FillRepository(db)
        self.keeper = FillKeeper(
            account=ACCOUNT,
            broker=cast(Any, self.broker),
            orders=OrderRepository(db),
            fills=self._fills,
            ownership=cast(Any, self),
            clock=self.clock,
            poll_secs=3.0,
            outages=Outages(),
        )
        self.cancels = Cancels(
            account=ACCOUNT,
            broker=cast(Any, self.broker),
            orders=OrderRepository(db),
            line=cast(Any, self.line),
            ownership=cast(Any, self),
            fills=self.keeper,
            standings=cast(Any, self),
            clock=self.clock,
        )
        settings = cast(Any, type("Settings", (), {"kis_account_no": ACCOUNT}))
        self.checks = PreTradeChecks(
            settings,
            broker=cast(Any, self.broker),
            market=cast(Any, self.keeper),  # all that is asked of it here is what day it is
            prices=cast(Any, None),
            standings=cast(Any, self),
            risk=cast(Any, None),
            guard=cast(Any, None),
            orders=OrderRepository(db),
            fills=self._fills,
            positions=PositionRepository(db),
        )

    async def open(self) -> None:
        self._lease = await self.desk.lease()

    def held(self) -> object:
        return self._lease

    grant = held

    async def halt(self, _strategy: str) -> HaltState:
        return self.halt_state

    async def status(self, order: OrderRow) -> tuple[str, int]:
        now = await self.desk.orders.order(order.id)
        assert now is not None
        return now.status, now.filled_qty


@pytest.fixture
async def gateway(sqlite_db: Database) -> Gateway:
    made = Gateway(sqlite_db)
    await made.open()
    return made


def line_of(order: OrderRow, *, filled: int = 0, price: int = 70_000, canceled: int = 0) -> BrokerOrder:
    return BrokerOrder(
        order_no=order.broker_order_no,
        org_no="91252",
        stock_code=order.stock_code,
        side=TradeType(order.side),
        order_type=OrderType.MARKET,
        quantity=order.quantity,
        price=0,
        filled_qty=filled,
        filled_amount_krw=filled * price,
        remaining_qty=order.quantity - filled - canceled,
        canceled_qty=canceled,
        ordered_at=order.requested_at,
    )


def notice_of(order: OrderRow, quantity: int, price: int, at: datetime) -> FillNotice:
    return FillNotice(
        account_no=ACCOUNT,
        kind=NoticeKind.FILLED,
        order_no=order.broker_order_no,
        stock_code=order.stock_code,
        side=TradeType(order.side),
        quantity=quantity,
        price=price,
        at=at,
    )


async def test_what_was_open_at_midnight_ends_with_its_fills_at_the_next_look_without_a_restart(
    gateway: Gateway,
) -> None:
    order = await gateway.desk.accepted("left", at=NOON)
    gateway.broker.lists[MONDAY] = [line_of(order)]
    await gateway.keeper.level()
    assert await gateway.status(order) == (OrderStatus.SENT, 0)
    gateway.broker.lists[MONDAY] = [line_of(order, filled=4)]  # in the closing auction, while nobody looked
    gateway.clock.advance(86_400)
    await gateway.keeper.level()
    assert await gateway.status(order) == (OrderStatus.CANCELED, 4)


async def test_yesterdays_list_that_does_not_come_keeps_today_level_and_is_asked_for_again(gateway: Gateway) -> None:
    order = await gateway.desk.accepted("left", at=NOON)
    gateway.clock.advance(86_400)
    gateway.broker.down_for = {MONDAY}
    await gateway.keeper.level()
    assert (await gateway.status(order))[0] == OrderStatus.SENT
    gateway.broker.down_for = set()
    gateway.broker.lists[MONDAY] = [line_of(order)]
    await gateway.keeper.level()
    assert (await gateway.status(order))[0] == OrderStatus.CANCELED


async def test_yesterdays_notice_is_no_execution_of_todays_order_of_the_same_number(gateway: Gateway) -> None:
    """Two executions of 5 today; a stale notice of 10 at the same price would explain the total as one."""
    listening = asyncio.create_task(gateway.keeper.listen())
    try:
        order = await gateway.desk.accepted("today", at=NOON)
        stale = notice_of(order, 10, 70_000, NOON - timedelta(days=3))
        for notice in (stale, notice_of(order, 5, 70_000, NOON), notice_of(order, 5, 70_000, NOON)):
            gateway.broker.notices.put_nowait(notice)
        await eventually(gateway.broker.notices.empty, what="the notices are taken")
        gateway.broker.lists[MONDAY] = [line_of(order, filled=10)]
        await gateway.keeper.level()
    finally:
        listening.cancel()
    fills = await gateway._fills.of_order(order.id)
    assert [(fill.quantity, fill.source) for fill in fills] == [(5, "notice"), (5, "notice")]


async def test_a_halt_never_cancels_by_a_number_of_yesterday(gateway: Gateway) -> None:
    """The number belongs to somebody else's order today; that one might be a sale."""
    await gateway.desk.accepted("yesterdays", at=NOON)
    gateway.clock.advance(86_400)
    gateway.broker.down_for = {MONDAY}  # so that it stays open here
    gateway.halt_state = HaltState.PAUSED
    await watched_for_a_while(gateway)
    assert gateway.broker.cancelled == []


async def test_a_halt_cancels_a_buy_whose_first_cancellation_was_interrupted(gateway: Gateway) -> None:
    order = await gateway.desk.accepted("working", at=NOON)
    gateway.broker.lists[MONDAY] = [line_of(order)]
    gateway.line.interrupted = True
    with pytest.raises(Unavailable):
        await gateway.cancels.cancel(order.broker_order_no, STRATEGY)
    gateway.line.interrupted = False
    gateway.clock.advance(11)
    gateway.halt_state = HaltState.PAUSED
    await watched_for_a_while(gateway)
    assert gateway.broker.cancelled == [order.broker_order_no]


async def test_a_buy_that_cannot_be_cancelled_keeps_a_halt_from_no_other_buy(gateway: Gateway) -> None:
    working = [await gateway.desk.accepted(f"working-{number}", at=NOON) for number in range(3)]
    gateway.broker.lists[MONDAY] = [line_of(order) for order in working]  # the broker refuses, and all work on
    gateway.halt_state = HaltState.PAUSED
    watch = asyncio.create_task(gateway.cancels.watch_halts())
    try:
        await eventually(
            lambda: set(gateway.broker.cancelled) == {order.broker_order_no for order in working} or watch.done(),
            within_secs=30,
            what="every buy is asked to be cancelled",
        )
        assert not watch.done(), "the watch ended with the first refusal"
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError, Unavailable):
            await watch


async def test_a_sale_left_open_yesterday_promises_no_share_away_today(gateway: Gateway) -> None:
    """Else a stop-loss would be refused for as long as the row stays open."""
    await gateway.desk.traded("bought", TradeType.BUY, [(10, 70_000)], at=NOON)
    await gateway.desk.accepted("unsold", TradeType.SELL, 10, at=NOON)
    sale = OrderRequest(stock_code=SAMSUNG, quantity=10)
    assert "INSUFFICIENT" in str(await gateway.checks.refuses_sell(sale, STRATEGY, "STOP_LOSS"))
    gateway.clock.advance(86_400)
    assert await gateway.checks.refuses_sell(sale, STRATEGY, "STOP_LOSS") is None


async def watched_for_a_while(gateway: Gateway) -> None:
    """Let the watch over halts look once."""
    watch = asyncio.create_task(gateway.cancels.watch_halts())
    try:
        await asyncio.wait({watch}, timeout=1.5)
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError, Unavailable):
            await watch
