"""Make orders and fills for tests the way the gateway and the executors do."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from prime_jennie.domain.orders import OrderType, TradeType
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.bookkeeper import Bookkeeper
from prime_jennie.infra.database.repositories.fills import Execution, FillRepository
from prime_jennie.infra.database.repositories.leases import LeaseGrant, LeaseRepository
from prime_jennie.infra.database.repositories.orders import NewIntent, OrderRepository
from prime_jennie.infra.database.repositories.origins import OrderOrigin, OriginRepository
from prime_jennie.infra.database.tables.trading import FillRow, OrderRow

ACCOUNT = "12345678-01"
STRATEGY = "krx-core"
SAMSUNG = "005930"
MONDAY = date(2025, 3, 10)
OPEN = datetime(2025, 3, 10, 0, 0, tzinfo=UTC)  # 09:00 in Seoul


def two_days_later(day: date) -> date:
    """Settle without a calendar."""
    return day + timedelta(days=2)


class OrderDesk:
    """One gateway that owns its lease, one executor, one bookkeeper."""

    def __init__(self, db: Database) -> None:
        self.orders = OrderRepository(db)
        self.fills = FillRepository(db)
        self.origins = OriginRepository(db)
        self.leases = LeaseRepository(db)
        self.books = Bookkeeper(db, two_days_later)
        self._lease: LeaseGrant | None = None
        self._numbers = 0

    async def lease(self) -> LeaseGrant:
        """Own the app key."""
        if self._lease is None:
            self._lease = await self.leases.acquire("app-key", "gateway-1", 60)
            assert self._lease is not None
        return self._lease

    def intent(
        self,
        key: str,
        side: TradeType = TradeType.BUY,
        quantity: int = 10,
        *,
        stock_code: str = SAMSUNG,
        price: int | None = None,
        strategy: str = STRATEGY,
    ) -> NewIntent:
        """Describe an order."""
        return NewIntent(
            account=ACCOUNT,
            strategy=strategy,
            idempotency_key=key,
            stock_code=stock_code,
            side=side,
            order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
            quantity=quantity,
            price=price,
            reason=f"reason of {key}",
            message_id=f"message of {key}",
        )

    async def accepted(
        self,
        key: str,
        side: TradeType = TradeType.BUY,
        quantity: int = 10,
        *,
        stock_code: str = SAMSUNG,
        at: datetime = OPEN,
        origin: OrderOrigin | None = None,
    ) -> OrderRow:
        """Bring an order to the exchange."""
        if origin is not None:
            await self.origins.remember(origin, at=at)
        lease = await self.lease()
        new = self.intent(key, side, quantity, stock_code=stock_code)
        intent = (await self.orders.commit_intent(new, lease=lease, at=at)).intent
        await self.orders.begin_dispatch(intent.id, lease=lease, at=at)
        self._numbers += 1
        return await self.orders.accept(
            intent.id, broker_order_no=f"{self._numbers:010}", broker_org_no="91252", order_date=MONDAY, at=at
        )

    async def fill(self, order: OrderRow, parts: Sequence[tuple[int, int]], *, at: datetime = OPEN) -> list[FillRow]:
        """Execute parts of (shares, price) one after the other."""
        for shares, price in parts:
            stands = await self.orders.order(order.id)
            assert stands is not None
            execution = Execution(shares, shares * price, at)
            await self.fills.record(
                order.id, execution, filled_before=stands.filled_qty, source="notice", lease=await self.lease()
            )
        return await self.fills.of_order(order.id)

    async def traded(
        self,
        key: str,
        side: TradeType,
        parts: Sequence[tuple[int, int]],
        *,
        stock_code: str = SAMSUNG,
        at: datetime = OPEN,
        origin: OrderOrigin | None = None,
    ) -> OrderRow:
        """Send an order and fill it whole."""
        quantity = sum(shares for shares, _ in parts)
        order = await self.accepted(key, side, quantity, stock_code=stock_code, at=at, origin=origin)
        await self.fill(order, parts, at=at)
        return order
