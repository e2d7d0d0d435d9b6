"""The keeper writes copies again, remembers configurations, and tells a person where nothing automatic sells."""

from datetime import timedelta

import pytest
from redis.asyncio import Redis

from prime_jennie.domain.alerts import AlertLevel
from prime_jennie.domain.risk import WHOLE_ACCOUNT, Halt, HaltSource, HaltState
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.halts import COPY_MARK
from tests.support.order_desk import OPEN, STRATEGY
from tests.support.risk_desk import RiskDesk


@pytest.fixture
async def desk(redis: Redis, sqlite_db: Database) -> RiskDesk:
    return RiskDesk(redis, sqlite_db)


def stop(source: HaltSource = HaltSource.PERSON) -> Halt:
    return Halt(state=HaltState.STOPPED, source=source, who="owner", why="폭락", at=OPEN)


async def test_an_emptied_redis_says_again_what_every_source_has_halted(desk: RiskDesk) -> None:
    await desk.announce(trading="Paused")
    await desk.halts.set(WHOLE_ACCOUNT, stop())
    await desk.keeper.keep()
    await desk.redis.flushall()
    desk.restart()
    await desk.keeper.keep()
    pause, everything = f"{STRATEGY}:emergency:trading_pause", "emergency:full_stop"
    assert sorted(await desk.redis.keys("*emergency*")) == [everything, pause]
    assert str(await desk.redis.get(pause)).startswith(COPY_MARK + "Paused by spec")
    assert await desk.standings.halt(STRATEGY) is HaltState.STOPPED
    await desk.halts.lift(WHOLE_ACCOUNT, HaltSource.PERSON)
    assert await desk.standings.halt(STRATEGY) is HaltState.PAUSED


async def test_a_newer_configuration_replaces_what_sql_remembers(desk: RiskDesk) -> None:
    await desk.announce(trading="Paused")
    await desk.keeper.keep()
    await desk.announce(generation=2)
    await desk.keeper.keep()
    await desk.redis.flushall()
    desk.restart()
    live = await desk.standings.config(STRATEGY)
    assert live is not None
    assert live.generation == 2
    assert await desk.standings.halt_in_sql(STRATEGY) is HaltState.ACTIVE


async def test_a_stop_with_open_positions_is_told_at_once_and_every_half_hour(desk: RiskDesk) -> None:
    await desk.announce()
    await desk.buy()
    await desk.keeper.keep()
    assert await desk.alerts() == []
    await desk.halts.set(STRATEGY, stop())
    for minutes in (0, 1, 28):
        desk.clock.advance(timedelta(minutes=minutes).total_seconds())
        await desk.keeper.keep()
    (alert,) = await desk.alerts()
    assert (alert.level, alert.strategy) == (AlertLevel.CRITICAL, STRATEGY)
    assert "1종목" in alert.title
    assert "owner: 폭락" in alert.text
    desk.clock.advance(60)
    await desk.keeper.keep()
    assert len(await desk.alerts()) == 2


async def test_after_the_close_nobody_is_reminded(desk: RiskDesk) -> None:
    await desk.announce()
    await desk.buy()
    await desk.halts.set(STRATEGY, stop())
    await desk.keeper.keep()
    desk.clock.advance(timedelta(hours=5).total_seconds())
    await desk.keeper.keep()
    assert len(await desk.alerts()) == 1


async def test_a_lifted_stop_that_comes_back_is_news(desk: RiskDesk) -> None:
    await desk.announce()
    await desk.buy()
    for _ in range(2):
        await desk.halts.set(STRATEGY, stop())
        await desk.keeper.keep()
        await desk.halts.lift(STRATEGY, HaltSource.PERSON)
        await desk.keeper.keep()
        desk.clock.advance(1)
    assert len(await desk.alerts()) == 2


async def test_a_pause_or_a_stop_without_positions_needs_no_alert(desk: RiskDesk) -> None:
    await desk.announce(trading="Paused")
    await desk.buy()
    await desk.keeper.keep()
    await desk.announce("krx-empty", trading="Stopped")
    await desk.keeper.keep()
    assert await desk.alerts() == []
