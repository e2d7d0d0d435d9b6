"""command-handler's room without its edges: a real Redis and database, a gateway and a clock in memory."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from redis.asyncio import Redis
from sqlalchemy import select

from command_handler.app import Room, furnish
from command_handler.config import CommandSettings
from command_handler.desk import CommandDesk
from command_handler.replies import Reply, as_text
from command_handler.switchboard import Said
from prime_jennie.domain.broker import AccountInfo, Environment
from prime_jennie.domain.keys import Keyspace, RedisKeys
from prime_jennie.domain.macro import TradingContext
from prime_jennie.domain.market import MarketRegime, Tick, TickBatch
from prime_jennie.domain.reader import Language
from prime_jennie.domain.sessions import KST
from prime_jennie.domain.signals import BuySignal, SellOrder
from prime_jennie.domain.symbols import Market, StockMaster
from prime_jennie.domain.topics import BUY_SIGNALS, SELL_ORDERS, TICKS
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.masters import ListedStock, MasterRepository
from prime_jennie.infra.database.tables.journal import EventRow
from prime_jennie.infra.database.tables.portfolio import ActivePortfolioRow
from prime_jennie.infra.fakes.broker import InMemoryBroker
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.fakes.gateway import InMemoryGateway
from prime_jennie.infra.halts import HaltDesk
from prime_jennie.infra.outages import Outages
from prime_jennie.infra.redis.streams import TypedStreamPublisher

ACCOUNT, STRATEGY = "12345678-01", "krx-core"
NOON = datetime(2025, 3, 10, 3, 0, tzinfo=UTC)  # a Monday, 12:00 in Seoul
SAMSUNG, HYNIX = "005930", "000660"
STOCKS = {
    SAMSUNG: ("삼성전자", 72_000),
    HYNIX: ("SK하이닉스", 200_000),
    "373220": ("LG에너지솔루션", 350_000),
    "051910": ("LG화학", 250_000),
    "003550": ("LG", 65_000),
    "035420": ("NAVER", 180_000),
    "0004Y0": ("알파 스팩", 2_000),
}
_CODE = re.compile(r"(?:확인|confirm) (\d{4})$")
_numbers = count(1)


class Commanding:
    """A room with one strategy and a bull market, unless a test says otherwise."""

    def __init__(self, redis: Redis, db: Database, now: datetime = NOON, **settings: Any) -> None:
        self.redis = redis
        self.db = db
        self.clock = ManualClock(now)
        self.broker = InMemoryBroker(self.clock, prices_krw={code: price for code, (_, price) in STOCKS.items()})
        self.gateway = InMemoryGateway(self.broker)
        self.settings = CommandSettings(**{"command_every_secs": 0, **settings})
        self.keys = Keyspace(STRATEGY)
        self.halts = HaltDesk(redis, db, ACCOUNT)
        self.room = self.furnished()

    def furnished(self) -> Room:
        """Return a new process's room over the same stores."""
        return furnish(
            CommandDesk(
                settings=self.settings,
                clock=self.clock,
                redis=self.redis,
                db=self.db,
                gateway=self.gateway,
                sessions=load_sessions(),
                outages=Outages(),
                namespace="default",
                account=AccountInfo(account_no=ACCOUNT, environment=Environment.MOCK),
                halts=self.halts,
            )
        )

    async def open(self) -> None:
        """List the stocks, announce the strategy, set the regime."""
        await self.list_stocks({code: name for code, (name, _) in STOCKS.items()})
        await self.announce(STRATEGY)
        await self.set_regime()

    async def list_stocks(self, names: Mapping[str, str]) -> None:
        """Add stocks to the master."""
        masters = [
            ListedStock(StockMaster(stock_code=code, stock_name=name, market=Market.KOSPI))
            for code, name in names.items()
        ]
        await MasterRepository(self.db).upsert(masters, at=self.clock.now())

    async def announce(self, name: str, generation: int = 1, **spec: Any) -> None:
        """Announce a strategy's configuration, of 50,000,000 won unless told."""
        given = {"capitalKrw": 50_000_000, **spec}
        live = LiveConfig.model_validate({"name": name, "generation": generation, "spec": given})
        await self.redis.set(Keyspace(name).of(RedisKeys.CONFIG), live.model_dump_json(by_alias=True))

    async def set_regime(self, **known: Any) -> None:
        """Write today's context."""
        given: dict[str, Any] = {
            "date": self.clock.now().astimezone(KST).date(),
            "market_regime": MarketRegime.BULL,
            "position_multiplier": 1.0,
            "stop_loss_multiplier": 1.0,
        }
        context = TradingContext(**(given | known))
        await self.redis.set(RedisKeys.REGIME_CURRENT.value, context.model_dump_json())

    async def ask(self, text: str, *, chat: str = "telegram:7", who: str = "Owner (7)", **known: Any) -> Reply:
        """Say something that is answered."""
        found = await self.hear(text, chat=chat, who=who, **known)
        assert found is not None, f"{text!r} was not answered"
        return found

    async def hear(self, text: str, *, chat: str = "telegram:7", who: str = "Owner (7)", **known: Any) -> Reply | None:
        """Say something that may stay unanswered."""
        given: dict[str, Any] = {"message_id": f"test:{next(_numbers)}", "chat": chat, "who": who, "text": text}
        return await self.room.switchboard.answer(Said(**(given | known)))

    async def say(self, text: str, **known: Any) -> str:
        """Say something and return the answer as a Korean console shows it."""
        return as_text(await self.ask(text, **known), Language.KOREAN)

    async def confirm(self, text: str, **known: Any) -> Reply:
        """Say what must be confirmed, and confirm it."""
        return await self.ask(f"확인 {code_in(await self.ask(text, **known))}", **known)

    async def hold(self, code: str = SAMSUNG, strategy: str = STRATEGY, **known: Any) -> ActivePortfolioRow:
        """Book a position of 100 shares at 70,000 won."""
        facts: dict[str, Any] = {
            "account": ACCOUNT,
            "strategy": strategy,
            "stock_code": code,
            "position_id": f"life-{code}",
            "stock_name": STOCKS[code][0],
            "quantity": 100,
            "average_buy_price": 70_000,
            "buy_commission_krw": 0,
            "scale_out_level": 0,
            "rsi_sold": False,
            "bought_at": self.clock.now() - timedelta(days=3),
            "updated_at": self.clock.now(),
        } | known
        facts.setdefault("total_buy_amount", round(facts["quantity"] * facts["average_buy_price"]))
        await self.db.write(lambda session: session.merge(ActivePortfolioRow(**facts)))
        return ActivePortfolioRow(**facts)

    async def tick(self, code: str, *prices: int, secs_ago: float = 0.0) -> None:
        """Print prices in one frame."""
        at = self.clock.now() - timedelta(seconds=secs_ago)
        ticks = tuple(
            Tick(stock_code=code, price=price, volume=1, cumulative_volume=1, ask=price, bid=price, high=price, at=at)
            for price in prices
        )
        await TypedStreamPublisher(self.redis, TICKS.stream.value, TickBatch).publish(TickBatch(ticks=ticks, at=at))

    async def signals(self, strategy: str = STRATEGY) -> list[BuySignal]:
        """Return what was published for the buy-executor."""
        entries = await self.redis.xrange(BUY_SIGNALS.stream_for(Keyspace(strategy)))
        return [BuySignal.model_validate_json(fields["payload"]) for _, fields in entries]

    async def sell_orders(self, strategy: str = STRATEGY) -> list[SellOrder]:
        """Return what was published for the sell-executor."""
        entries = await self.redis.xrange(SELL_ORDERS.stream_for(Keyspace(strategy)))
        return [SellOrder.model_validate_json(fields["payload"]) for _, fields in entries]

    async def events(self, kind: str) -> list[EventRow]:
        """Return the audit rows of a kind, oldest first."""
        query = select(EventRow).where(EventRow.kind == kind).order_by(EventRow.id)
        return await self.db.read(lambda session: list(session.scalars(query)))

    async def close(self) -> None:
        """Forget open questions, so that no task outlives the test."""
        await self.room.confirmations.close()


def code_in(reply: Reply) -> str:
    """Return the code that a question asks for."""
    found = _CODE.search(as_text(reply, Language.KOREAN))
    assert found is not None, as_text(reply, Language.KOREAN)
    return found[1]


@asynccontextmanager
async def commanding(redis: Redis, db: Database, **settings: Any) -> AsyncIterator[Commanding]:
    """Open a room for the block."""
    made = Commanding(redis, db, **settings)
    await made.open()
    try:
        yield made
    finally:
        await made.close()
