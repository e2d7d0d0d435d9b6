"""Halts, tokens, overrides, snapshots, masters, watermarks, signals and the status table keep what they are told."""

from datetime import date, timedelta

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.positions import DailySnapshot
from prime_jennie.domain.risk import WHOLE_ACCOUNT, Halt, HaltSource, HaltState
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.symbols import Market, StockMaster
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.configs import ConfigRepository
from prime_jennie.infra.database.repositories.halts import HaltRepository
from prime_jennie.infra.database.repositories.masters import ListedStock, MasterRepository
from prime_jennie.infra.database.repositories.positions import PositionRepository, as_position
from prime_jennie.infra.database.repositories.signals import SignalEntry, SignalLog
from prime_jennie.infra.database.repositories.snapshots import SnapshotRepository
from prime_jennie.infra.database.repositories.status import StatusQueries
from prime_jennie.infra.database.repositories.tokens import BrokerToken, TokenRepository
from prime_jennie.infra.database.tables.ownership import BrokerTokenRow
from tests.support.order_desk import ACCOUNT, OPEN, SAMSUNG, STRATEGY, OrderDesk

KEY = Fernet.generate_key().decode()


def halt(source: HaltSource, state: HaltState) -> Halt:
    return Halt(state=state, source=source, who="@trader", why="wild market", at=OPEN)


async def test_halts_of_the_account_bind_every_strategy(db: Database) -> None:
    halts = HaltRepository(db)
    await halts.set(ACCOUNT, WHOLE_ACCOUNT, halt(HaltSource.PERSON, HaltState.STOPPED))
    await halts.set(ACCOUNT, STRATEGY, halt(HaltSource.RISK, HaltState.PAUSED))
    assert {one.source for one in await halts.in_force(ACCOUNT, STRATEGY)} == {HaltSource.PERSON, HaltSource.RISK}
    assert [one.state for one in await halts.in_force(ACCOUNT, "krx-other")] == [HaltState.STOPPED]
    assert await halts.in_force("87654321-01", STRATEGY) == []


async def test_a_halt_is_lifted_only_where_it_was_set(db: Database) -> None:
    halts = HaltRepository(db)
    await halts.set(ACCOUNT, STRATEGY, halt(HaltSource.PERSON, HaltState.PAUSED))
    assert not await halts.lift(ACCOUNT, STRATEGY, HaltSource.RISK)
    assert not await halts.lift(ACCOUNT, WHOLE_ACCOUNT, HaltSource.PERSON)
    (still,) = await halts.in_force(ACCOUNT, STRATEGY)
    assert (still.strategy, still.source, still.who, still.at) == (STRATEGY, HaltSource.PERSON, "@trader", OPEN)
    assert await halts.lift(ACCOUNT, STRATEGY, HaltSource.PERSON)
    assert await halts.in_force(ACCOUNT, STRATEGY) == []


async def test_a_source_has_one_halt_at_a_time(db: Database) -> None:
    halts = HaltRepository(db)
    await halts.set(ACCOUNT, STRATEGY, halt(HaltSource.PERSON, HaltState.PAUSED))
    await halts.set(ACCOUNT, STRATEGY, halt(HaltSource.PERSON, HaltState.STOPPED))
    assert [one.state for one in await halts.in_force(ACCOUNT, STRATEGY)] == [HaltState.STOPPED]


async def test_a_milder_halt_replaces_nothing_until_the_graver_one_is_lifted(db: Database) -> None:
    halts = HaltRepository(db)
    stop = halt(HaltSource.PERSON, HaltState.STOPPED)
    assert await halts.set(ACCOUNT, STRATEGY, stop) == stop
    assert await halts.set(ACCOUNT, STRATEGY, halt(HaltSource.PERSON, HaltState.PAUSED)) == stop
    assert [one.state for one in await halts.in_force(ACCOUNT, STRATEGY)] == [HaltState.STOPPED]
    assert await halts.lift(ACCOUNT, STRATEGY, HaltSource.PERSON)
    pause = halt(HaltSource.PERSON, HaltState.PAUSED)
    assert await halts.set(ACCOUNT, STRATEGY, pause) == pause


