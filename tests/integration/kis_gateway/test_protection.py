"""A person is told while nothing sells what is held, reminded every half hour, and told once when it is over."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from redis.asyncio import Redis
from sqlalchemy import update

from kis_gateway import protection
from kis_gateway.config import GatewaySettings
from kis_gateway.guard import BuyGuard
from kis_gateway.market_day import MarketDay
from kis_gateway.ownership import Ownership
from kis_gateway.parts import assemble
from kis_gateway.protection import Protection
from prime_jennie.domain.alerts import AlertLevel
from prime_jennie.infra.alerts import Alerts
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.clients.kis.websocket import SocketStatus
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.workers import WorkerRepository
from prime_jennie.infra.database.tables.lifecycle import WorkerProcessRow
from prime_jennie.infra.heartbeat import EXITING, RUNNING
from prime_jennie.infra.tasks import end_tasks
from tests.support.eventually import eventually
from tests.support.gateway import gateway_environment
from tests.support.order_desk import ACCOUNT, SAMSUNG, STRATEGY
from tests.support.risk_desk import RiskDesk

CLOSING_AUCTION = datetime(2025, 3, 10, 6, 20, tzinfo=UTC)
CLOSE = datetime(2025, 3, 10, 6, 30, tzinfo=UTC)


class Desk(RiskDesk):
    """A house with one strategy whose price-monitor and sell-executor beat, and a feed that a test cuts."""

    def watch(self) -> None:
        """Become the gateway that watches."""
        sessions = load_sessions()
        self.socket = SimpleNamespace(status=SocketStatus(connected=True), wanted=(SAMSUNG,), hears_notices=True)
        guard = BuyGuard(cast(Any, self.socket), sessions, self.clock, wants_notices=True, unknown_losses=dict)
        self.protection = Protection(
            account=ACCOUNT,
            db=self.db,
            guard=guard,
            alerts=Alerts(self.redis, self.clock, "kis-gateway"),
            ownership=cast(Any, self.ownership),
            market=MarketDay(self.broker, sessions, self.clock, asks=False),
            clock=self.clock,
        )

    async def beat(self, service: str, status: str = RUNNING, strategy: str = STRATEGY, port: int = 8088) -> None:
        """Let a service say that it lives, or that it leaves."""
        await WorkerRepository(self.db).beat(
            f"{service}@127.0.0.1:{port}", service=service, strategy=strategy, status=status
        )

    async def fall_silent(self, service: str) -> None:
        """Let a service's last beat be six minutes old."""
        silent = update(WorkerProcessRow).where(WorkerProcessRow.service == service)
        ago = datetime.now(UTC) - timedelta(minutes=6)
        await self.db.write(lambda session: session.execute(silent.values(last_heartbeat_at=ago)))

    async def look(self, *, heard: bool = True, connected: bool | None = None) -> list[str]:
        """Look now, with a print a moment ago or a session that is gone, and return all titles told so far."""
        self.socket.status.connected = heard if connected is None else connected
        if heard:
            self.socket.status.last_tick_at = self.clock.now()
        await self.protection.look()
        return [alert.title for alert in await self.alerts()]

    async def calm(self) -> list[str]:
        """Let five minutes pass in which nothing is missing, and return all titles told so far."""
        await self.look()
        self.clock.advance(300)
        return await self.look()


