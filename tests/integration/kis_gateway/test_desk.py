"""The last look before an order leaves: what was allowed when it was asked for may be halted when its turn comes."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from kis_gateway.desk import AskedOrder, OrderDesk
from kis_gateway.quota import Place
from prime_jennie.domain.orders import OrderOutcome, OrderRequest, TradeType
from prime_jennie.domain.ports import Priority
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.orders import OrderRepository
from prime_jennie.infra.fakes.broker import InMemoryBroker
from prime_jennie.infra.fakes.clock import ManualClock
from tests.support.order_desk import ACCOUNT, OPEN, SAMSUNG, STRATEGY
from tests.support.order_desk import OrderDesk as Leases


class Gateway:
    """Everything around the desk, with a halt that comes while the order waits in line."""

    def __init__(self, db: Database) -> None:
        self.clock = ManualClock(OPEN)
        self.broker = InMemoryBroker(self.clock, prices_krw={SAMSUNG: 70_000})
        self.orders = OrderRepository(db)
        self.leases = Leases(db)
        self.halt: str | None = None
        self.halt_in_line: str | None = None
        self.in_flight: set[str] = set()

    async def open(self) -> OrderDesk:
        self.lease = await self.leases.lease()
        ours = cast(Any, self)
        return OrderDesk(
            account=ACCOUNT,
            broker=self.broker,
            orders=self.orders,
            checks=ours,
            quota=ours,
            line=ours,
            ownership=ours,
            fills=ours,
            resolver=ours,
            clock=self.clock,
        )

    async def refuses_buy(self, _order: OrderRequest, _strategy: str) -> str | None:
        return self.halt

    async def refuses_sell(self, _order: OrderRequest, _strategy: str, _reason: str) -> str | None:
        return None

    async def halted(self, _strategy: str) -> str | None:
        return self.halt

    @asynccontextmanager
    async def place(self, strategy: str) -> AsyncIterator[Place]:
        yield Place(Counter(), strategy)

    @asynccontextmanager
    async def order_turn(self, _priority: Priority) -> AsyncIterator[None]:
        self.halt = self.halt_in_line
        yield

    async def about_to_send(self, *, ledger: bool) -> None:
        return None

    def grant(self) -> object:
        return self.lease

    held = grant

    def accepted(self, _order_no: str) -> None:
        return None


def asked(side: TradeType, key: str) -> AskedOrder:
    return AskedOrder(side, OrderRequest(stock_code=SAMSUNG, quantity=1), STRATEGY, key, "test", None)


async def test_a_buy_that_was_halted_while_it_waited_is_not_sent(sqlite_db: Database) -> None:
    gateway = Gateway(sqlite_db)
    desk = await gateway.open()
    gateway.halt_in_line = "HALTED: trading is Paused"
    refused = await desk.submit(asked(TradeType.BUY, "waits"))
    assert (refused.outcome, refused.message) == (OrderOutcome.REFUSED, "HALTED: trading is Paused")
    intent = await gateway.orders.intent_by_key(ACCOUNT, STRATEGY, "waits")
    assert intent is not None
    assert (intent.state, intent.attempts) == ("NEW", 0)
    assert await gateway.broker.orders_of_day(OPEN.date()) == []


async def test_a_sale_waits_for_no_halt_and_an_unhalted_buy_goes(sqlite_db: Database) -> None:
    gateway = Gateway(sqlite_db)
    desk = await gateway.open()
    assert (await desk.submit(asked(TradeType.BUY, "goes"))).outcome is OrderOutcome.ACCEPTED
    gateway.halt_in_line = "HALTED: trading is Stopped"
    assert (await desk.submit(asked(TradeType.SELL, "sale"))).outcome is OrderOutcome.ACCEPTED
