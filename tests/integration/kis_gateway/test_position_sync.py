"""Books and broker are levelled: what was sold by hand leaves the books, what was bought by hand is never ours."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import delete, update

from kis_gateway.drift import COMPARE_EVERY, CONFIRM_AFTER
from kis_gateway.position_sync import NOT_ITS_TRADES, SOLD_ELSEWHERE
from prime_jennie.domain.errors import Conflict
from prime_jennie.domain.holdings import Correction
from prime_jennie.domain.lifecycle import MarketState, RecoveryStatus
from prime_jennie.domain.orders import TradeType
from prime_jennie.infra.database.repositories.fills import FillRepository
from prime_jennie.infra.database.repositories.holdings import Amendment, HoldingRepository
from prime_jennie.infra.database.repositories.stock_locks import StockLockRepository
from prime_jennie.infra.database.tables.journal import EventRow
from prime_jennie.infra.database.tables.portfolio import ActivePortfolioRow, PositionCorrectionRow, TradeLogRow
from prime_jennie.infra.redis.connection import connect
from prime_jennie.strategy.position_sync import Way
from tests.support.database import database_url, mariadb_server, mariadb_url, migrate_empty, sqlite_url
from tests.support.day_desk import HYNIX, BreakableDatabase, DayDesk, kst
from tests.support.order_desk import ACCOUNT, SAMSUNG, STRATEGY
from tests.support.redis_server import RedisServer

__all__ = ["database_url", "mariadb_server", "mariadb_url", "sqlite_url"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    started = RedisServer(tmp_path_factory.mktemp("redis"))
    started.start()
    yield started
    started.kill()


@pytest.fixture
async def desk(database_url: str, server: RedisServer) -> AsyncIterator[DayDesk]:
    """A trading day at ten with ten shares of ours."""
    migrate_empty(database_url)
    redis = connect(server.url)
    await redis.flushall()
    db = BreakableDatabase(database_url)
    made = DayDesk(redis, db, kst(10))
    await made.restart()
    await made.day.start()
    await made.hold(10)
    yield made
    await db.close()
    await redis.aclose()


async def held(desk: DayDesk) -> dict[tuple[str, str], int]:
    return {(row.strategy, row.stock_code): row.quantity for row in await desk.rows(ActivePortfolioRow)}


async def test_where_nothing_was_done_by_hand_nothing_is_found_and_nothing_written(desk: DayDesk) -> None:
    report = await desk.day.sync(dry_run=False, who="kim")
    (line,) = report.lines
    assert (line.way, line.missing, line.unattributed) == (Way.MATCHED, 0, 0)
    assert report.corrections == ()
    assert await desk.rows(PositionCorrectionRow) == []


async def test_a_dry_run_tells_and_changes_nothing(desk: DayDesk) -> None:
    await desk.by_hand(TradeType.SELL, 4)
    report = await desk.day.sync(dry_run=True, who="kim")
    (planned,) = report.corrections
    assert (planned.quantity_before, planned.quantity_after, planned.applied) == (10, 6, False)
    assert await held(desk) == {(STRATEGY, SAMSUNG): 10}
    assert await desk.rows(PositionCorrectionRow) == []


async def test_shares_sold_by_hand_leave_the_books_with_a_row_and_an_event(desk: DayDesk) -> None:
    await desk.by_hand(TradeType.SELL, 4)
    report = await desk.day.sync(dry_run=False, who="kim")
    (done,) = report.corrections
    assert (done.applied, done.error, done.reason) == (True, None, SOLD_ELSEWHERE)
    (row,) = await desk.rows(ActivePortfolioRow)
    assert (row.quantity, row.total_buy_amount) == (6, 420_000)
    (correction,) = await desk.rows(PositionCorrectionRow)
    assert (correction.quantity_before, correction.quantity_after, correction.broker_quantity) == (10, 6, 6)
    assert (correction.who, correction.reason) == ("kim", SOLD_ELSEWHERE)
    event = (await desk.rows(EventRow))[-1]
    assert (event.kind, event.who, event.strategy) == ("position.corrected", "kim", STRATEGY)
    assert len(await desk.rows(TradeLogRow)) == 1  # no trade is invented
    assert (await FillRepository(desk.db).totals(ACCOUNT, STRATEGY))[SAMSUNG] == 6  # what may be sold
    again = await desk.day.sync(dry_run=False, who="kim")
    assert again.corrections == ()


async def test_a_position_sold_out_by_hand_takes_no_slot_any_more(desk: DayDesk) -> None:
    await desk.by_hand(TradeType.SELL, 10)
    report = await desk.day.sync(dry_run=False, who="kim")
    assert [line.way for line in report.lines] == [Way.ONLY_IN_BOOKS]
    assert await held(desk) == {}
    await desk.hold(3)
    assert await held(desk) == {(STRATEGY, SAMSUNG): 3}
    assert (await desk.day.sync(dry_run=True, who="kim")).corrections == ()


async def test_what_was_bought_elsewhere_is_shown_and_never_ours(desk: DayDesk) -> None:
    await desk.by_hand(TradeType.BUY, 5)
    await desk.by_hand(TradeType.BUY, 2, HYNIX)
    report = await desk.day.sync(dry_run=False, who="kim")
    assert {line.stock_code: (line.way, line.unattributed) for line in report.lines} == {
        SAMSUNG: (Way.QUANTITY_DIFFERS, 5),
        HYNIX: (Way.ONLY_AT_BROKER, 2),
    }
    assert report.corrections == ()
    assert await held(desk) == {(STRATEGY, SAMSUNG): 10}
    assert (await FillRepository(desk.db).totals(ACCOUNT, STRATEGY)) == {SAMSUNG: 10}
    await desk.restart()
    await desk.day.start()
    recovery = desk.day.status().recovery
    assert recovery is not None
    assert recovery.status is RecoveryStatus.SUCCESS
    assert recovery.details["unattributed"] == {SAMSUNG: 5, HYNIX: 2}
    assert desk.blocked() == ""


async def test_of_two_strategies_the_one_that_bought_last_loses_the_missing_shares(desk: DayDesk) -> None:
    await desk.hold(4, strategy="late")
    await desk.by_hand(TradeType.SELL, 5)
    report = await desk.day.sync(dry_run=False, who="kim")
    assert [(one.strategy, one.quantity_after) for one in report.corrections] == [("late", 0), (STRATEGY, 9)]
    assert await held(desk) == {(STRATEGY, SAMSUNG): 9}


async def test_drift_at_start_up_is_partial_and_blocks_only_its_strategy_until_it_is_levelled(desk: DayDesk) -> None:
    await desk.hold(3, code=HYNIX, strategy="other")
    await desk.by_hand(TradeType.SELL, 4)
    await desk.restart()
    await desk.day.start()
    assert desk.state is MarketState.TRADING
    log = (await desk.log())[-1]
    assert (log.status, log.mismatches_found, log.positions_recalculated) == ("PARTIAL", 1, 2)
    assert log.details["missing_at_broker"] == {SAMSUNG: 4}  # type: ignore[index]
    assert (desk.blocked(), desk.blocked("other")) == ("POSITION_DRIFT", "")
    assert desk.day.status().buys_allowed
    await desk.day.sync(dry_run=True, who="kim")
    assert desk.blocked() == "POSITION_DRIFT"
    await desk.day.sync(dry_run=False, who="kim")
    assert desk.blocked() == ""


async def test_drift_of_a_running_day_counts_when_a_second_look_sees_it(
    desk: DayDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.day.look()
    await desk.by_hand(TradeType.SELL, 4)
    desk.clock.advance(COMPARE_EVERY.total_seconds())
    await desk.day.look()
    assert desk.blocked() == ""
    desk.clock.advance(CONFIRM_AFTER.total_seconds())
    await desk.day.look()
    assert desk.blocked() == "POSITION_DRIFT"
    titles = [entry["payload"] for _, entry in await desk.redis.xrange("stream:alerts")]
    assert sum("position-sync" in title for title in titles) == 1
    await desk.by_hand(TradeType.BUY, 4)
    desk.clock.advance(COMPARE_EVERY.total_seconds())
    await desk.day.look()
    desk.clock.advance(CONFIRM_AFTER.total_seconds())
    await desk.day.look()
    assert desk.blocked() == ""


async def test_a_stock_with_an_order_at_work_is_neither_drift_nor_corrected(desk: DayDesk) -> None:
    await desk.send(TradeType.SELL, 3, limit=90_000)
    await desk.by_hand(TradeType.SELL, 4)
    report = await desk.day.sync(dry_run=False, who="kim")
    assert [(line.busy, line.missing) for line in report.lines] == [(True, 0)]
    assert report.corrections == ()
    await desk.restart()
    await desk.day.start()
    assert desk.blocked() == ""


async def test_a_sale_of_ours_between_the_two_looks_is_no_drift(desk: DayDesk) -> None:
    balance = desk.broker.balance

    async def while_selling() -> object:
        found = await balance()
        await desk.send(TradeType.SELL, 10)
        await desk.fills.level()
        return found

    desk.broker.balance = while_selling  # type: ignore[method-assign,assignment]
    look = await desk.positions.look()
    assert [one.busy for one in look.comparisons] == [True]
    assert look.drift == {}


async def test_shares_that_nobody_has_booked_yet_are_not_corrected(desk: DayDesk) -> None:
    desk.clock.advance(1)
    await desk.send(TradeType.SELL, 3)
    await desk.fills.level()
    await desk.by_hand(TradeType.SELL, 2)
    report = await desk.day.sync(dry_run=False, who="kim")
    (refused,) = report.corrections
    assert not refused.applied
    assert "under way" in str(refused.error)
    assert await held(desk) == {(STRATEGY, SAMSUNG): 10}


async def test_two_syncs_at_once_correct_once(desk: DayDesk) -> None:
    await desk.by_hand(TradeType.SELL, 4)
    reports = await asyncio.gather(*(desk.positions.sync(dry_run=False, who=f"p{n}") for n in range(4)))
    applied = [one for report in reports for one in report.corrections if one.applied]
    assert len(applied) == 1
    assert await held(desk) == {(STRATEGY, SAMSUNG): 6}
    assert len(await desk.rows(PositionCorrectionRow)) == 1


async def test_a_stock_that_another_sync_has_locked_is_left_to_it(desk: DayDesk) -> None:
    await desk.by_hand(TradeType.SELL, 4)
    locks = StockLockRepository(desk.db, ACCOUNT)
    await locks.acquire(SAMSUNG, "somebody")
    (refused,) = (await desk.positions.sync(dry_run=False, who="kim")).corrections
    assert "another position-sync" in str(refused.error)
    await locks.release(SAMSUNG, "somebody")
    (done,) = (await desk.positions.sync(dry_run=False, who="kim")).corrections
    assert done.applied
    assert await locks.holder(SAMSUNG) is None


async def test_a_position_that_moved_after_the_look_is_not_corrected(desk: DayDesk) -> None:
    (row,) = await desk.rows(ActivePortfolioRow)
    assert desk.lease is not None
    amendment = Amendment(ACCOUNT, "why", "kim", desk.clock.now(), desk.lease)
    holdings = HoldingRepository(desk.db)
    for correction in (
        Correction(STRATEGY, SAMSUNG, row.position_id, 9, 5),
        Correction(STRATEGY, SAMSUNG, "an older life", 10, 5),
        Correction("other", SAMSUNG, row.position_id, 10, 5),
    ):
        with pytest.raises(Conflict, match="changed since"):
            await holdings.correct(correction, 5, amendment)
    assert await held(desk) == {(STRATEGY, SAMSUNG): 10}


async def test_a_row_that_vanished_is_rebuilt_from_its_trades(desk: DayDesk) -> None:
    (before,) = await desk.rows(ActivePortfolioRow)
    await desk.db.write(lambda session: session.execute(delete(ActivePortfolioRow)))
    await desk.restart()
    await desk.day.start()
    assert desk.blocked() == "POSITION_DRIFT"
    assert (await desk.log())[-1].details["not_their_trades"] == [f"{STRATEGY}: {SAMSUNG}"]  # type: ignore[index]
    (done,) = (await desk.day.sync(dry_run=False, who="kim")).corrections
    assert (done.applied, done.reason, done.quantity_before, done.quantity_after) == (True, NOT_ITS_TRADES, 0, 10)
    (after,) = await desk.rows(ActivePortfolioRow)
    for name in ("quantity", "total_buy_amount", "average_buy_price", "buy_commission_krw", "stock_name", "bought_at"):
        assert getattr(after, name) == getattr(before, name), name
    assert (await desk.rows(EventRow))[-1].kind == "position.restored"
    assert desk.blocked() == ""


@pytest.mark.parametrize("quantity", [7, 13])
async def test_a_row_that_is_not_its_trades_is_set_right(desk: DayDesk, quantity: int) -> None:
    await desk.db.write(lambda session: session.execute(update(ActivePortfolioRow).values(quantity=quantity)))
    (done,) = (await desk.day.sync(dry_run=False, who="kim")).corrections
    assert (done.applied, done.quantity_after) == (True, 10)
    (row,) = await desk.rows(ActivePortfolioRow)
    assert (row.quantity, row.total_buy_amount, row.average_buy_price) == (10, 700_000, 70_000)


async def test_a_row_without_any_trade_is_removed(desk: DayDesk) -> None:
    await desk.hold(2, code=HYNIX)
    await desk.send(TradeType.SELL, 2, code=HYNIX)
    await desk.fills.level()
    await desk.db.write(
        lambda session: session.execute(
            update(ActivePortfolioRow).where(ActivePortfolioRow.stock_code == HYNIX).values(strategy="ghost")
        )
    )
    report = await desk.day.sync(dry_run=False, who="kim")
    restored = {(one.strategy, one.stock_code): one.quantity_after for one in report.corrections if one.applied}
    assert restored[("ghost", HYNIX)] == 0
    assert ("ghost", HYNIX) not in await held(desk)


async def test_a_wrong_row_and_missing_shares_are_both_set_right(desk: DayDesk) -> None:
    await desk.by_hand(TradeType.SELL, 4)
    await desk.db.write(lambda session: session.execute(update(ActivePortfolioRow).values(quantity=12)))
    report = await desk.day.sync(dry_run=False, who="kim")
    assert [one.applied for one in report.corrections] == [True, True]
    assert await held(desk) == {(STRATEGY, SAMSUNG): 6}
    assert desk.blocked() == ""
