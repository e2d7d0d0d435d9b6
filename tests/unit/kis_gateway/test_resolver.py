"""Unresolved orders: found in the list, or absent long enough to count as not sent."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kis_gateway import resolver as module
from kis_gateway.fills import FillKeeper
from kis_gateway.ownership import Ownership
from kis_gateway.resolver import Resolver
from prime_jennie.domain.orders import OrderRequest, OrderType, TradeType
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.fills import FillRepository
from prime_jennie.infra.database.repositories.leases import LeaseGrant, LeaseRepository
from prime_jennie.infra.database.repositories.orders import NewIntent, OrderRepository
from prime_jennie.infra.fakes.broker import InMemoryBroker
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.outages import Outages
from tests.support.database import migrate_empty

ACCOUNT, SAMSUNG = "12345678-01", "005930"
NOW = datetime(2025, 3, 4, 0, 30, tzinfo=UTC)


class Scene:
    """A resolver over a real database and a broker in memory."""

    def __init__(self, url: str) -> None:
        self.db = Database(url)
        self.clock = ManualClock(NOW)
        self.broker = InMemoryBroker(self.clock, prices_krw={SAMSUNG: 70_000})
        self.orders = OrderRepository(self.db)
        self.leases = LeaseRepository(self.db)
        fills = FillKeeper(
            account=ACCOUNT,
            broker=self.broker,
            orders=self.orders,
            fills=FillRepository(self.db),
            ownership=Ownership(self.leases, "kis", 60),
            clock=self.clock,
            poll_secs=3,
            outages=Outages(),
        )
        self.resolver = Resolver(
            account=ACCOUNT, broker=self.broker, orders=self.orders, fills=fills, clock=self.clock, every_secs=5
        )
        self.lease: LeaseGrant | None = None

    async def uncertain(self, key: str, quantity: int = 10) -> str:
        """Commit and dispatch an intent whose answer is lost."""
        self.lease = self.lease or await self.leases.acquire("kis", "me", 60)
        assert self.lease is not None
        new = NewIntent(ACCOUNT, "krx-core", key, SAMSUNG, TradeType.BUY, OrderType.MARKET, quantity, None, "")
        committed = await self.orders.commit_intent(new, lease=self.lease, at=self.clock.now())
        await self.orders.begin_dispatch(committed.intent.id, lease=self.lease, at=self.clock.now())
        await self.orders.mark_unknown(
            committed.intent.id, error_code="UNKNOWN", error_message="lost", at=self.clock.now()
        )
        return committed.intent.id

    async def state(self, intent_id: str) -> str:
        return (await self.orders.intent(intent_id)).state


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    url = f"sqlite:///{tmp_path / 'orders.db'}"
    migrate_empty(url)
    monkeypatch.setattr(module, "ABSENT_REAL_SECS", 0.0)
    scene = Scene(url)
    yield scene
    scene.db.close_now()


async def test_an_order_in_the_list_is_accepted_under_its_number(scene: Scene) -> None:
    intent_id = await scene.uncertain("k")
    ref = await scene.broker.buy(OrderRequest(stock_code=SAMSUNG, quantity=10))
    assert await scene.resolver.resolve() == 0
    order = await scene.orders.order(intent_id)
    assert order is not None
    assert order.broker_order_no == ref.order_no


async def test_an_order_of_another_quantity_is_not_taken_for_it(scene: Scene) -> None:
    intent_id = await scene.uncertain("k", quantity=10)
    await scene.broker.buy(OrderRequest(stock_code=SAMSUNG, quantity=9))
    assert await scene.resolver.resolve() == 1
    assert await scene.state(intent_id) == "UNKNOWN"


async def test_absent_from_three_listings_over_thirty_seconds_counts_as_not_sent(scene: Scene) -> None:
    intent_id = await scene.uncertain("k")
    for advance in (0, 15, 14):  # three listings, 29 s
        scene.clock.advance(advance)
        assert await scene.resolver.resolve() == 1
    scene.clock.advance(1)
    assert await scene.resolver.resolve() == 0
    assert await scene.state(intent_id) == "NOT_SENT"


async def test_two_listings_are_too_few_however_far_apart(scene: Scene) -> None:
    intent_id = await scene.uncertain("k")
    await scene.resolver.resolve()
    scene.clock.advance(600)
    await scene.resolver.resolve()
    assert await scene.state(intent_id) == "UNKNOWN"


async def test_a_virtual_half_minute_that_takes_no_real_time_proves_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ABSENT_REAL_SECS", 10.0)
    intent_id = await scene.uncertain("k")
    for _ in range(10):
        scene.clock.advance(30)
        await scene.resolver.resolve()
    assert await scene.state(intent_id) == "UNKNOWN"


async def test_an_order_that_this_process_is_sending_is_left_alone(scene: Scene) -> None:
    intent_id = await scene.uncertain("k")
    scene.resolver.in_flight.add(intent_id)
    await scene.broker.buy(OrderRequest(stock_code=SAMSUNG, quantity=10))
    assert await scene.resolver.resolve() == 0
    assert await scene.state(intent_id) == "UNKNOWN"


async def test_it_never_sends_anything(scene: Scene) -> None:
    await scene.uncertain("k")
    for _ in range(5):
        scene.clock.advance(15)
        await scene.resolver.resolve()
    assert await scene.broker.orders_of_day(NOW.date()) == []
