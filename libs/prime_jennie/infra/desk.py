"""What a service that works for a strategy needs, opened once and closed together."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog
from redis.asyncio import Redis

from prime_jennie.domain.broker import AccountInfo
from prime_jennie.domain.health import DependencyHealth, DependencyStatus
from prime_jennie.domain.keys import Keyspace
from prime_jennie.domain.ports import Clock, Gateway
from prime_jennie.domain.sessions import SessionTable
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.clients.kis_gateway import GatewayClient
from prime_jennie.infra.clock import open_clock
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.schema import ExpectedSchema
from prime_jennie.infra.halts import HaltDesk
from prime_jennie.infra.outages import OUTAGES, UNANSWERED, Backoff, Outages
from prime_jennie.infra.redis.connection import connect
from prime_jennie.infra.redis.live_config import LiveConfigSource
from prime_jennie.infra.settings import ServiceSettings

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Desk:
    """Connections and identity of one service; `strategy` is "" for a service started alone."""

    service: str
    clock: Clock
    redis: Redis
    db: Database
    gateway: Gateway
    account: AccountInfo
    keyspace: Keyspace
    sessions: SessionTable
    config: LiveConfigSource
    halts: HaltDesk
    outages: Outages

    @property
    def strategy(self) -> str:
        """Return the strategy that this service works for."""
        return self.keyspace.strategy or ""

    async def dependencies(self) -> dict[str, DependencyHealth]:
        """Ask every dependency whether it answers, and name the loops that are interrupted."""
        return {
            "redis": await answers(self.redis.ping),
            "db": await answers(self.db.ping),
            "kis_gateway": await answers(self.gateway.info),
            **self.outages.as_dependencies(),
        }


@asynccontextmanager
async def open_desk(
    settings: ServiceSettings,
    service: str,
    *,
    schema: ExpectedSchema,
    check: Callable[[LiveConfig], None] | None = None,
) -> AsyncIterator[Desk]:
    """Open everything, wait for the tables and for the gateway to say whose account it is: without it no row has a key.

    Raises BadInput for a configuration file that is unreadable, or that `check` refuses.
    """
    async with AsyncExitStack() as stack:
        clock = await stack.enter_async_context(open_clock(settings.clock_url))
        redis = connect(settings.redis_url)
        stack.push_async_callback(redis.aclose)
        keyspace = Keyspace(settings.strategy)
        config = LiveConfigSource(
            redis, service=service, strategy=keyspace.strategy, file=settings.strategy_file, check=check
        )
        await config.load()  # before all waiting: wrong input is told at once
        db = Database(settings.database_url)
        stack.push_async_callback(db.close)
        await schema.wait_in(db)
        caller = service if keyspace.strategy is None else f"{keyspace.strategy}:{service}"
        gateway = await stack.enter_async_context(
            GatewayClient(settings.kis_gateway_url, settings.service_token, caller=caller)
        )
        account = await _account_of(gateway)
        yield Desk(
            service=service,
            clock=clock,
            redis=redis,
            db=db,
            gateway=gateway,
            account=account,
            keyspace=keyspace,
            sessions=load_sessions(closures=settings.closures_file),
            config=config,
            halts=HaltDesk(redis, db, account.account_no),
            outages=Outages(),
        )


async def _account_of(gateway: Gateway) -> AccountInfo:
    backoff = Backoff()
    while True:
        try:
            return await gateway.info()
        except OUTAGES as error:
            log.info("waiting for the gateway", error=f"{type(error).__name__}: {error}")
            await backoff.pause()


async def answers(question: Callable[[], Awaitable[object]]) -> DependencyHealth:
    """Ask one dependency a trivial question and report how that went."""
    asked_at = time.monotonic()
    try:
        await question()
    except UNANSWERED as error:
        return DependencyHealth(status=DependencyStatus.DOWN, message=f"{type(error).__name__}: {error}"[:200])
    return DependencyHealth(status=DependencyStatus.HEALTHY, latency_ms=round((time.monotonic() - asked_at) * 1000, 3))
