"""Executors on a real Redis and a real database, with a clock that a test moves and a gateway that plays the broker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

from redis.asyncio import Redis
from sqlalchemy import select

from buy_executor.app import buy_loop
from buy_executor.config import BuyExecutorSettings
from prime_jennie.domain.broker import AccountInfo, Environment
from prime_jennie.domain.keys import Keyspace, RedisKeys
from prime_jennie.domain.macro import TradingContext
from prime_jennie.domain.market import DailyPrice, MarketRegime
from prime_jennie.domain.positions import TradeNotification
from prime_jennie.domain.signals import BuySignal, SellOrder, SellReason, SignalType
from prime_jennie.domain.tiers import TradeTier
from prime_jennie.domain.topics import BUY_SIGNALS, SELL_ORDERS, TRADE_NOTIFICATIONS
from prime_jennie.domain.trading_strategy import LiveConfig, RiskSpec, StrategyConfig, WatchlistSpec, WatchlistSymbol
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.messages import InboxRow
from prime_jennie.infra.database.tables.portfolio import ActivePortfolioRow, TradeLogRow
from prime_jennie.infra.desk import Desk
from prime_jennie.infra.execution.courier import end_tasks
from prime_jennie.infra.execution.loop import ExecutorLoop
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.halts import HaltDesk
from prime_jennie.infra.outages import Outages
from prime_jennie.infra.redis.live_config import LiveConfigSource
from prime_jennie.infra.redis.streams import TypedStreamPublisher
from sell_executor.app import sell_loop
from sell_executor.config import SellExecutorSettings
from tests.support.eventually import eventually
from tests.support.sql_gateway import ACCOUNT, STRATEGY, SqlGateway

DAY = date(2025, 3, 10)  # a Monday
NOON = datetime(2025, 3, 10, 3, 0, tzinfo=UTC)  # 12:00 in Seoul
SAMSUNG, HYNIX = "005930", "000660"


class Floor:
    """One trading day: everything outlives the executors, which a test starts and kills."""

    def __init__(self, redis: Redis, db: Database, now: datetime = NOON, **spec: Any) -> None:
        self.redis = redis
        self.db = db
        self.clock = ManualClock(now)
        self.gateway = SqlGateway(db, self.clock)
        self.keys = Keyspace(STRATEGY)
        self.spec = StrategyConfig(
            **{
                "capital_krw": 50_000_000,
                "watchlist": WatchlistSpec(source="static", symbols=(WatchlistSymbol(code=SAMSUNG),)),
                "risk": RiskSpec(),
            }
            | spec
        )
        self.generation = 0
        self.list_stock(SAMSUNG, 72_100)

    def list_stock(self, code: str, price: int, *, pattern: int = 0) -> None:
        """Give a stock a price and eighty daily bars; stocks of different patterns do not move together."""
        self.gateway.prices[code] = price
        self.gateway.bars[code] = daily_bars(code, price, pattern)

    async def open(self) -> None:
        """Write the configuration and the regime."""
        await self.configure(self.spec)
        context = TradingContext(
            date=DAY, market_regime=MarketRegime.BULL, position_multiplier=1.0, stop_loss_multiplier=1.0
        )
        await self.redis.set(RedisKeys.REGIME_CURRENT.value, context.model_dump_json())

    async def configure(self, spec: StrategyConfig) -> None:
        """Announce a configuration."""
        self.generation += 1
        live = LiveConfig(name=STRATEGY, generation=self.generation, spec=spec)
        await self.redis.set(self.keys.of(RedisKeys.CONFIG), live.model_dump_json())

    async def desk(self, service: str) -> Desk:
        config = LiveConfigSource(self.redis, service=service, strategy=STRATEGY, file=None)
        await config.load()
        return Desk(
            service=service,
            clock=self.clock,
            redis=self.redis,
            db=self.db,
            gateway=self.gateway,
            account=AccountInfo(account_no=ACCOUNT, environment=Environment.MOCK),
            keyspace=self.keys,
            sessions=load_sessions(),
            config=config,
            halts=HaltDesk(self.redis, self.db, ACCOUNT),
            outages=Outages(),
        )

    async def buyer(self) -> ExecutorLoop[BuySignal]:
        """Start up a buy-executor as a new process does."""
        return buy_loop(await self.desk("buy-executor"), BuyExecutorSettings())[0]

    async def seller(self) -> ExecutorLoop[SellOrder]:
        """Start up a sell-executor as a new process does."""
        return sell_loop(await self.desk("sell-executor"), SellExecutorSettings())

    async def signal(self, **changes: Any) -> str:
        """Publish a buy signal and return its message id."""
        stream = BUY_SIGNALS.stream_for(self.keys)
        publisher = TypedStreamPublisher(self.redis, stream, BUY_SIGNALS.model)
        return f"{stream}:{await publisher.publish(buy_signal(self.clock.now(), **changes))}"

    async def sell(self, **changes: Any) -> str:
        """Publish a sell order and return its message id."""
        stream = SELL_ORDERS.stream_for(self.keys)
        publisher = TypedStreamPublisher(self.redis, stream, SELL_ORDERS.model)
        return f"{stream}:{await publisher.publish(sell_order(self.clock.now(), **changes))}"

    async def outcome(self, message_id: str) -> tuple[str, str] | None:
        """Return what came of a message; None while it is unfinished."""
        rows = await self.inbox()
        row = rows.get(message_id)
        return None if row is None or row.outcome is None else (row.outcome, row.reason or "")

    async def inbox(self) -> dict[str, InboxRow]:
        rows = await self.db.read(lambda session: list(session.execute(select(InboxRow)).scalars()))
        return {row.message_id: row for row in rows}

    async def finished(self, message_id: str) -> tuple[str, str]:
        """Wait for a message's outcome."""
        await eventually(lambda: self.outcome(message_id), what=f"outcome of {message_id}")
        found = await self.outcome(message_id)
        assert found is not None
        return found

    async def trades(self) -> list[TradeLogRow]:
        query = select(TradeLogRow).order_by(TradeLogRow.id)
        return await self.db.read(lambda session: list(session.execute(query).scalars()))

    async def positions(self) -> dict[str, ActivePortfolioRow]:
        query = select(ActivePortfolioRow)
        rows = await self.db.read(lambda session: list(session.execute(query).scalars()))
        return {row.stock_code: row for row in rows}

    async def notifications(self) -> dict[str, TradeNotification]:
        """Return what was told, by message id: a repeated id is taken once by every inbox."""
        entries = await self.redis.xrange(TRADE_NOTIFICATIONS.stream_for(self.keys))
        return {fields["id"]: TradeNotification.model_validate_json(fields["payload"]) for _entry_id, fields in entries}

    async def booked_matches_filled(self) -> None:
        """Check that every execution is booked once and positions follow from them."""
        totals = await self.gateway.fills.totals(ACCOUNT, STRATEGY)
        booked: dict[str, int] = {}
        for trade in await self.trades():
            booked[trade.stock_code] = booked.get(trade.stock_code, 0) + (
                trade.quantity if trade.trade_type == "BUY" else -trade.quantity
            )
        assert booked == totals
        held = {code: row.quantity for code, row in (await self.positions()).items()}
        assert held == {code: quantity for code, quantity in totals.items() if quantity}

    @asynccontextmanager
    async def running(self, *loops: ExecutorLoop[Any]) -> AsyncIterator[None]:
        """Run executors while the day goes on."""
        tasks = [asyncio.create_task(loop.run()) for loop in loops]
        day = asyncio.create_task(self.pass_time())
        try:
            yield
        finally:
            await end_tasks([*tasks, day])

    async def pass_time(self) -> None:
        """Let a second pass whenever somebody waits for it."""
        while True:
            await asyncio.sleep(0.01)
            if self.clock.sleeping:
                self.clock.advance(1)


