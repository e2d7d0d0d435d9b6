"""The day is settled once, after its close, from what is booked; on both databases."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from data_collector.settlement import settlement_task
from prime_jennie.domain.alerts import Alert
from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.market import DailyPrice
from prime_jennie.domain.orders import OrderRequest, TradeType
from prime_jennie.domain.sessions import KST
from prime_jennie.domain.settlement import DailySettlementEvent
from prime_jennie.domain.slots import SlotSkipped, SlotSource, Task
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.database.repositories.settlements import SETTLED, SettlementRepository
from prime_jennie.infra.database.tables.journal import EventRow
from prime_jennie.infra.database.tables.lifecycle import DailySettlementRow, DailySummaryRow
from prime_jennie.infra.database.tables.portfolio import DailyAssetSnapshotRow
from prime_jennie.infra.fakes.broker import InMemoryBroker
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.fakes.gateway import InMemoryGateway
from prime_jennie.infra.jobs import Job, JobDesk
from prime_jennie.infra.outages import Outages
from prime_jennie.infra.redis.connection import connect
from tests.support.order_desk import ACCOUNT, OPEN, SAMSUNG, STRATEGY, OrderDesk
from tests.support.redis_server import RedisServer
from tests.support.told_alerts import told_alerts

DAY = date(2025, 3, 10)
AFTER_CLOSE = datetime(2025, 3, 10, 6, 45, tzinfo=UTC)  # 15:45 in Seoul
HYNIX = "000660"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    started = RedisServer(tmp_path_factory.mktemp("redis"))
    started.start()
    yield started
    started.kill()


class House:
    """A day with its broker, its books and one settlement."""

    def __init__(self, db: Database, redis: Any, now: datetime = AFTER_CLOSE) -> None:
        self.db = db
        self.redis = redis
        self.clock = ManualClock(now)
        self.broker = InMemoryBroker(self.clock, account_no=ACCOUNT, prices_krw={SAMSUNG: 71_000, HYNIX: 180_000})
        self.gateway = InMemoryGateway(self.broker)
        self.desk = OrderDesk(db)
        self.job_desk = JobDesk(
            service="data-collector",
            worker_id="data-collector@here:1",
            clock=self.clock,
            redis=redis,
            db=db,
            gateway=self.gateway,
            sessions=load_sessions(),
            outages=Outages(),
            namespace="default",
        )

    async def trade(self, key: str, side: TradeType, quantity: int, price: int, **options: Any) -> None:
        await self.desk.traded(key, side, [(quantity, price)], **options)
        await self.desk.books.book_strategy(ACCOUNT, STRATEGY)

    async def settle(self, day: date = DAY) -> str:
        at = datetime.combine(day, datetime.min.time(), KST) + timedelta(hours=15, minutes=45)
        job = Job(
            slot=f"settle-{day:%Y%m%d}-1545",
            task=Task.SETTLEMENT,
            at=at,
            day=day,
            source=SlotSource.SCHEDULE,
            newest=True,
        )
        return await settlement_task(self.job_desk)(job)

    async def rows(self, table: Any) -> list[Any]:
        return await self.db.read(lambda session: list(session.execute(select(table)).scalars()))

    async def alerts(self) -> list[Alert]:
        return await told_alerts(self.redis)


@pytest.fixture
async def house(db: Database, server: RedisServer) -> AsyncIterator[House]:
    redis = connect(server.url)
    await redis.flushall()
    yield House(db, redis)
    await redis.aclose()


async def configure(house: House, name: str = STRATEGY, capital: int | None = 10_000_000) -> None:
    spec = {} if capital is None else {"capitalKrw": capital}
    await house.redis.set(f"{name}:config", f'{{"name": "{name}", "generation": 1, "spec": {_json(spec)}}}')


def _json(spec: dict[str, int]) -> str:
    return "{" + ", ".join(f'"{key}": {value}' for key, value in spec.items()) + "}"


async def test_a_day_is_settled_with_its_snapshots_its_summary_and_one_event(house: House) -> None:
    await configure(house)
    await house.trade("b", TradeType.BUY, 10, 70_000)
    await house.trade("s", TradeType.SELL, 4, 72_000, at=OPEN + timedelta(hours=1))
    reason = await house.settle()
    (settled,) = await house.rows(DailySettlementRow)
    assert (settled.account, settled.strategy, settled.trade_date) == (ACCOUNT, STRATEGY, DAY)
    assert settled.total_pnl == settled.realized_pnl + settled.unrealized_pnl
    assert 4_000 < settled.realized_pnl < 8_000
    assert 3_000 < settled.unrealized_pnl < 6_000
    (position,) = settled.positions_snapshot
    assert (position["symbol"], position["qty"], position["current_price"]) == (SAMSUNG, 6, 71_000)
    (summary,) = await house.rows(DailySummaryRow)
    assert (summary.total_trades, summary.winning_trades, summary.win_rate, summary.profit_factor) == (
        1,
        1,
        1.0,
        999.99,
    )
    snapshots = {row.strategy: row for row in await house.rows(DailyAssetSnapshotRow)}
    assert set(snapshots) == {"", STRATEGY}
    own = snapshots[STRATEGY]
    assert own.net_investment == 10_000_000
    assert own.stock_eval_amount == 6 * 71_000
    assert own.total_asset == own.cash_balance + own.stock_eval_amount
    assert abs(own.total_asset - (10_000_000 + settled.total_pnl)) < 1_500  # the costs of selling what is held
    assert snapshots[""].total_asset == house.broker.cash_krw
    (event,) = await house.rows(EventRow)
    told = DailySettlementEvent.model_validate(event.payload)
    assert (event.kind, told.total_pnl, told.settles_on) == (SETTLED, settled.total_pnl, date(2025, 3, 12))
    (alert,) = await house.alerts()
    assert "정산" in alert.title
    assert f"{settled.total_pnl:+,}" in alert.title
    assert f"{settled.realized_pnl:+,}" in reason


async def test_a_second_run_changes_nothing_and_tells_the_same_under_the_same_key(house: House) -> None:
    await configure(house)
    await house.trade("b", TradeType.BUY, 10, 70_000)
    first = await house.settle()
    (before,) = await house.rows(DailySettlementRow)
    house.broker.prices_krw[SAMSUNG] = 99_000
    assert (await house.settle()).split("; account")[0] == first.split("; account")[0]
    (after,) = await house.rows(DailySettlementRow)
    assert (after.total_pnl, after.created_at) == (before.total_pnl, before.created_at)
    assert len(await house.rows(EventRow)) == 1
    assert len({alert.key for alert in await house.alerts()}) == 1


async def test_eight_settlements_at_once_are_one(house: House) -> None:
    await configure(house)
    await house.trade("b", TradeType.BUY, 10, 70_000)
    await asyncio.gather(*(house.settle() for _ in range(8)))
    assert len(await house.rows(DailySettlementRow)) == 1
    assert len(await house.rows(EventRow)) == 1
    assert len(await house.rows(DailySummaryRow)) == 1


async def test_each_strategy_has_its_own_and_the_account_its_snapshot(house: House) -> None:
    await configure(house)
    await configure(house, "other", None)
    await house.trade("b", TradeType.BUY, 10, 70_000)
    await house.settle()
    assert {row.strategy for row in await house.rows(DailySettlementRow)} == {STRATEGY, "other"}
    assert {row.strategy for row in await house.rows(DailyAssetSnapshotRow)} == {STRATEGY, "other", ""}


async def test_executions_that_nobody_booked_are_booked_first(house: House) -> None:
    await house.desk.traded("b", TradeType.BUY, [(10, 70_000)])
    await house.settle()
    (settled,) = await house.rows(DailySettlementRow)
    assert settled.positions_snapshot[0]["qty"] == 10


async def test_an_order_of_unknown_fate_keeps_the_day_open(house: House) -> None:
    lease = await house.desk.lease()
    intent = (await house.desk.orders.commit_intent(house.desk.intent("x"), lease=lease, at=OPEN)).intent
    await house.desk.orders.begin_dispatch(intent.id, lease=lease, at=OPEN)
    with pytest.raises(Unavailable, match="unresolved"):
        await house.settle()
    assert await house.rows(DailySettlementRow) == []
    await house.desk.orders.mark_not_sent(intent.id, reason="absent", at=OPEN)
    await house.settle()


async def test_a_price_that_is_missing_is_said_everywhere(house: House) -> None:
    await configure(house)
    await house.trade("b", TradeType.BUY, 10, 70_000)
    del house.broker.prices_krw[SAMSUNG]
    reason = await house.settle()
    (settled,) = await house.rows(DailySettlementRow)
    (position,) = settled.positions_snapshot
    assert (position["current_price"], position["unrealized_pnl"], settled.unrealized_pnl) == (None, None, 0)
    assert "does not know" in position["metadata"]["price"]
    assert SAMSUNG in reason
    assert f"자산은 기록하지 않음: {SAMSUNG}" in (await house.alerts())[0].text


async def test_a_holding_without_a_price_leaves_a_gap_in_its_strategys_history_alone(house: House) -> None:
    """Its worth would be missing in the total, and the page would show a crash that never was."""
    await configure(house)
    await house.trade("b", TradeType.BUY, 10, 70_000)
    await configure(house, "krx-other")
    del house.broker.prices_krw[SAMSUNG]
    assert "its assets are not recorded" in await house.settle()
    snapshots = {row.strategy: row.total_asset for row in await house.rows(DailyAssetSnapshotRow)}
    assert snapshots == {"": house.broker.cash_krw, "krx-other": 10_000_000}


async def test_the_brokers_own_valuation_stands_in_for_a_missing_quote(house: House) -> None:
    await house.broker.buy(OrderRequest(stock_code=SAMSUNG, quantity=10))
    await house.trade("b", TradeType.BUY, 10, 70_000)
    balance = await house.broker.balance()

    async def known() -> Any:
        return balance

    del house.broker.prices_krw[SAMSUNG]
    house.broker.balance = known  # type: ignore[method-assign]
    await house.settle()
    (settled,) = await house.rows(DailySettlementRow)
    (position,) = settled.positions_snapshot
    assert (position["current_price"], position["metadata"]["price_source"]) == (71_000, "balance")


@pytest.mark.parametrize(
    ("day", "now", "why"),
    [
        (DAY, AFTER_CLOSE - timedelta(minutes=16), "closes at 15:30"),
        (date(2024, 11, 14), datetime(2024, 11, 14, 6, 45, tzinfo=UTC), "closes at 16:30"),
        (date(2025, 3, 9), AFTER_CLOSE, "no session"),
        (date(1999, 1, 4), AFTER_CLOSE, "unknown"),
    ],
)
async def test_nothing_is_settled_before_a_close(
    sqlite_db: Database, server: RedisServer, day: date, now: datetime, why: str
) -> None:
    redis = connect(server.url)
    house = House(sqlite_db, redis, now)
    with pytest.raises(SlotSkipped, match=why):
        await house.settle(day)
    assert await house.rows(DailyAssetSnapshotRow) == []
    await redis.aclose()


async def test_a_gateway_that_is_away_settles_nothing(house: House) -> None:
    house.gateway.down = True
    with pytest.raises(Unavailable):
        await house.settle()
    assert await house.rows(DailySettlementRow) == []


async def test_a_past_day_is_settled_by_its_bars_and_trades_of_then(house: House) -> None:
    await configure(house)
    await house.trade("b", TradeType.BUY, 10, 70_000)
    await house.trade("later", TradeType.SELL, 10, 90_000, at=OPEN + timedelta(days=1))
    bar = DailyPrice(
        stock_code=SAMSUNG,
        price_date=DAY,
        open_price=70_000,
        high_price=70_500,
        low_price=69_000,
        close_price=69_500,
        volume=1,
    )
    await PriceRepository(house.db).upsert_daily([bar])
    house.clock.advance(2 * 86_400)
    await house.settle()
    (settled,) = await house.rows(DailySettlementRow)
    (position,) = settled.positions_snapshot
    assert (position["qty"], position["current_price"], position["metadata"]["price_source"]) == (
        10,
        69_500,
        "daily bar",
    )
    assert settled.realized_pnl == 0
    assert [row.strategy for row in await house.rows(DailyAssetSnapshotRow)] == [STRATEGY]


async def test_a_past_day_without_bars_says_so(house: House) -> None:
    await house.trade("b", TradeType.BUY, 10, 70_000)
    house.clock.advance(2 * 86_400)
    reason = await house.settle()
    assert "no price" in reason
    assert await house.rows(DailyAssetSnapshotRow) == []
    assert await SettlementRepository(house.db).find(ACCOUNT, STRATEGY, DAY) is not None


async def test_a_day_without_any_trade_keeps_the_accounts_worth(house: House) -> None:
    assert "no strategy has traded" in await house.settle()
    (snapshot,) = await house.rows(DailyAssetSnapshotRow)
    assert (snapshot.strategy, snapshot.total_asset) == ("", house.broker.cash_krw)
