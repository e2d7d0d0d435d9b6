"""The day goes from state to state by the session table, survives restarts, and stops when the house is blind."""

from collections.abc import AsyncIterator, Iterator
from datetime import date, datetime, timedelta

import pytest

from kis_gateway import lifecycle, losses
from kis_gateway.day_steps import Opened
from kis_gateway.recovery import NotLevelled
from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.keys import Keyspace, RedisKeys
from prime_jennie.domain.lifecycle import (
    MarketState,
    OpeningStep,
    RecoveryCause,
    RecoveryStatus,
    StepRecord,
    StepResult,
)
from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.trading_strategy import LiveConfig, StrategyConfig
from prime_jennie.infra.database.repositories.leases import StaleLease
from prime_jennie.infra.redis.connection import connect
from tests.support.database import database_url, mariadb_server, mariadb_url, migrate_empty, sqlite_url
from tests.support.day_desk import BreakableDatabase, DayDesk, kst
from tests.support.redis_server import RedisServer
from tests.support.told_alerts import told_alerts

__all__ = ["database_url", "mariadb_server", "mariadb_url", "sqlite_url"]
S = MarketState


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    started = RedisServer(tmp_path_factory.mktemp("redis"))
    started.start()
    yield started
    started.kill()


@pytest.fixture
async def desk(database_url: str, server: RedisServer) -> AsyncIterator[DayDesk]:
    async for made in opened(database_url, server):
        yield made


@pytest.fixture
async def lite(sqlite_url: str, server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DayDesk]:
    monkeypatch.setattr(losses, "LOST_AFTER_SECS", 0.0)
    monkeypatch.setattr(lifecycle, "RECOVER_EVERY_SECS", 0.0)
    async for made in opened(sqlite_url, server):
        yield made


async def opened(url: str, server: RedisServer) -> AsyncIterator[DayDesk]:
    migrate_empty(url)
    redis = connect(server.url)
    await redis.flushall()
    db = BreakableDatabase(url)
    made = DayDesk(redis, db, kst(7, 15))
    await made.restart()
    yield made
    db.away = False
    await db.close()
    await redis.aclose()


async def test_a_whole_day_passes_every_state_once(desk: DayDesk) -> None:
    await desk.day.start()
    assert desk.state is S.OFFLINE
    assert desk.blocked() == "MARKET_STATE"
    assert await desk.at(kst(8, 29)) is S.OFFLINE
    assert await desk.at(kst(8, 30)) is S.READY
    assert desk.blocked() == ""
    steps = [(step.step, step.result) for step in desk.day.standing.steps]
    assert [step for step, _ in steps] == [step.value for step in OpeningStep]
    assert StepResult.FAILED not in [result for _, result in steps]
    assert await desk.at(kst(9)) is S.TRADING
    assert await desk.at(kst(15, 25)) is S.TRADING
    assert desk.settled == [kst(15, 25)]
    assert await desk.at(kst(15, 30)) is S.CLOSED
    assert desk.blocked() == "MARKET_STATE"
    assert await desk.at(kst(23)) is S.CLOSED
    row = await desk.stored()
    assert (row.state, row.market_open_at, row.market_closed_at) == ("CLOSED", kst(8, 30), kst(15, 30))
    assert len(row.steps) == 9 + 2  # type: ignore[arg-type]
    assert await desk.changes() == ["OFFLINE", "INITIALIZING", "READY", "TRADING", "CLOSING", "CLOSED"]
    assert (row.recovery_status, [log.cause for log in await desk.log()]) == ("SUCCESS", ["start", "open"])
    assert "kis-gateway-lifecycle" in desk.clock.held


async def test_a_day_begins_without_the_wishes_of_strategies_that_are_gone(lite: DayDesk) -> None:
    await lite.registrations.add("krx-core/price-monitor", ["005930"])
    await lite.registrations.add("krx-gone/price-monitor", ["035420"])
    await lite.registrations.add("krx-holds/price-monitor", ["000660"])
    await lite.hold(10, code="000660", strategy="krx-holds")
    await lite.day.start()
    assert await lite.at(kst(8, 30)) is S.READY
    everything = ("005930", "035420", "000660")
    assert lite.broker.subscribed == everything, "where no strategy is known, none is known to be gone"
    live = LiveConfig(name="krx-core", generation=1, spec=StrategyConfig())
    await lite.redis.set(Keyspace("krx-core").of(RedisKeys.CONFIG), live.model_dump_json())
    assert await lite.at(kst(16)) is S.CLOSED
    assert await lite.at(kst(8, 31, day=10)) is S.READY
    assert lite.broker.subscribed == ("005930", "000660"), "what is held keeps its ticks"