def buy_signal(at: datetime, **changes: Any) -> BuySignal:
    """Return the signal of the rulebook's sizing vector: 58 shares at 72,100 with 50,000,000 won."""
    given: dict[str, Any] = {
        "stock_code": SAMSUNG,
        "stock_name": "삼성전자",
        "signal_type": SignalType.GOLDEN_CROSS,
        "signal_price": 72_100,
        "llm_score": 70,
        "hybrid_score": 70,
        "trade_tier": TradeTier.TIER1,
        "market_regime": MarketRegime.BULL,
        "timestamp": at,
    }
    return BuySignal(**(given | changes))


def sell_order(at: datetime, **changes: Any) -> SellOrder:
    """Return a profit target for the same stock."""
    given: dict[str, Any] = {
        "stock_code": SAMSUNG,
        "stock_name": "삼성전자",
        "sell_reason": SellReason.PROFIT_TARGET,
        "current_price": 73_500,
        "quantity": 58,
        "timestamp": at,
        "buy_price": 72_100.0,
        "profit_pct": 1.94,
        "holding_days": 0,
    }
    return SellOrder(**(given | changes))


def daily_bars(code: str, price: int, pattern: int = 0) -> list[DailyPrice]:
    """Return bars of the eighty sessions before the day, each with a true range of 2 % of the price.

    Closes go up and down by 0.1 % in a rhythm that differs by pattern.
    """
    sessions = load_sessions().sessions_between(DAY - timedelta(days=140), DAY - timedelta(days=1))
    spread = price // 100
    step = price // 1000
    rhythm = (2, 3, 5, 7)[pattern % 4]
    return [
        DailyPrice(
            stock_code=code,
            price_date=session.day,
            open_price=price,
            high_price=price + spread,
            low_price=price - spread,
            close_price=price + (step if number % rhythm == 0 else -step),
            volume=1_000,
        )
        for number, session in enumerate(sessions)
    ]