async def test_tokens_lie_encrypted_and_come_back(db: Database) -> None:
    tokens = TokenRepository(db, KEY)
    token = BrokerToken("eyJ-secret", OPEN, OPEN + timedelta(hours=24))
    await tokens.save("PSkey", "access", BrokerToken("older", OPEN, OPEN + timedelta(hours=1)))
    await tokens.save("PSkey", "access", token)
    row = await db.read(lambda session: session.execute(select(BrokerTokenRow)).scalar_one())
    assert "eyJ-secret" not in row.secret
    assert "PSkey" not in row.app_key_hash
    assert await tokens.load("PSkey", "access", now=OPEN) == token
    assert await tokens.load("PSkey", "approval", now=OPEN) is None
    assert await tokens.load("other", "access", now=OPEN) is None
    assert "eyJ-secret" not in repr(token)


async def test_an_expired_token_or_another_encryption_key_is_no_token(db: Database) -> None:
    token = BrokerToken("secret", OPEN, OPEN + timedelta(hours=24))
    await TokenRepository(db, KEY).save("PSkey", "access", token)
    assert await TokenRepository(db, KEY).load("PSkey", "access", now=OPEN + timedelta(hours=24)) is None
    other = TokenRepository(db, Fernet.generate_key().decode())
    assert await other.load("PSkey", "access", now=OPEN) is None


def test_a_malformed_encryption_key_is_one_clear_error(sqlite_db: Database) -> None:
    with pytest.raises(BadInput, match="JENNIE_ENCRYPTION_KEY"):
        TokenRepository(sqlite_db, "too short")


async def test_overrides_say_who_and_when(db: Database) -> None:
    configs = ConfigRepository(db)
    await configs.put("scanner.minutes", "15", who="@trader", at=OPEN)
    await configs.put("scanner.minutes", "20", who="@other", at=OPEN + timedelta(minutes=1), description="calmer")
    row = await configs.get("scanner.minutes")
    assert row is not None
    assert (row.config_value, row.updated_by, row.updated_at) == ("20", "@other", OPEN + timedelta(minutes=1))
    assert len(await configs.all()) == 1
    assert await configs.get("nothing") is None


async def test_a_days_snapshot_is_replaced_not_doubled(db: Database) -> None:
    snapshots = SnapshotRepository(db)
    day = date(2025, 3, 10)
    for total in (50_000_000, 50_123_456):
        taken = DailySnapshot(
            snapshot_date=day, total_asset=total, cash_balance=40_000_000, stock_eval_amount=total - 40_000_000
        )
        await snapshots.save(ACCOUNT, STRATEGY, taken, position_count=3, at=OPEN)
    row = await snapshots.find(ACCOUNT, STRATEGY, day)
    assert row is not None
    assert (row.total_asset, row.position_count, row.realized_profit_loss) == (50_123_456, 3, None)


async def test_masters_keep_korean_names_sectors_and_shares(db: Database) -> None:
    masters = MasterRepository(db)
    listed = ListedStock(
        StockMaster(
            stock_code=SAMSUNG,
            stock_name="삼성전자",
            market=Market.KOSPI,
            market_cap=400_000_000_000_000,
            sector_group=SectorGroup.SEMICONDUCTOR_IT,
        ),
        shares=5_919_637_922,
        industry="통신 및 방송 장비 제조업",
    )
    await masters.upsert([listed], at=OPEN)
    await masters.upsert([listed], at=OPEN)
    assert await masters.find(SAMSUNG) == listed
    assert await masters.find("0004Y0") is None
    assert await masters.count() == 1
    assert await masters.names([SAMSUNG, "0004Y0"]) == {SAMSUNG: "삼성전자", "0004Y0": "0004Y0"}


