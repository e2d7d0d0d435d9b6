"""The gateway's parts, opened once and closed together."""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis

from kis_gateway.breaker import CircuitBreaker
from kis_gateway.cancels import Cancels
from kis_gateway.checks import PreTradeChecks
from kis_gateway.config import GatewaySettings
from kis_gateway.day_results import DayMeter
from kis_gateway.day_steps import DaySteps
from kis_gateway.desk import OrderDesk
from kis_gateway.drift import DriftWatch
from kis_gateway.feed import Feed
from kis_gateway.fills import FillKeeper
from kis_gateway.guard import BuyGuard
from kis_gateway.halt_keeper import HaltKeeper
from kis_gateway.lifecycle import Lifecycle
from kis_gateway.line import BrokerLine
from kis_gateway.losses import LossWatch
from kis_gateway.market_day import MarketDay, phase_at
from kis_gateway.ownership import Ownership
from kis_gateway.position_sync import PositionSync
from kis_gateway.prices import Prices
from kis_gateway.protection import Protection
from kis_gateway.quota import BuyQuota
from kis_gateway.recovery import Recovery
from kis_gateway.registrations import Registrations
from kis_gateway.resolver import Resolver
from kis_gateway.risk import RiskEngine
from kis_gateway.standing import Standings
from kis_gateway.unread import UnreadMessages
from prime_jennie.domain.broker import Environment
from prime_jennie.domain.ports import Clock
from prime_jennie.infra.alerts import Alerts
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.clients.kis.auth import AppKey
from prime_jennie.infra.clients.kis.broker import KisBroker
from prime_jennie.infra.clients.kis.trs import transaction_ids
from prime_jennie.infra.clients.kis.websocket import SocketSettings
from prime_jennie.infra.clock import open_clock
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.fills import FillRepository
from prime_jennie.infra.database.repositories.leases import LeaseRepository
from prime_jennie.infra.database.repositories.market_states import MarketStateRepository
from prime_jennie.infra.database.repositories.orders import OrderRepository
from prime_jennie.infra.database.repositories.positions import PositionRepository
from prime_jennie.infra.database.repositories.tokens import TokenRepository, app_key_hash
from prime_jennie.infra.halts import HaltDesk
from prime_jennie.infra.outages import Outages
from prime_jennie.infra.redis.connection import connect
from prime_jennie.infra.redis.limiter import GcraLimiter
from prime_jennie.infra.runtime import survive

NAME: Final = "kis-gateway"


