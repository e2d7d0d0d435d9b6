"""A sale before the open, on the real exchange: it waits for the opening print and fills there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, time
from pathlib import Path

from redis.asyncio import Redis

from kis_simulator.exchange.events import AccountOpened, DayOpened, Executed, OrderAccepted, StepDone
from kis_simulator.exchange.journal import Journal
from kis_simulator.exchange.orders import Kind, Pricing, Side
from prime_jennie.domain.broker import AccountInfo, Environment
from prime_jennie.domain.keys import Keyspace, RedisKeys
from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.sessions import KST
from prime_jennie.domain.signals import SellReason
from prime_jennie.domain.topics import SELL_ORDERS
from prime_jennie.domain.trading_strategy import LiveConfig, StrategyConfig
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.clock import open_clock
from prime_jennie.infra.database.repositories.bookkeeper import Bookkeeper
from prime_jennie.infra.database.repositories.inbox import SqlInbox
from prime_jennie.infra.desk import Desk
from prime_jennie.infra.halts import HaltDesk
from prime_jennie.infra.outages import Outages
from prime_jennie.infra.redis.connection import connect
from prime_jennie.infra.redis.live_config import LiveConfigSource
from prime_jennie.infra.redis.streams import TypedStreamPublisher
from prime_jennie.infra.tasks import end_tasks
from sell_executor.app import sell_loop
from sell_executor.config import SellExecutorSettings
from tests.support.eventually import eventually
from tests.support.exchange import ACCOUNT
from tests.support.exchange_customer import QUOTATIONS, Customer
from tests.support.executors import sell_order
from tests.support.gateway import HYNIX, SAMSUNG, STRATEGY, House, running_house
from tests.support.order_desk import OrderDesk, two_days_later

TUESDAY = date(2025, 3, 11)  # the day after the order desk's Monday
HELD = {SAMSUNG: 40, HYNIX: 12}
SELLER = f"{STRATEGY}:sell-executor"
LONG_SECS = 90.0  # ten minutes of the exchange's clock on a machine that does other work besides


def kst(clock: str) -> datetime:
    return datetime.combine(TUESDAY, time.fromisoformat(clock), KST).astimezone(UTC)


def write_holdings(journal: Path) -> None:
    """Let the exchange begin the morning with shares in the account."""
    orders = [
        OrderAccepted(
            number=f"{number:010}",
            kind=Kind.NEW,
            account=ACCOUNT,
            appkey_id="elsewhere",
            code=code,
            side=Side.BUY,
            pricing=Pricing.MARKET,
            quantity=shares,
            price=0,
            at=kst("08:31"),
        )
        for number, (code, shares) in enumerate(HELD.items(), start=1)
    ]
    fills = [
        Executed(order_no=order.number, quantity=order.quantity, price=50_000, commission_krw=0, tax_krw=0, at=order.at)
        for order in orders
    ]
    with Journal(journal) as written:
        written.append([DayOpened(day=TUESDAY.isoformat(), seed=7, source="synthetic", env="live")])
        written.append([AccountOpened(account=ACCOUNT, cash_krw=50_000_000), *orders, *fills])
        written.append([StepDone(at=kst("08:50"))])


async def book_holdings(house: House) -> None:
    desk = OrderDesk(house.db)
    for code, shares in HELD.items():
        await desk.traded(f"buy:{code}", TradeType.BUY, [(shares, 50_000)], stock_code=code)
    await Bookkeeper(house.db, two_days_later).book_strategy(ACCOUNT, STRATEGY)


@asynccontextmanager
async def selling(house: House, redis: Redis) -> AsyncIterator[SqlInbox]:
    """Run a sell-executor with its sweep, and give its inbox."""
    live = LiveConfig(name=STRATEGY, generation=1, spec=StrategyConfig())
    keys = Keyspace(STRATEGY)
    await redis.set(keys.of(RedisKeys.CONFIG), live.model_dump_json())
    config = LiveConfigSource(redis, service="sell-executor", strategy=STRATEGY, file=None)
    await config.load()
    async with open_clock(house.redis.url) as clock, house.client("sell-executor") as gateway:
        desk = Desk(
            service="sell-executor",
            clock=clock,
            redis=redis,
            db=house.db,
            gateway=gateway,
            account=AccountInfo(account_no=ACCOUNT, environment=Environment.MOCK),
            keyspace=keys,
            sessions=load_sessions(),
            config=config,
            halts=HaltDesk(redis, house.db, ACCOUNT),
            outages=Outages(),
        )
        loop = sell_loop(desk, SellExecutorSettings())
        tasks = [asyncio.create_task(loop.run()), asyncio.create_task(loop.sweep())]
        try:
            yield SqlInbox(house.db, clock)
        finally:
            await end_tasks(tasks)


async def test_everything_sold_by_hand_at_0850_fills_at_the_opening_print(tmp_path: Path) -> None:
    write_holdings(tmp_path / "journal")
    flags = ("--day", TUESDAY.isoformat(), "--at", "08:50")
    with running_house(tmp_path, rate="1", flags=flags) as house:
        await book_holdings(house)
        redis = connect(house.redis.url)
        stream = SELL_ORDERS.stream_for(Keyspace(STRATEGY))
        publisher = TypedStreamPublisher(redis, stream, SELL_ORDERS.model)
        async with selling(house, redis) as inbox:
            for code, shares in HELD.items():
                sale = sell_order(kst("08:50"), stock_code=code, sell_reason=SellReason.MANUAL, quantity=shares)
                await publisher.publish(sale)
            await eventually(lambda: len(house.exchange_orders()) == 4, within_secs=LONG_SECS, what="both sales wait")
            assert house.exchange.control("clock")["at"] < "09:00:00"
            house.exchange.move_clock(rate=60)

            async def ended() -> bool:
                return sum((await inbox.outcomes(SELLER)).values()) == len(HELD)

            await eventually(ended, within_secs=LONG_SECS, what="both sales have an outcome")
            assert await inbox.outcomes(SELLER) == {"sold": len(HELD)}
        await redis.aclose()
        customer = Customer(house.exchange, "Q" * 36)
        fills = [fill for fill in house.ledger()["fills"] if fill["side"] == "SELL"]
        assert {fill["stock_code"]: fill["quantity"] for fill in fills} == HELD
        for fill in fills:
            quote = customer.get(
                f"{QUOTATIONS}/inquire-price", "FHKST01010100", FID_INPUT_ISCD=fill["stock_code"]
            ).json()
            assert fill["price"] == int(quote["output"]["stck_oprc"])
