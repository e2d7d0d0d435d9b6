"""/ws before real stores: what a page is told, what it missed, and how little it can harm."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from prime_jennie.domain.market import Tick, TickBatch
from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.positions import TradeNotification
from prime_jennie.domain.topics import TICKS, TRADE_NOTIFICATIONS
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.redis.connection import connect as connect_redis
from prime_jennie.infra.redis.streams import TypedStreamPublisher
from tests.support.dashboard import READ, Dashboard, GatewayTwin, running_dashboard
from tests.support.redis_server import RedisServer

NOW = datetime(2026, 2, 19, 1, 15, tzinfo=UTC)


@asynccontextmanager
async def page(dashboard: Dashboard, query: str = "", token: str = READ) -> AsyncIterator[ClientConnection]:
    """Open a page's WebSocket."""
    headers = {"Authorization": f"Bearer {token}"}
    async with connect(dashboard.socket_url + query, additional_headers=headers, proxy=None) as socket:
        yield socket


async def told(socket: ClientConnection, kind: str, within_secs: float = 10) -> dict[str, Any]:
    """Return the next update of a kind."""
    async with asyncio.timeout(within_secs):
        while True:
            update: dict[str, Any] = json.loads(await socket.recv())
            if update["type"] == kind:
                return update


def notification(number: int, name: str = "삼성전자") -> TradeNotification:
    return TradeNotification(
        trade_type=TradeType.BUY,
        stock_code="005930",
        stock_name=name,
        quantity=number,
        price=72_100,
        total_amount=72_100 * number,
        timestamp=NOW,
    )


@pytest.fixture
async def client(mortal_redis: RedisServer) -> AsyncIterator[Redis]:
    found = connect_redis(mortal_redis.url)
    yield found
    await found.aclose()


@pytest.fixture
def trades(client: Redis) -> TypedStreamPublisher[TradeNotification]:
    return TypedStreamPublisher(client, TRADE_NOTIFICATIONS.stream.value, TradeNotification)


async def test_a_page_is_told_prices_trades_and_halts_and_gets_what_it_missed(
    dashboard: Dashboard, client: Redis, trades: TypedStreamPublisher[TradeNotification]
) -> None:
    ticks = TypedStreamPublisher(client, TICKS.stream.value, TickBatch)
    tick = Tick(
        stock_code="005930", price=72_300, volume=1, cumulative_volume=9, ask=72_400, bid=72_300, high=72_500, at=NOW
    )
    async with page(dashboard) as socket:
        hello = await told(socket, "hello")
        await trades.publish(notification(1))
        first = await told(socket, "trade")
        assert (first["seq"], first["data"]["quantity"]) == (hello["seq"] + 1, 1)
        await ticks.publish(TickBatch(ticks=(tick,), at=NOW))
        assert (await told(socket, "prices"))["data"]["005930"]["price"] == 72_300
    for number in (2, 3):
        await trades.publish(notification(number))
    async with page(dashboard, f"?epoch={first['epoch']}&seq={first['seq']}") as socket:
        missed = [await told(socket, "trade") for _ in range(2)]
        assert [update["data"]["quantity"] for update in missed] == [2, 3]
        assert (await told(socket, "prices"))["data"]["005930"]["price"] == 72_300  # the newest, not a replay
    async with page(dashboard, f"?epoch={'0' * 16}&seq=1") as socket:
        assert (await told(socket, "reset"))["seq"] == missed[-1]["seq"]


async def test_a_page_may_have_missed_more_than_may_wait_for_it(
    mortal_redis: RedisServer,
    sqlite_url: str,
    sqlite_db: Database,
    gateway: GatewayTwin,
    trades: TypedStreamPublisher[TradeNotification],
) -> None:
    with running_dashboard(mortal_redis.url, sqlite_url, gateway.url, CLIENT_BACKLOG="8") as dashboard:
        async with page(dashboard) as socket:
            hello = await told(socket, "hello")
            for number in range(1, 31):
                await trades.publish(notification(number))
                await told(socket, "trade")
        async with page(dashboard, f"?epoch={hello['epoch']}&seq={hello['seq']}") as socket:
            missed = [(await told(socket, "trade"))["data"]["quantity"] for _ in range(30)]
            assert missed == list(range(1, 31))
            await trades.publish(notification(31))
            assert (await told(socket, "trade"))["data"]["quantity"] == 31


