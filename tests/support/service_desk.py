"""Start a service inside the test: real Redis and SQLite, a gateway and a clock in memory, its HTTP edge at hand."""

import asyncio
import importlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from redis.asyncio import Redis
from sqlalchemy import select

from prime_jennie.domain.alerts import Alert
from prime_jennie.domain.errors import Conflict
from prime_jennie.domain.keys import Keyspace, RedisKeys
from prime_jennie.domain.macro import TradingContext
from prime_jennie.domain.market import Tick, TickBatch
from prime_jennie.domain.signals import BuySignal, SellOrder
from prime_jennie.domain.topics import BUY_SIGNALS, SELL_ORDERS, TICKS
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.messages import SignalLogRow
from prime_jennie.infra.database.tables.portfolio import ActivePortfolioRow
from prime_jennie.infra.fakes.broker import InMemoryBroker
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.fakes.gateway import InMemoryGateway
from prime_jennie.infra.redis.streams import TypedStreamPublisher
from tests.support.database import migrate_empty
from tests.support.eventually import eventually
from tests.support.scanning import DAY, at, context
from tests.support.told_alerts import told_alerts

ACCOUNT, STRATEGY, TOKEN = "12345678-01", "krx-core", "krx-core.token"
SAMSUNG, HYNIX = "005930", "000660"


@dataclass
class DeskGateway(InMemoryGateway):
    """The gateway as a service holds it: a context that closes, with a list of who is subscribed."""

    wanted: list[str] = field(default_factory=list)
    full_for: set[str] = field(default_factory=set)
    """Stocks for which the broker has no room."""
    minutes_asked: list[str] = field(default_factory=list)

    async def __aenter__(self) -> "DeskGateway":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def subscribe(self, codes: Any, *, replace: bool = False) -> None:
        self._demand_up()
        if replace:
            self.wanted = [code for code in self.wanted if code in codes]
        if self.full_for.intersection(codes):
            raise Conflict("the broker's session has no room")
        self.wanted += [code for code in codes if code not in self.wanted]

    async def unsubscribe(self, codes: Any) -> None:
        self._demand_up()
        self.wanted = [code for code in self.wanted if code not in codes]

    async def minute_prices(self, code: str, minutes: int = 30) -> Any:
        self.minutes_asked.append(code)
        return await super().minute_prices(code, minutes)


class ServiceDesk:
    """The world around one service."""

    def __init__(self, folder: Path, redis: Redis, redis_url: str, now: datetime) -> None:
        self.redis = redis
        self.redis_url = redis_url
        self.database_url = f"sqlite:///{folder / 'prime-jennie.db'}"
        migrate_empty(self.database_url)
        self.db = Database(self.database_url)
        self.clock = ManualClock(now)
        self.broker = InMemoryBroker(self.clock, prices_krw={SAMSUNG: 10_000, HYNIX: 100_000})
        self.gateway = DeskGateway(self.broker)
        self.keys = Keyspace(STRATEGY)
        self.config_file = folder / "strategy.json"
        self.crashes: list[asyncio.Task[None]] = []
        self.configure()

    @property
    def environment(self) -> dict[str, Any]:
        """Return the settings that every service of a strategy has."""
        return {
            "redis_url": self.redis_url,
            "database_url": self.database_url,
            "strategy": STRATEGY,
            "strategy_file": self.config_file,
            "service_token": TOKEN,
        }

    def config(self, generation: int = 1, **spec: Any) -> LiveConfig:
        """Return a configuration: one stock, VOLUME_BREAKOUT alone, unless told otherwise."""
        given = {
            "watchlist": {"source": "static", "symbols": [{"code": SAMSUNG}]},
            "entries": [{"name": "VOLUME_BREAKOUT"}],
            **spec,
        }
        return LiveConfig.model_validate({"name": STRATEGY, "generation": generation, "spec": given})

    def configure(self, **spec: Any) -> None:
        """Write the mounted file."""
        self.config_file.write_text(self.config(**spec).model_dump_json(by_alias=True))

    async def announce(self, found: LiveConfig) -> None:
        """Announce a configuration as the operator does."""
        key = self.keys.of(RedisKeys.CONFIG)
        await self.redis.set(key, found.model_dump_json(by_alias=True))
        await self.redis.publish(key, str(found.generation))

    async def acknowledged(self, service: str) -> int:
        """Return the generation that a service says it works by."""
        return int(await self.redis.hget(self.keys.of(RedisKeys.CONFIG_ACK), service) or 0)

    async def set_regime(self, given: TradingContext | None = None) -> None:
        """Let the market be one of a regime, a bull's unless told."""
        await self.redis.set(RedisKeys.REGIME_CURRENT.value, (given or context()).model_dump_json())

    async def publish(self, batches: Iterable[TickBatch]) -> datetime:
        """Publish frames and let the clock come to the last one's time, which is returned."""
        publisher = TypedStreamPublisher(self.redis, TICKS.stream.value, TickBatch)
        last = self.clock.now()
        for batch in batches:
            await publisher.publish(batch)
            last = batch.at
        self.clock.set(last)
        return last

    async def play(self, ticks: Iterable[Tick], consumer: str, *, size: int = 1) -> None:
        """Publish ticks in frames of a size and return when the consumer has worked through them."""
        last = await self.publish(frames(ticks, size))
        await self.consumed(consumer, last)

    async def consumed(self, consumer: str, upto: datetime) -> None:
        """Wait until a consumer reports a position."""
        name = f"{STRATEGY}:{consumer}"
        await eventually(
            lambda: self.clock.positions.get(name, upto - timedelta(days=1)) >= upto, what=f"{name} at {upto}"
        )

    async def signals(self) -> list[BuySignal]:
        """Return what buy-scanner has published."""
        entries = await self.redis.xrange(BUY_SIGNALS.stream_for(self.keys))
        return [BuySignal.model_validate_json(fields["payload"]) for _, fields in entries]

    async def sell_orders(self) -> list[SellOrder]:
        """Return what price-monitor has published."""
        entries = await self.redis.xrange(SELL_ORDERS.stream_for(self.keys))
        return [SellOrder.model_validate_json(fields["payload"]) for _, fields in entries]

    async def alerts(self) -> list[Alert]:
        """Return what persons were told."""
        return await told_alerts(self.redis)

    async def rows(self) -> list[SignalLogRow]:
        """Return the decisions on record, in the order they were written."""
        return await self.db.read(lambda session: list(session.scalars(select(SignalLogRow).order_by(SignalLogRow.id))))

    async def hold(self, **known: Any) -> None:
        """Book a position, or another state of it."""
        row = position_row(**known)
        await self.db.write(lambda session: session.merge(row))

    async def sold(self, code: str = SAMSUNG) -> None:
        """Book the end of a position."""

        def work(session: Any) -> None:
            session.delete(session.get(ActivePortfolioRow, (ACCOUNT, STRATEGY, code)))

        await self.db.write(work)