async def test_the_next_session_opens_and_the_days_between_do_not(desk: DayDesk) -> None:
    await desk.day.start()
    for hour, state in ((9, S.TRADING), (16, S.CLOSED)):
        assert await desk.at(kst(hour, day=7)) is state
    assert await desk.at(kst(10, day=8)) is S.CLOSED  # a Saturday
    assert await desk.at(kst(8, 31, day=10)) is S.READY
    assert await desk.at(kst(9, day=10)) is S.TRADING


async def test_the_exam_days_hours_are_its_own(lite: DayDesk) -> None:
    exam = {"year": 2024, "month": 11, "day": 14}
    lite.clock = type(lite.clock)(kst(8, 0, **exam))
    lite.broker.clock = lite.clock
    await lite.restart()
    await lite.day.start()
    moments = [(9, 29, S.OFFLINE), (9, 30, S.READY), (10, 0, S.TRADING), (16, 29, S.TRADING), (16, 30, S.CLOSED)]
    for hour, minute, state in moments:
        assert await lite.at(kst(hour, minute, **exam)) is state


async def test_a_day_that_the_broker_calls_a_holiday_never_opens(lite: DayDesk) -> None:
    lite.broker.closed_days.add(kst(9).date())
    await lite.day.start()
    assert await lite.at(kst(10)) is S.OFFLINE
    assert lite.blocked() == "MARKET_STATE"


@pytest.mark.parametrize(
    ("until", "again", "state"),
    [
        (kst(8), kst(8, 10), S.OFFLINE),
        (kst(8, 40), kst(8, 45), S.READY),
        (kst(8, 40), kst(10), S.TRADING),
        (kst(11), kst(11, 5), S.TRADING),
        (kst(11), kst(16), S.CLOSED),
        (kst(16), kst(17), S.CLOSED),
    ],
)
async def test_a_new_owner_takes_the_day_up_where_its_session_is(
    desk: DayDesk, until: datetime, again: datetime, state: MarketState
) -> None:
    await desk.day.start()
    for moment in (kst(8, 30), kst(9), kst(15, 30)):
        if moment <= until:
            await desk.at(moment)
    await desk.at(until)
    opened_at = (await desk.stored()).market_open_at
    desk.clock.set(again)
    await desk.restart()
    await desk.day.start()
    assert desk.state is state
    row = await desk.stored()
    assert row.epoch == 2
    assert opened_at is None or row.market_open_at == opened_at
    assert (row.market_closed_at is not None) is (state is S.CLOSED)
    assert len(await desk.log()) >= 2


async def test_a_first_start_after_the_close_opens_nothing(lite: DayDesk) -> None:
    lite.clock.set(kst(16))
    await lite.day.start()
    assert lite.state is S.OFFLINE
    assert lite.recovery.has_levelled


async def test_a_gateway_that_died_while_closing_closes(lite: DayDesk) -> None:
    lite.clock.set(kst(11))
    await lite.day.start()
    lite.broker.down = frozenset({"orders_of_day"})
    lite.clock.set(kst(15, 30))
    await lite.day._become(S.CLOSING, "the session is over")
    lite.broker.down = frozenset()
    await lite.restart()
    await lite.day.start()
    assert lite.state is S.CLOSED
    assert (await lite.changes())[-5:] == ["OFFLINE", "INITIALIZING", "READY", "CLOSING", "CLOSED"]


async def test_without_the_broker_nothing_is_accepted_and_the_day_is_stopped_until_it_answers(desk: DayDesk) -> None:
    desk.clock.set(kst(10))
    desk.broker.down = frozenset({"everything"})
    for _ in range(3):
        with pytest.raises((NotLevelled, Unavailable)):
            await desk.day.start()
    assert desk.state is S.STOPPED
    assert not desk.recovery.has_levelled
    assert (await desk.changes()) == ["OFFLINE", "STOPPED"] or "STOPPED" in await desk.changes()
    desk.broker.down = frozenset()
    desk.market._failed_at = None  # the calendar is asked again after a minute
    await desk.day.start()
    await desk.day.look()
    assert desk.state is S.TRADING
    assert desk.blocked() == ""
    log = await desk.log()
    assert [row.status for row in log][-1] == "SUCCESS"
    assert len([row for row in log if row.status == "FAILED"]) <= 1  # one outage is one row


async def test_orders_that_cannot_be_listed_keep_the_gateway_from_taking_any(lite: DayDesk) -> None:
    lite.clock.set(kst(10))
    lite.broker.down = frozenset({"orders_of_day"})
    for _ in range(3):
        with pytest.raises(NotLevelled):
            await lite.day.start()
    assert lite.state is S.STOPPED
    (row,) = await lite.log()
    assert (row.status, row.details["attempts"]) == ("FAILED", 3)  # type: ignore[index]
    assert (await lite.stored()).recovery_status == "FAILED"
    lite.broker.down = frozenset()
    await lite.day.start()
    assert lite.state is S.TRADING
    assert (await lite.log())[0].status == "SUCCESS"


