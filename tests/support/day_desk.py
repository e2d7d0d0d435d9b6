"""The gateway's day alone: real Redis and SQL, a broker and a clock in memory; restarts are new owners."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from redis.asyncio import Redis
from sqlalchemy import select
from sqlalchemy.orm import Session

from kis_gateway.breaker import CircuitBreaker
from kis_gateway.day_steps import DaySteps
from kis_gateway.drift import DriftWatch
from kis_gateway.fills import FillKeeper
from kis_gateway.guard import BuyGuard
from kis_gateway.lifecycle import Lifecycle
from kis_gateway.losses import LossWatch
from kis_gateway.market_day import MarketDay
from kis_gateway.position_sync import PositionSync
from kis_gateway.recovery import Recovery
from kis_gateway.registrations import Registrations
from kis_gateway.resolver import Resolver
from kis_gateway.standing import Standings
from prime_jennie.domain.broker import Environment
from prime_jennie.domain.errors import BrokerRefused, Unavailable
from prime_jennie.domain.lifecycle import MarketState
from prime_jennie.domain.orders import OrderRequest, OrderType, TradeType
from prime_jennie.domain.positions import PortfolioState
from prime_jennie.domain.sessions import KST
from prime_jennie.infra.alerts import Alerts
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.clients.kis.websocket import SocketStatus
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.bookkeeper import Bookkeeper
from prime_jennie.infra.database.repositories.fills import FillRepository
from prime_jennie.infra.database.repositories.leases import LeaseGrant, LeaseRepository
from prime_jennie.infra.database.repositories.market_states import MarketStateRepository
from prime_jennie.infra.database.repositories.orders import NewIntent, OrderRepository
from prime_jennie.infra.database.tables.journal import EventRow
from prime_jennie.infra.database.tables.lifecycle import MarketStateRow, RecoveryLogRow
from prime_jennie.infra.fakes.broker import InMemoryBroker
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.halts import HaltDesk
from prime_jennie.infra.outages import Outages
from tests.support.order_desk import ACCOUNT, SAMSUNG, STRATEGY

HYNIX = "000660"


def kst(hour: int, minute: int = 0, *, day: int = 4, month: int = 3, year: int = 2025) -> datetime:
    """Return a moment in Seoul, 4 March 2025 unless told otherwise."""
    return datetime(year, month, day, hour, minute, tzinfo=UTC) - timedelta(hours=9)


class MoodyBroker(InMemoryBroker):
    """Refuses the calls that a test names, and the app key when it is told to."""

    down: frozenset[str] = frozenset()
    key_refused = False

    async def ensure_token(self) -> None:
        self._demand("ensure_token")
        if self.key_refused:
            raise BrokerRefused("EGW00103", "유효하지 않은 AppKey입니다.")

    async def balance(self) -> PortfolioState:
        self._demand("balance")
        return await super().balance()

    async def orders_of_day(self, day: Any) -> Any:
        self._demand("orders_of_day")
        return await super().orders_of_day(day)

    def _demand(self, call: str) -> None:
        if call in self.down or "everything" in self.down:
            raise Unavailable(f"the broker does not answer {call}")


class BreakableDatabase(Database):
    """A database that can be away."""

    away = False

    async def write(self, work: Any) -> Any:
        self._demand()
        return await super().write(work)

    async def read(self, work: Any) -> Any:
        self._demand()
        return await super().read(work)

    def _demand(self) -> None:
        if self.away:
            raise Unavailable("database: gone away")


class DayDesk:
    """One account's day; everything that a process holds is made anew by `restart`."""

    def __init__(self, redis: Redis, db: BreakableDatabase, now: datetime) -> None:
        self.redis = redis
        self.db = db
        self.clock = ManualClock(now)
        self.broker = MoodyBroker(self.clock, account_no=ACCOUNT, prices_krw={SAMSUNG: 70_000, HYNIX: 180_000})
        self.orders = OrderRepository(db)
        self.settled: list[datetime] = []
        self._leases = LeaseRepository(db)
        self._owners = 0
        self.lease: LeaseGrant | None = None

    async def restart(self) -> None:
        """Become a new process that owns the account."""
        if self.lease is not None:
            await self._leases.release(self.lease)
        self._owners += 1
        self.lease = await self._leases.acquire("kis:day", f"owner-{self._owners}", 600)
        assert self.lease is not None
        held = self.lease
        sessions = load_sessions()
        self.breaker = CircuitBreaker(self.clock, failures=3, open_secs=60)
        self.market = MarketDay(self.broker, sessions, self.clock, asks=True)
        self.socket = SimpleNamespace(status=SocketStatus(connected=True), wanted=(), hears_notices=True)
        self.unknown_losses: dict[str, str] = {}
        self.guard = BuyGuard(
            cast(Any, self.socket),
            sessions,
            self.clock,
            wants_notices=True,
            unknown_losses=lambda: self.unknown_losses,
        )
        self.ownership = SimpleNamespace(is_ready=True, held=lambda: held, grant=lambda: held, epoch=held.epoch)
        owner = cast(Any, self.ownership)
        self.fills = FillKeeper(
            account=ACCOUNT,
            broker=self.broker,
            orders=self.orders,
            fills=FillRepository(self.db),
            ownership=owner,
            clock=self.clock,
            poll_secs=3,
            outages=Outages(),
        )
        resolver = Resolver(
            account=ACCOUNT, broker=self.broker, orders=self.orders, fills=self.fills, clock=self.clock, every_secs=5
        )
        self.positions = PositionSync(
            account=ACCOUNT, broker=self.broker, db=self.db, fills=self.fills, ownership=owner, clock=self.clock
        )
        self.states = MarketStateRepository(self.db, ACCOUNT, "kis-gateway")
        self.recovery = Recovery(
            account=ACCOUNT,
            broker=self.broker,
            orders=self.orders,
            fills=self.fills,
            resolver=resolver,
            positions=self.positions,
            states=self.states,
            ownership=owner,
            market=self.market,
            clock=self.clock,
        )
        alerts = Alerts(self.redis, self.clock, "kis-gateway")
        self.registrations = Registrations(self.redis, self.broker, alerts, self.clock)
        steps = DaySteps(
            account=ACCOUNT,
            environment=Environment.MOCK,
            db=self.db,
            redis=self.redis,
            broker=self.broker,
            orders=self.orders,
            fills=self.fills,
            positions=self.positions,
            recovery=self.recovery,
            standings=Standings(self.redis, self.db, HaltDesk(self.redis, self.db, ACCOUNT)),
            market=self.market,
            guard=self.guard,
            registrations=self.registrations,
            clock=self.clock,
        )
        self.day = Lifecycle(
            states=self.states,
            steps=steps,
            recovery=self.recovery,
            positions=self.positions,
            losses=LossWatch(self.db, self.breaker, self.broker),
            drift=DriftWatch(self.positions, self.guard, alerts, self.clock),
            cancels=cast(Any, self),
            guard=self.guard,
            ownership=owner,
            market=self.market,
            sessions=sessions,
            alerts=alerts,
            clock=self.clock,
        )

    async def settle_buys(self) -> None:
        """Stand in for the cancellations before the close."""
        self.settled.append(self.clock.now())

    async def at(self, moment: datetime) -> MarketState:
        """Let a moment come and return where the day then stands."""
        self.clock.set(moment)
        await self.day.look()
        return self.state

    @property
    def state(self) -> MarketState:
        return self.day.standing.state

    def blocked(self, strategy: str = STRATEGY) -> str:
        """Return the code that refuses a buy, "" when none does."""
        return (self.guard.refuses(strategy) or "").split(":")[0]

    async def send(
        self, side: TradeType, quantity: int, *, code: str = SAMSUNG, strategy: str = STRATEGY, limit: int | None = None
    ) -> str:
        """Bring an order to the broker as the gateway does, and return its id; nothing is levelled or booked."""
        assert self.lease is not None
        order_type = OrderType.MARKET if limit is None else OrderType.LIMIT
        key = f"{side.value}-{code}-{strategy}-{self.clock.now().isoformat()}-{quantity}"
        new = NewIntent(ACCOUNT, strategy, key, code, side, order_type, quantity, limit, "test")
        intent = (await self.orders.commit_intent(new, lease=self.lease, at=self.clock.now())).intent
        await self.orders.begin_dispatch(intent.id, lease=self.lease, at=self.clock.now())
        request = OrderRequest(stock_code=code, quantity=quantity, order_type=order_type, price=limit)
        ref = await (self.broker.buy(request) if side is TradeType.BUY else self.broker.sell(request))
        await self.orders.accept(
            intent.id,
            broker_order_no=ref.order_no,
            broker_org_no=ref.org_no,
            order_date=self.clock.now().astimezone(KST).date(),
            at=self.clock.now(),
        )
        return intent.id

    async def hold(self, quantity: int, *, code: str = SAMSUNG, strategy: str = STRATEGY) -> None:
        """Buy shares and book them."""
        self.clock.advance(1)
        await self.send(TradeType.BUY, quantity, code=code, strategy=strategy)
        await self.fills.level()
        await Bookkeeper(self.db, load_sessions().settlement_day).book_strategy(ACCOUNT, strategy)

    async def by_hand(self, side: TradeType, quantity: int, code: str = SAMSUNG) -> None:
        """Trade as a person does with the broker's own program."""
        request = OrderRequest(stock_code=code, quantity=quantity)
        await (self.broker.buy(request) if side is TradeType.BUY else self.broker.sell(request))

    async def rows(self, table: Any) -> list[Any]:
        """Return a table's rows in the order they were written."""

        def work(session: Session) -> list[Any]:
            return list(session.execute(select(table).order_by(*table.__table__.primary_key.columns)).scalars())

        return await self.db.read(work)  # type: ignore[no-any-return]

    async def stored(self) -> MarketStateRow:
        """Return the newest day as it is written."""
        found: MarketStateRow = (await self.rows(MarketStateRow))[-1]
        return found

    async def log(self) -> list[RecoveryLogRow]:
        """Return every recovery."""
        return await self.rows(RecoveryLogRow)

    async def changes(self) -> list[str]:
        """Return the states that were reached, in order."""
        events = [row for row in await self.rows(EventRow) if row.kind == "market.state"]
        return [str(row.payload["state"]) for row in events]