async def test_a_watermark_only_rises_and_only_for_its_own_life(db: Database) -> None:
    desk, positions = OrderDesk(db), PositionRepository(db)
    order = await desk.traded("b", TradeType.BUY, [(10, 72_000)])
    position = (await desk.books.book(order.id))[0].position
    assert position is not None
    life = position.position_id
    assert await positions.raise_watermarks(ACCOUNT, STRATEGY, {SAMSUNG: (life, 75_000)}, at=OPEN) == 1
    assert await positions.raise_watermarks(ACCOUNT, STRATEGY, {SAMSUNG: (life, 74_000)}, at=OPEN) == 0
    assert await positions.raise_watermarks(ACCOUNT, STRATEGY, {SAMSUNG: ("older", 99_000)}, at=OPEN) == 0
    row = await positions.position(ACCOUNT, STRATEGY, SAMSUNG)
    assert row is not None
    assert row.high_watermark == 75_000
    valued = as_position(row, current_price=73_440)
    # 73,440 ÷ 72,000 = 1.02
    assert valued.profit_pct == pytest.approx(2.0)
    assert (valued.current_value, valued.bought_at, valued.stock_name) == (734_400, OPEN, SAMSUNG)


async def test_signals_are_logged_in_batches_with_their_reasons(db: Database) -> None:
    log = SignalLog(db)

    def entry(second: int, **facts: object) -> SignalEntry:
        values: dict[str, object] = {"status": "published", **facts}
        return SignalEntry(
            strategy=STRATEGY,
            signal_type="BUY",
            stock_code=SAMSUNG,
            stock_name="삼성전자",
            strategy_signal="DIP_BUY",
            price=72_000,
            market_regime="BULL",
            signal_at=OPEN + timedelta(seconds=second),
            created_at=OPEN,
            **values,  # type: ignore[arg-type]
        )

    await log.record([entry(2), entry(1, status="suppressed", suppressed_reason="cooldown"), entry(3)])
    await log.record([])
    rows = await log.entries(STRATEGY, OPEN)
    assert [row.signal_at for row in rows] == [OPEN + timedelta(seconds=second) for second in (1, 2, 3)]
    assert await log.counts(STRATEGY, OPEN) == {"published": 2, "cooldown": 1}
    assert await log.entries(STRATEGY, OPEN, OPEN + timedelta(seconds=1)) == []


async def test_the_status_table_tells_each_strategys_day(db: Database) -> None:
    desk = OrderDesk(db)
    await desk.traded("b", TradeType.BUY, [(4, 72_000), (6, 72_000)])
    sold = await desk.traded("s", TradeType.SELL, [(5, 75_000)])
    booked = await desk.books.book(sold.id)
    await desk.accepted("working")
    unknown = await desk.orders.commit_intent(desk.intent("unknown", TradeType.SELL), lease=await desk.lease(), at=OPEN)
    await desk.orders.begin_dispatch(unknown.intent.id, lease=await desk.lease(), at=OPEN)
    await HaltRepository(db).set(ACCOUNT, WHOLE_ACCOUNT, halt(HaltSource.PERSON, HaltState.PAUSED))
    await HaltRepository(db).set(ACCOUNT, "krx-other", halt(HaltSource.RISK, HaltState.STOPPED))
    core, other = await StatusQueries(db).strategies(OPEN)
    assert (core.strategy, core.positions, core.invested_krw) == (STRATEGY, 1, 360_000)
    assert (core.buys, core.sells, core.realised_krw) == (2, 1, booked[-1].trade.profit_amount)
    assert (core.open_orders, core.unresolved_orders) == (1, 1)
    assert core.halts == ("Paused by person (@trader): wild market",)
    assert (other.strategy, len(other.halts)) == ("krx-other", 2)
    later = (await StatusQueries(db).strategies(OPEN + timedelta(days=1)))[0]
    assert (later.buys, later.sells, later.realised_krw, later.positions) == (0, 0, 0, 1)