def position_row(**known: Any) -> ActivePortfolioRow:
    """Return 100 shares bought yesterday at 100,000 KRW, so that one percent is 1,000 KRW."""
    facts: dict[str, Any] = {
        "account": ACCOUNT,
        "strategy": STRATEGY,
        "stock_code": SAMSUNG,
        "position_id": "life-1",
        "stock_name": "삼성전자",
        "quantity": 100,
        "average_buy_price": 100_000,
        "buy_commission_krw": 0,
        "high_watermark": None,
        "scale_out_level": 0,
        "rsi_sold": False,
        "bought_at": at("10:00") - timedelta(days=1),
        "updated_at": at("10:00") - timedelta(days=1),
    } | known
    facts.setdefault("total_buy_amount", round(facts["quantity"] * facts["average_buy_price"]))
    return ActivePortfolioRow(**facts)


def frames(ticks: Iterable[Tick], size: int = 1) -> list[TickBatch]:
    """Put ticks into frames of a size, each dated by its last tick."""
    given = list(ticks)
    return [
        TickBatch(ticks=tuple(given[first : first + size]), at=given[min(first + size, len(given)) - 1].at)
        for first in range(0, len(given), size)
    ]


def tick(
    clock: str, price: int, *, volume: int = 100, cumulative: int = 0, code: str = SAMSUNG, day: date = DAY
) -> Tick:
    """Return one trade at a KST time; the cumulative volume grows with the time unless told."""
    moment = at(clock, day)
    seen = cumulative or int((moment - at("08:00", day)).total_seconds()) * 10_000
    return Tick(
        stock_code=code, price=price, volume=volume, cumulative_volume=seen, ask=price, bid=price, high=price, at=moment
    )


def breakout(code: str = SAMSUNG) -> list[Tick]:
    """Return 19 quiet minutes from 09:00, one burst at 09:19 above their high, and the tick that completes it.

    The quiet closes alternate between 10,000 and 9,990, so RSI14 is (5×13+60) ÷ (5×13+60 + 5×13) ≈ 66. The burst
    closes at 10,050 on 1,000 shares: ten times the mean of 100. The completing tick trades at 10,060.
    """
    quiet = [tick(f"09:{minute:02}:10", 10_000 if minute % 2 == 0 else 9_990, code=code) for minute in range(19)]
    burst = [tick("09:19:10", 9_990, code=code), tick("09:19:40", 10_050, volume=900, code=code)]
    return [*quiet, *burst, tick("09:20:05", 10_060, code=code)]


def second_breakout(code: str = SAMSUNG) -> list[Tick]:
    """Return a second burst two minutes after the first one's signal: 5,000 shares at a new high of 10,080."""
    return [tick("09:21:10", 10_080, volume=5_000, code=code), tick("09:22:05", 10_090, code=code)]


@asynccontextmanager
async def started(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Run an application's lifespan and give a client of its HTTP edge."""
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service", trust_env=False) as client:
            yield client


async def ready(client: httpx.AsyncClient) -> None:
    """Wait until a service says that it is ready."""

    async def answers() -> bool:
        return (await client.get("/readyz")).status_code == 200

    await eventually(answers, what="/readyz")


@pytest.fixture
async def desk(
    tmp_path: Path, redis: Redis, redis_server: Any, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ServiceDesk]:
    """Return a desk at 08:50 with a bull market; at the end no background loop may have crashed."""
    made = ServiceDesk(tmp_path, redis, redis_server.url, at("08:50"))
    wire(made, monkeypatch)
    await made.set_regime()
    yield made
    made.db.close_now()
    assert made.crashes == [], "a background loop ended"
    left = [repr(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert left == [], f"tasks outlive their service: {left}"


def wire(made: ServiceDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let services open this desk instead of connecting to a gateway, and note a crash instead of dying of it."""

    @asynccontextmanager
    async def open_clock(_url: str | None) -> AsyncIterator[ManualClock]:
        yield made.clock

    for module in ("prime_jennie.infra.desk", "prime_jennie.infra.job_app"):
        monkeypatch.setattr(f"{module}.open_clock", open_clock)
        monkeypatch.setattr(f"{module}.GatewayClient", lambda *_args, **_kwargs: made.gateway)
    supervision = importlib.import_module("prime_jennie.infra.runtime.supervise")
    monkeypatch.setattr(supervision, "_on_done", lambda task: made.crashes.append(task))