@dataclass(frozen=True)
class Parts:
    settings: GatewaySettings
    clock: Clock
    redis: Redis
    db: Database
    broker: KisBroker
    breaker: CircuitBreaker
    line: BrokerLine
    ownership: Ownership
    market: MarketDay
    orders: OrderRepository
    fills: FillKeeper
    resolver: Resolver
    desk: OrderDesk
    cancels: Cancels
    halt_keeper: HaltKeeper
    protection: Protection
    risk: RiskEngine
    lifecycle: Lifecycle
    feed: Feed
    registrations: Registrations
    unread: UnreadMessages
    outages: Outages

    async def reconcile(self) -> None:
        """Learn from the broker what became of everything before this owner; orders are accepted only afterwards."""
        await self.lifecycle.start()
        await self.market.opens_today()  # so that the day's first order need not wait for the calendar

    def loops(self) -> dict[str, Coroutine[Any, Any, None]]:
        """Return what runs beside the requests."""
        return {
            "lease": self.ownership.run(self.reconcile),
            "exchange-websocket": self._stream(),
            "ticks": survive("ticks", self.feed.run, self.outages),
            "notices": survive("notices", self.fills.listen, self.outages),
            "fills": survive("fills", self._as_owner(self.fills.run), self.outages),
            "resolver": survive("resolver", self._as_owner(self.resolver.run), self.outages),
            "halts": survive("halts", self.cancels.watch_halts, self.outages),
            "risk": survive("risk", self.risk.run, self.outages),
            "lifecycle": survive("lifecycle", self._as_owner(self.lifecycle.run), self.outages),
            "halt-copies": survive("halt-copies", self.halt_keeper.run, self.outages),
            "protection": survive("protection", self.protection.run, self.outages),
            "unread": survive("unread", self.unread.run, self.outages),
        }

    async def _stream(self) -> None:
        await self.ownership.gained.wait()  # an app key has one session: a standby must not take it
        await self.registrations.restore()
        await self.broker.run()

    def _as_owner(self, work: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        async def wait_and_work() -> None:
            await self.ownership.gained.wait()
            await work()

        return wait_and_work


@asynccontextmanager
async def open_parts(settings: GatewaySettings) -> AsyncIterator[Parts]:
    """Connect to everything; nothing is sent before the loops run."""
    async with AsyncExitStack() as stack:
        clock = await stack.enter_async_context(open_clock(settings.clock_url))
        redis = connect(settings.redis_url)
        stack.push_async_callback(redis.aclose)
        db = Database(settings.database_url)
        stack.push_async_callback(db.close)
        parts = assemble(settings, clock, redis, db)
        stack.push_async_callback(parts.broker.close)
        yield parts
        await parts.desk.drain()
        await parts.ownership.release()


def assemble(settings: GatewaySettings, clock: Clock, redis: Redis, db: Database) -> Parts:
    """Bind the parts to each other."""
    account = settings.kis_account_no
    key_hash = app_key_hash(settings.kis_app_key.get_secret_value())
    outages = Outages()
    breaker = CircuitBreaker(clock, failures=settings.breaker_failures, open_secs=settings.breaker_open_secs)
    limiter = GcraLimiter(
        redis, key_hash[:16], settings.rest_per_sec, ledger_per_sec=settings.ledger_per_sec, virtual=clock.virtual
    )
    line = BrokerLine(
        limiter, breaker, clock, rest_per_sec=settings.rest_per_sec, ledger_per_sec=settings.ledger_per_sec
    )
    sessions = load_sessions(closures=settings.closures_file)
    unread = UnreadMessages(settings.state_folder, settings.secrets, clock)
    broker = _broker(settings, clock, db, line, lambda: phase_at(sessions, clock.now()).is_open, unread)
    has_calendar = transaction_ids(settings.kis_env).has_holidays
    market = MarketDay(broker, sessions, clock, asks=has_calendar)
    ownership = Ownership(LeaseRepository(db), f"kis:{key_hash[:32]}", settings.lease_secs)
    orders, executions = OrderRepository(db), FillRepository(db)
    prices = Prices(broker, clock)
    halts = HaltDesk(redis, db, account)
    standings = Standings(redis, db, halts)
    alerts = Alerts(redis, clock, NAME)
    fills = FillKeeper(
        account=account,
        broker=broker,
        orders=orders,
        fills=executions,
        ownership=ownership,
        clock=clock,
        poll_secs=settings.poll_orders_secs,
        outages=outages,
    )
    resolver = Resolver(
        account=account,
        broker=broker,
        orders=orders,
        fills=fills,
        clock=clock,
        every_secs=settings.resolve_every_secs,
    )
    risk = RiskEngine(
        account=account,
        account_limit_pct=settings.account_daily_loss_limit_pct,
        meter=DayMeter(account=account, db=db, broker=broker, prices=prices, sessions=sessions, clock=clock),
        halts=halts,
        standings=standings,
        orders=orders,
        market=market,
        sessions=sessions,
        ownership=ownership,
        alerts=alerts,
        outages=outages,
        clock=clock,
    )
    guard = BuyGuard(
        broker.socket,
        sessions,
        clock,
        wants_notices=settings.kis_hts_id is not None,
        unknown_losses=lambda: risk.unknown,
    )
    checks = PreTradeChecks(
        settings,
        broker=broker,
        market=market,
        prices=prices,
        standings=standings,
        risk=risk,
        guard=guard,
        orders=orders,
        fills=executions,
        positions=PositionRepository(db),
    )
    desk = OrderDesk(
        account=account,
        broker=broker,
        orders=orders,
        checks=checks,
        quota=BuyQuota(
            orders,
            standings,
            clock,
            account=account,
            most_a_day=settings.order_max_per_day,
            pause=lambda strategy, why: risk.pause(strategy, why, event="orders-a-minute"),
        ),
        line=line,
        ownership=ownership,
        fills=fills,
        resolver=resolver,
        clock=clock,
    )
    cancels = Cancels(
        account=account,
        broker=broker,
        orders=orders,
        line=line,
        ownership=ownership,
        fills=fills,
        standings=standings,
        clock=clock,
    )
    states = MarketStateRepository(db, account, NAME)
    positions = PositionSync(account=account, broker=broker, db=db, fills=fills, ownership=ownership, clock=clock)
    recovery = Recovery(
        account=account,
        broker=broker,
        orders=orders,
        fills=fills,
        resolver=resolver,
        positions=positions,
        states=states,
        ownership=ownership,
        market=market,
        clock=clock,
    )
    registrations = Registrations(redis, broker, alerts, clock)
    steps = DaySteps(
        account=account,
        environment=Environment(settings.kis_env),
        db=db,
        redis=redis,
        broker=broker,
        orders=orders,
        fills=fills,
        positions=positions,
        recovery=recovery,
        standings=standings,
        market=market,
        guard=guard,
        registrations=registrations,
        clock=clock,
    )
    lifecycle = Lifecycle(
        states=states,
        steps=steps,
        recovery=recovery,
        positions=positions,
        losses=LossWatch(db, breaker, broker),
        drift=DriftWatch(positions, guard, alerts, clock),
        cancels=cancels,
        guard=guard,
        ownership=ownership,
        market=market,
        sessions=sessions,
        alerts=alerts,
        clock=clock,
    )
    return Parts(
        settings=settings,
        clock=clock,
        redis=redis,
        db=db,
        broker=broker,
        breaker=breaker,
        line=line,
        ownership=ownership,
        market=market,
        orders=orders,
        fills=fills,
        resolver=resolver,
        desk=desk,
        cancels=cancels,
        halt_keeper=HaltKeeper(
            account=account,
            db=db,
            halts=halts,
            standings=standings,
            alerts=alerts,
            ownership=ownership,
            market=market,
            clock=clock,
        ),
        protection=Protection(
            account=account,
            db=db,
            guard=guard,
            alerts=alerts,
            ownership=ownership,
            market=market,
            clock=clock,
        ),
        risk=risk,
        lifecycle=lifecycle,
        feed=Feed(redis, broker, prices, clock, outages),
        registrations=registrations,
        unread=unread,
        outages=outages,
    )


def _broker(
    settings: GatewaySettings,
    clock: Clock,
    db: Database,
    line: BrokerLine,
    in_session: Callable[[], bool],
    unread: UnreadMessages,
) -> KisBroker:
    first_secs, most_secs = settings.backoff_secs
    return KisBroker.open(
        base_url=settings.base_url,
        timeout_secs=settings.kis_timeout_secs,
        app_key=AppKey(settings.kis_app_key, settings.kis_app_secret),
        environment=Environment(settings.kis_env),
        account_no=settings.kis_account_no,
        tokens=TokenRepository(db, settings.jennie_encryption_key.get_secret_value()),
        clock=clock,
        socket=SocketSettings(
            url=settings.ws_url,
            notice_stream=transaction_ids(settings.kis_env).notice_stream,
            hts_id=settings.kis_hts_id,
            silence_secs=settings.ws_silence_secs,
            backoff_first_secs=first_secs,
            backoff_most_secs=most_secs,
        ),
        in_session=in_session,
        permit=line.permit,
        unread=unread.keep,
    )