async def test_positions_that_cannot_be_compared_hold_back_buys_alone(lite: DayDesk) -> None:
    lite.clock.set(kst(10))
    lite.broker.down = frozenset({"balance"})
    await lite.day.start()  # returns: orders are level, sales may be sent
    assert lite.recovery.has_levelled
    assert lite.state is S.STOPPED
    assert lite.blocked() == "MARKET_STATE"
    assert "RECOVERY_FAILED" in [block.code.value for block in lite.guard.blocks()]
    await lite.day.look()
    assert lite.state is S.STOPPED
    lite.broker.down = frozenset()
    await lite.day.look()
    assert lite.state is S.TRADING
    assert lite.blocked() == ""


async def test_a_refused_app_key_stops_the_day_until_it_is_taken_again(lite: DayDesk) -> None:
    lite.clock.set(kst(10))
    await lite.day.start()
    lite.broker.key_refused = True
    await lite.day.look()
    await lite.day.look()
    assert lite.state is S.STOPPED
    assert "authentication" in lite.day.standing.reason
    assert lite.blocked() == "MARKET_STATE"
    await lite.day.look()
    assert lite.state is S.STOPPED
    lite.broker.key_refused = False
    await lite.day.look()
    assert lite.state is S.TRADING
    alerts = await told_alerts(lite.redis)
    assert [alert.level.value for alert in alerts] == ["CRITICAL"]
    assert "EGW00103" in alerts[0].text


async def test_a_broker_behind_an_open_breaker_stops_the_day(lite: DayDesk) -> None:
    lite.clock.set(kst(10))
    await lite.day.start()
    for _ in range(3):
        lite.breaker.failed()
    lite.broker.down = frozenset({"everything"})
    await lite.day.look()
    await lite.day.look()
    assert lite.state is S.STOPPED
    assert "broker" in lite.day.standing.reason
    lite.breaker.succeeded()
    lite.broker.down = frozenset()
    await lite.day.look()
    assert lite.state is S.TRADING


async def test_a_short_loss_stops_nothing(lite: DayDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses, "LOST_AFTER_SECS", 60.0)
    lite.clock.set(kst(10))
    await lite.day.start()
    lite.broker.key_refused = True
    for _ in range(3):
        await lite.day.look()
    assert lite.state is S.TRADING


async def test_a_lost_database_stops_the_day_at_once_and_is_written_when_it_is_back(lite: DayDesk) -> None:
    lite.clock.set(kst(10))
    await lite.day.start()
    lite.db.away = True
    lite.ownership.is_ready = False  # the lease cannot be renewed either
    await lite.day.look()
    await lite.day.look()
    assert lite.state is S.STOPPED
    assert lite.blocked() == "MARKET_STATE"
    lite.db.away = False
    await lite.day.look()
    assert lite.state is S.STOPPED  # not before it owns the account again
    lite.ownership.is_ready = True
    await lite.day.look()
    assert lite.state is S.TRADING
    assert (await lite.changes())[-4:] == ["OFFLINE", "INITIALIZING", "READY", "TRADING"]
    assert "STOPPED" in await lite.changes()


async def test_an_opening_cut_off_by_the_database_is_done_again(lite: DayDesk) -> None:
    lite.clock.set(kst(8, 29))
    await lite.day.start()
    steps = lite.day._steps
    carry_out = steps.open

    async def cut_off_after(cause: RecoveryCause) -> Opened:
        done = await carry_out(cause)
        lite.db.away = True
        return done

    steps.open = cut_off_after  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        await lite.at(kst(8, 30))
    assert lite.state is S.INITIALIZING
    assert lite.blocked() == "MARKET_STATE"
    steps.open = carry_out  # type: ignore[method-assign]
    lite.db.away = False
    assert await lite.at(kst(8, 31)) is S.READY


async def test_a_closing_cut_off_by_the_database_is_done_again(lite: DayDesk) -> None:
    lite.clock.set(kst(10))
    await lite.day.start()
    steps = lite.day._steps
    carry_out = steps.close

    async def cut_off_after() -> list[StepRecord]:
        done = await carry_out()
        lite.db.away = True
        return done

    steps.close = cut_off_after  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        await lite.at(kst(15, 30))
    assert lite.state is S.CLOSING
    steps.close = carry_out  # type: ignore[method-assign]
    lite.db.away = False
    assert await lite.at(kst(15, 31)) is S.CLOSED