@pytest.fixture
async def desk(redis: Redis, sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(protection, "SURE_AFTER_SECS", 0.0)
    made = Desk(redis, sqlite_db)
    made.watch()
    for service in ("price-monitor", "sell-executor"):
        await made.beat(service)
    return made


NO_QUOTES = f"{STRATEGY}: 시세가 끊겨 손절이 나가지 않습니다 (보유 1종목)"
NO_MONITOR = f"{STRATEGY}: price-monitor의 소식이 끊겨 손절이 나가지 않습니다 (보유 1종목)"
NO_EXECUTOR = f"{STRATEGY}: sell-executor의 소식이 끊겨 손절이 나가지 않습니다 (보유 1종목)"
AGAIN = f"{STRATEGY}: 손절 감시가 다시 작동합니다 (보유 1종목)"


async def test_a_lost_stream_is_told_with_what_is_held_reminded_every_half_hour_and_its_end_told_once(
    desk: Desk,
) -> None:
    await desk.buy()
    assert await desk.look() == []
    desk.clock.advance(61)
    assert await desk.look(heard=False) == [NO_QUOTES]
    (alert,) = await desk.alerts()
    assert (alert.level, alert.strategy) == (AlertLevel.CRITICAL, STRATEGY)
    assert alert.text.splitlines()[1] == "no trade of 1 registered stocks was heard for 61 s"
    assert "수동 매도(/sell)는 됩니다" in alert.text
    desk.clock.advance(29 * 60)
    assert len(await desk.look(heard=False)) == 1
    desk.clock.advance(60)
    assert await desk.look(heard=False) == [NO_QUOTES] * 2
    assert await desk.calm() == await desk.look() == [NO_QUOTES, NO_QUOTES, AGAIN]
    assert (await desk.alerts())[-1].level is AlertLevel.INFO


async def test_stocks_that_nobody_trades_are_no_lost_stream_for_five_minutes(desk: Desk) -> None:
    await desk.buy()
    for _ in range(30):  # a print every two minutes
        desk.clock.advance(120)
        assert await desk.look(heard=False, connected=True) == []
        assert await desk.look() == []
    desk.clock.advance(61)
    assert await desk.look(heard=False, connected=True) == []
    desk.clock.advance(299)
    assert await desk.look(heard=False, connected=True) == []
    desk.clock.advance(1)
    assert await desk.look(heard=False, connected=True) == [NO_QUOTES]


async def test_a_stream_that_comes_and_goes_is_one_trouble(desk: Desk) -> None:
    await desk.buy()
    for _ in range(20):
        desk.clock.advance(61)
        await desk.look(heard=False)
        told = await desk.look()
    assert told == [NO_QUOTES]
    assert await desk.calm() == [NO_QUOTES, AGAIN]


async def test_without_positions_nothing_is_lost(desk: Desk) -> None:
    desk.clock.advance(3_600)
    await desk.fall_silent("price-monitor")
    assert await desk.look(heard=False) == []


@pytest.mark.parametrize(("service", "title"), [("price-monitor", NO_MONITOR), ("sell-executor", NO_EXECUTOR)])
async def test_a_silent_or_departed_service_is_told(desk: Desk, service: str, title: str) -> None:
    await desk.buy()
    await desk.fall_silent(service)
    assert await desk.look() == [title]
    assert (service == "sell-executor") is ("증권사에서 직접 파십시오" in (await desk.alerts())[0].text)
    await desk.beat(service, port=9_000)  # it is back, as another process
    assert await desk.calm() == [title, AGAIN]
    desk.clock.advance(1)
    await desk.beat(service, EXITING, port=9_000)
    assert await desk.look() == [title, AGAIN, title]


async def test_a_strategy_whose_services_were_never_heard_of_protects_nothing(desk: Desk) -> None:
    await desk.db.write(lambda session: session.execute(update(WorkerProcessRow).values(strategy="krx-other")))
    await desk.buy()
    assert await desk.look() == [NO_MONITOR]
    assert "sell-executor: 소식이 한 번도 없었습니다" in (await desk.alerts())[0].text


async def test_what_is_missing_besides_is_news_and_what_comes_back_in_part_is_not_the_end(desk: Desk) -> None:
    await desk.buy()
    desk.clock.advance(61)
    assert await desk.look(heard=False) == [NO_QUOTES]
    await desk.fall_silent("sell-executor")
    desk.clock.advance(1)
    assert await desk.look(heard=False) == [NO_QUOTES] * 2
    assert "수동 매도(/sell)도 나가지 않습니다" in (await desk.alerts())[1].text
    assert len(await desk.look()) == 2
    await desk.beat("sell-executor")
    assert (await desk.calm())[2:] == [AGAIN]


async def test_a_start_is_given_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that has just started has heard no trade yet, and its neighbours are starting, too."""
    monkeypatch.setattr(protection, "SURE_AFTER_SECS", 3_600.0)
    await desk.buy()
    await desk.fall_silent("price-monitor")
    assert await desk.look(heard=False) == []


async def test_a_stream_that_was_lost_before_the_closing_auction_is_not_called_back_by_it(desk: Desk) -> None:
    await desk.buy()
    desk.clock.set(CLOSING_AUCTION - timedelta(minutes=5))
    assert await desk.look(heard=False) == [NO_QUOTES]
    desk.clock.set(CLOSING_AUCTION)
    assert await desk.look(heard=False) == [NO_QUOTES]
    desk.clock.set(CLOSE)
    assert await desk.look(heard=False) == [NO_QUOTES]
    desk.clock.set(CLOSE + timedelta(days=1) - timedelta(hours=1))
    assert await desk.look() == [NO_QUOTES]


async def test_what_was_sold_meanwhile_needs_no_all_clear(desk: Desk) -> None:
    await desk.buy()
    desk.clock.advance(61)
    assert await desk.look(heard=False) == [NO_QUOTES]
    await desk.sell(58, 72_100)
    assert await desk.look() == [NO_QUOTES]


async def test_an_alert_that_was_not_published_is_sent_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def lost(*_: object, **__: object) -> bool:
        return False

    await desk.buy()
    desk.clock.advance(61)
    with monkeypatch.context() as patch:
        patch.setattr(Alerts, "send", lost)
        assert await desk.look(heard=False) == []
    assert await desk.look(heard=False) == [NO_QUOTES]


async def test_the_gateway_looks_all_day_long(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in gateway_environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(Ownership, "is_ready", True)
    parts = assemble(GatewaySettings(), desk.clock, desk.redis, desk.db)
    await desk.buy()
    await desk.fall_silent("price-monitor")
    loops = parts.loops()
    looking = asyncio.create_task(loops.pop("protection"))
    try:
        await eventually(desk.alerts, within_secs=30, what="the alert")
    finally:
        await end_tasks([looking])
        for loop in loops.values():
            loop.close()
        await parts.broker.close()
    assert [alert.title for alert in await desk.alerts()] == [NO_MONITOR]