async def test_strangers_and_hostile_pages_are_shown_the_door_with_the_reason(dashboard: Dashboard) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with page(dashboard, token="wrong"):
            pass
    assert refused.value.response.status_code == 403
    async with connect(dashboard.socket_url, subprotocols=[f"bearer.{READ}"], proxy=None) as socket:  # type: ignore[list-item]
        await told(socket, "hello")
    for said, code in ((b"\x00\x01", 1003), ("x" * 500, 1009), ("x" * 100_000, 1009)):
        async with page(dashboard) as socket:
            await socket.send(said)
            with pytest.raises(ConnectionClosed) as closed:
                await asyncio.wait_for(_drain(socket), 10)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == code
    async with page(dashboard, "?seq=minus") as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(_drain(socket), 10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1003


async def test_a_strangers_long_address_is_soon_refused(dashboard: Dashboard) -> None:
    began_at = time.monotonic()
    with pytest.raises(InvalidStatus):
        async with page(dashboard, "?" + "a-" * 3_900, token="wrong"):
            pass
    assert dashboard.get("/livez").status_code == 200
    assert time.monotonic() - began_at < 5  # the server logs the address; to mask it once took thirteen seconds


async def test_a_page_that_does_not_read_is_closed_and_its_neighbour_misses_nothing(
    mortal_redis: RedisServer,
    sqlite_url: str,
    sqlite_db: Database,
    gateway: GatewayTwin,
    trades: TypedStreamPublisher[TradeNotification],
) -> None:
    limits = {"CLIENT_BACKLOG": "256", "STALLED_SECS": "2"}
    with running_dashboard(mortal_redis.url, sqlite_url, gateway.url, **limits) as dashboard:
        headers = {"Authorization": f"Bearer {READ}"}
        async with (
            connect(dashboard.socket_url, additional_headers=headers, proxy=None, max_queue=1, compression=None),
            page(dashboard) as neighbour,
        ):
            await told(neighbour, "hello")
            count, long_name = 600, "가" * 20_000  # 36 MB: more than sockets take in for a page that never reads

            async def publish() -> None:
                for number in range(1, count + 1):
                    await trades.publish(notification(number, long_name))

            publishing = asyncio.create_task(publish())
            got = [(await told(neighbour, "trade", 60))["data"]["quantity"] for _ in range(count)]
            await publishing
            assert got == list(range(1, count + 1))
            metrics = ""
            deadline = time.monotonic() + 30
            while "jennie_dashboard_stalled_total 1.0" not in metrics and time.monotonic() < deadline:
                metrics = dashboard.get("/metrics").text
                await asyncio.sleep(0.2)
            assert "jennie_dashboard_stalled_total 1.0" in metrics
            assert "jennie_dashboard_clients 1.0" in metrics


async def test_more_pages_than_allowed_are_turned_away(
    mortal_redis: RedisServer, sqlite_url: str, sqlite_db: Database, gateway: GatewayTwin
) -> None:
    with running_dashboard(mortal_redis.url, sqlite_url, gateway.url, MAX_CLIENTS="1") as dashboard:
        async with page(dashboard) as first:
            await told(first, "hello")
            async with page(dashboard) as second:
                with pytest.raises(ConnectionClosed) as closed:
                    await asyncio.wait_for(_drain(second), 10)
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == 1013


async def test_an_outage_of_redis_interrupts_the_news_and_loses_none(
    dashboard: Dashboard, mortal_redis: RedisServer, trades: TypedStreamPublisher[TradeNotification]
) -> None:
    async with page(dashboard) as socket:
        await told(socket, "hello")
        await trades.publish(notification(1))
        await told(socket, "trade")
        mortal_redis.restart()
        async with connect_redis(mortal_redis.url) as anew:
            await TypedStreamPublisher(anew, TRADE_NOTIFICATIONS.stream.value, TradeNotification).publish(
                notification(2)
            )
        assert (await told(socket, "trade", 20))["data"]["quantity"] == 2


async def _drain(socket: ClientConnection) -> None:
    while True:
        await socket.recv()