async def test_a_stale_owner_writes_no_state(desk: DayDesk) -> None:
    await desk.day.start()
    old = desk.day
    await desk.restart()
    with pytest.raises(StaleLease):
        await old._become(S.INITIALIZING, "still here")
    assert (await desk.stored()).state == "OFFLINE"


async def test_an_unanswered_calendar_is_asked_again_after_a_minute_and_opens_the_day_late(lite: DayDesk) -> None:
    await lite.day.start()
    asked: list[datetime] = []
    holidays = lite.broker.holidays

    async def silent(first: date) -> dict[date, bool]:
        asked.append(lite.clock.now())
        raise Unavailable("the calendar does not answer")

    lite.broker.holidays = silent  # type: ignore[method-assign]
    for _ in range(5):
        assert await lite.at(kst(9, 1)) is S.OFFLINE
    assert asked == [kst(9, 1)]
    assert lite.blocked() == "MARKET_STATE"
    lite.broker.holidays = holidays  # type: ignore[method-assign]
    assert await lite.at(kst(9, 3)) is S.TRADING


async def test_a_stop_in_the_night_is_no_alarm(lite: DayDesk) -> None:
    lite.clock.set(kst(3))
    lite.broker.down = frozenset({"orders_of_day"})
    with pytest.raises(NotLevelled):
        await lite.day.start()
    (alert,) = await told_alerts(lite.redis)
    assert alert.level.value == "WARNING"


async def test_a_person_may_have_the_house_recovered(lite: DayDesk) -> None:
    lite.clock.set(kst(10))
    lite.broker.down = frozenset({"balance"})
    await lite.day.start()
    report = await lite.day.recover()
    assert report.status is RecoveryStatus.FAILED
    assert lite.state is S.STOPPED
    lite.broker.down = frozenset()
    report = await lite.day.recover()
    assert (report.cause.value, report.status) == ("person", RecoveryStatus.SUCCESS)
    assert lite.state is S.TRADING


async def test_a_recovery_that_fails_in_the_session_blocks_buys_until_one_succeeds(lite: DayDesk) -> None:
    lite.clock.set(kst(10))
    await lite.day.start()
    lite.broker.down = frozenset({"balance"})
    await lite.day.recover()
    assert (lite.state, lite.blocked()) == (S.TRADING, "RECOVERY_FAILED")
    assert "balance" in str(lite.guard.refuses("krx-core"))
    await lite.day.look()
    assert lite.blocked() == "RECOVERY_FAILED"
    lite.broker.down = frozenset()
    await lite.day.look()
    assert lite.blocked() == ""


async def test_what_was_filled_while_nobody_looked_is_synced_and_counted(desk: DayDesk) -> None:
    desk.clock.set(kst(10))
    await desk.day.start()
    await desk.send(TradeType.BUY, 7)
    await desk.restart()
    await desk.day.start()
    report = desk.day.status().recovery
    assert report is not None
    assert (report.status, report.orders_synced, report.mismatches_found) == (RecoveryStatus.SUCCESS, 1, 0)
    assert desk.blocked() == ""


async def test_a_loss_that_nobody_can_tell_shows_in_the_status_and_is_measured_anew_for_each_buy(lite: DayDesk) -> None:
    lite.clock.set(kst(10))
    await lite.day.start()
    lite.unknown_losses["krx-core"] = "no price of 005930"
    (block,) = lite.day.status().buy_blocks
    assert (block.code.value, block.strategy, block.why) == ("LOSS_UNKNOWN", "krx-core", "no price of 005930")
    assert lite.blocked() == ""


async def test_stale_quotes_and_a_lost_stream_show_in_the_status(lite: DayDesk) -> None:
    lite.clock.set(kst(10))
    await lite.day.start()
    lite.socket.wanted = ("005930",)
    lite.socket.status.last_tick_at = kst(10)
    lite.clock.advance(30)
    assert lite.day.status().buys_allowed
    lite.clock.advance(31)
    status = lite.day.status()
    assert not status.buys_allowed
    assert [block.code.value for block in status.buy_blocks] == ["QUOTES_STALE"]
    lite.socket.status.last_tick_at = lite.clock.now()
    lite.socket.hears_notices = False
    lite.guard._heard_at -= 6
    assert lite.blocked() == "FILL_STREAM_LOST"
    lite.socket.hears_notices = True
    assert lite.blocked() == ""


async def test_the_status_tells_the_session_of_the_day(lite: DayDesk) -> None:
    lite.clock.set(kst(10))
    status = lite.day.status()  # before anything was read
    assert (status.state, status.buys_allowed) == (S.OFFLINE, False)
    await lite.day.start()
    status = lite.day.status()
    assert (status.opens_at, status.closes_at) == (kst(9), kst(15, 30))
    lite.clock.set(kst(10) + timedelta(days=4))
    assert lite.day.status().opens_at is None
