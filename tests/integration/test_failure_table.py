"""The failure table of the system's architecture (§6.1), row by row: what happens, and how it recovers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest
from httpx import AsyncClient as Client
from redis.asyncio import Redis

import buy_scanner.app
import price_monitor.app
from buy_scanner.config import ScannerSettings
from macro_council.model_council import ModelCouncil
from price_monitor.config import MonitorSettings
from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.orders import OrderRequest, OrderType
from prime_jennie.domain.slots import SlotState
from prime_jennie.domain.topics import BUY_SIGNALS
from prime_jennie.domain.watchlist import HotWatchlist
from prime_jennie.infra.clients.llm import open_model
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.inbox import SqlInbox
from prime_jennie.infra.database.repositories.insights import InsightRepository
from tests.support.council_desk import ANALYST, JUDGE, STRATEGIST, CouncilDesk
from tests.support.database import MariaDb, mariadb_server, mariadb_url, sqlite_db, sqlite_url
from tests.support.eventually import eventually
from tests.support.executors import Floor
from tests.support.gateway import HYNIX, SAMSUNG, STRATEGY
from tests.support.insights import COUNCIL_AT
from tests.support.insights import DAY as COUNCIL_DAY
from tests.support.language_server import NOT_JSON, language_server, saying
from tests.support.scanning import at, context, entry
from tests.support.schedules import kst, schedule
from tests.support.scouting import KOSDAQ_STOCK, STRONG_STOCKS, ScoutWorld, strong
from tests.support.service_desk import ServiceDesk, breakout, desk, frames, started
from tests.support.shop import SIGNALS, SOON, answers, health, shop
from tests.support.slot_world import scheduled
from tests.support.sql_gateway import Killed

__all__ = ["desk", "mariadb_server", "mariadb_url", "sqlite_db", "sqlite_url"]

ONE_SHARE = OrderRequest(stock_code=SAMSUNG, quantity=1, order_type=OrderType.MARKET)
QUOTE = {"tr_id": "FHKST01010100", "secs": 2}


async def test_orders_fail_without_a_gateway_and_are_sent_once_when_the_breaker_has_closed(tmp_path: Path) -> None:
    """kis-gateway down: every order fails, no quotes. Recovery: circuit breaker, then retried by itself."""
    limits = {"KIS_TIMEOUT_SECS": "1", "BREAKER_FAILURES": "2", "BREAKER_OPEN_SECS": "2", "LEASE_SECS": "2"}
    async with shop(tmp_path, **limits) as town, town.buying() as buyer:
        house = town.house
        price = (await town.gateway.snapshot(SAMSUNG)).price
        house.gateway.kill()
        message = await town.signal(price)
        for order in (town.gateway.buy, town.gateway.sell):
            with pytest.raises(Unavailable, match="nothing was sent"):
                await order(ONE_SHARE, key="by-hand")
        with pytest.raises(Unavailable):
            await town.gateway.snapshot(SAMSUNG)
        await eventually(lambda: town.is_waiting(buyer, message), within_secs=SOON, what="the signal waits")

        house.exchange.arm("rest_timeout", probability=1.0, parameters=QUOTE)
        house.gateway.start(ready=False)
        await eventually(lambda: house.gateway.health().get("breaker") == "open", within_secs=SOON, what="open breaker")
        assert await town.is_waiting(buyer, message)
        house.disarm()
        await town.bought_once(message)
        assert house.gateway.health().get("breaker") == "closed"


async def test_a_failed_scout_leaves_its_list_for_a_day_and_the_next_hours_slot_writes_a_new_one(
    sqlite_db: Database, redis: Redis
) -> None:
    """scout-job failed: the earlier watchlist stays (24 h TTL). Recovery: the next hour runs by itself."""
    scout = ScoutWorld(sqlite_db, redis, at("08:00"))
    await scout.fill()
    key = RedisKeys.WATCHLIST_ACTIVE.value
    async with scheduled(sqlite_db, scout.clock, scout.run(), schedule()) as world:
        assert await world.state_after("scout-20260219-0830", kst("08:31")) is SlotState.RAN
        text = await redis.get(key)

        scout.gateway.down = True
        assert await world.state_after("scout-20260219-0930", kst("09:40")) is SlotState.FAILED
        assert await redis.get(key) == text
        assert 86_000 < await redis.ttl(key) <= 86_400

        scout.gateway.down = False
        await redis.expire(key, 80_000)  # as an hour and more later
        for code in [*map(strong, range(STRONG_STOCKS)), KOSDAQ_STOCK]:
            scout.quote(code, 30_000, seen_at=kst("10:29").astimezone(UTC))
        assert await world.state_after("scout-20260219-1030", kst("10:31")) is SlotState.RAN
        found = await scout.watchlist()
        assert found is not None
        assert (found.generated_at, bool(found.stocks)) == (kst("10:30"), True)
        assert 86_000 < await redis.ttl(key) <= 86_400


async def test_without_a_scanner_there_are_no_signals_and_a_new_one_loads_the_list_again(desk: ServiceDesk) -> None:
    """buy-scanner down: no buy signals. Recovery: a restart loads the watchlist again."""
    desk.configure(watchlist={"source": "scout"})
    await desk.redis.set(RedisKeys.WATCHLIST_ACTIVE.value, hot_list(HYNIX))
    consumer = f"{STRATEGY}:buy-scanner"

    @asynccontextmanager
    async def scanning() -> AsyncIterator[Client]:
        desk.clock.positions.pop(consumer, None)
        async with started(buy_scanner.app.create_app(ScannerSettings(**desk.environment))) as client:
            await eventually(lambda: consumer in desk.clock.positions, within_secs=SOON, what="following ticks")
            yield client

    async with scanning() as client:
        assert (await health(client))["watchlist_version"] == HotWatchlist.version_of(at("08:30"))
    await desk.redis.set(RedisKeys.WATCHLIST_ACTIVE.value, hot_list(SAMSUNG, "09:30"))
    await desk.publish(frames(breakout()))
    assert await desk.signals() == []

    async with scanning() as client:
        found = await health(client)
        assert (found["watchlist_version"], found["stock_count"]) == (HotWatchlist.version_of(at("09:30")), 1)
        assert await desk.signals() == []
        later = [one.model_copy(update={"at": one.at + timedelta(hours=1)}) for one in breakout()]
        await desk.play(later, "buy-scanner")
        assert [signal.stock_code for signal in await desk.signals()] == [SAMSUNG]


def hot_list(code: str, clock: str = "08:30") -> str:
    version = HotWatchlist.version_of(at(clock))
    regime = context().market_regime
    stocks = (entry(stock_code=code),)
    return HotWatchlist(generated_at=at(clock), market_regime=regime, stocks=stocks, version=version).model_dump_json()


async def test_signals_pile_up_without_an_executor_and_a_new_one_takes_each_once_and_no_stale_one(
    sqlite_db: Database, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """buy-executor down: signals pile up in the stream. Recovery: a restart consumes the pending ones by itself."""
    floor = Floor(redis, sqlite_db)
    await floor.open()
    floor.list_stock(HYNIX, 200_000, pattern=1)
    stale = await floor.signal()
    floor.clock.advance(181)
    pending = await floor.signal()

    async def die(*_: Any, **__: Any) -> bool:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(SqlInbox, "receive", die)
        with pytest.raises(Killed):
            await (await floor.buyer()).run()
    late = await floor.signal(stock_code=HYNIX, stock_name="SK하이닉스")
    stream, group = BUY_SIGNALS.stream_for(floor.keys), BUY_SIGNALS.group
    assert (await redis.xlen(stream), (await redis.xpending(stream, group))["pending"]) == (3, 2)
    assert floor.gateway.sent == []

    async with floor.running(await floor.buyer()):
        assert [(await floor.finished(one))[0] for one in (stale, pending, late)] == ["expired", "bought", "bought"]
    assert (await redis.xpending(stream, group))["pending"] == 0
    async with floor.running(await floor.buyer()):
        assert (await floor.finished(await floor.signal()))[0] == "refused"  # held: the reader is past the others
    assert [sent[0] for sent in floor.gateway.sent] == [f"buy:{pending}", f"buy:{late}"]
    await floor.booked_matches_filled()


async def test_a_failed_council_leaves_the_insight_and_the_next_slot_writes_a_new_one(
    sqlite_db: Database, redis: Redis
) -> None:
    """macro-council failed: the earlier insight stays. Recovery: the next schedule runs by itself."""
    council = CouncilDesk(redis, sqlite_db, at=COUNCIL_AT - timedelta(minutes=10))
    plan = schedule("council", task="macro-council", schedules=["30 7,11,13 * * 1-5"])
    with language_server(saying(STRATEGIST), saying(ANALYST), saying(JUDGE)) as server:
        address = {"llm_base_url": server.url, "llm_model": "exaone", "llm_timeout_secs": 10.0}
        council.settings = council.settings.model_copy(update=address)
        model = open_model(council.settings, redis, council.clock)
        assert model is not None
        council.start(ModelCouncil(model, council.settings.cost_usd))
        async with scheduled(sqlite_db, council.clock, council.council, plan) as world:
            day = COUNCIL_DAY
            assert await world.state_after("council-20250318-0730", kst("07:31", day)) is SlotState.RAN
            morning = await council.insight()
            assert morning is not None
            assert morning.regime_hint == "관망"

            server.says(NOT_JSON)
            assert await world.state_after("council-20250318-1130", kst("11:40", day)) is SlotState.FAILED
            assert await council.insight() == await InsightRepository(sqlite_db).of(day) == morning

            server.says(saying(STRATEGIST), saying(ANALYST), saying(JUDGE | {"final_regime_hint": "순환매"}))
            assert await world.state_after("council-20250318-1330", kst("13:31", day)) is SlotState.RAN
            newer = await council.insight()
            assert newer == await InsightRepository(sqlite_db).of(day)
            assert newer is not None
            assert (newer.regime_hint, newer.decided_at) == ("순환매", kst("13:30", day))


async def test_nothing_is_live_without_redis_and_every_service_goes_on_when_it_is_back(tmp_path: Path) -> None:
    """Redis down: everything in real time stops. Recovery: Redis must come back (and the services are still there)."""
    async with (
        shop(tmp_path) as town,
        town.buying() as buyer,
        town.running(buy_scanner.app.create_app, ScannerSettings) as scanner,
        town.running(price_monitor.app.create_app, MonitorSettings) as monitor,
        Client(base_url=town.house.gateway.url, trust_env=False, timeout=30) as gateway,
    ):
        services = (buyer, scanner, monitor, gateway)
        price = (await town.gateway.snapshot(SAMSUNG)).price

        async def tick() -> str:
            return str((await health(scanner))["last_tick_at"])

        async def all_say(status: str) -> bool:
            return {(await health(service))["status"] for service in services} == {status}

        async def ticks_since(before: str) -> bool:
            return before != await tick() != "None"

        await eventually(lambda: ticks_since("None"), within_secs=SOON, what="ticks")
        await eventually(lambda: all_say("healthy"), within_secs=SOON, what="health")
        town.house.redis.kill()
        await eventually(lambda: all_say("unhealthy"), within_secs=SOON, what="health that tells of the outage")
        last = await tick()
        assert [await answers(service, "/livez") for service in services] == [True] * 4
        assert not (await health(monitor))["websocket_connected"]
        with pytest.raises(Unavailable):
            await town.gateway.buy(ONE_SHARE, key="by-hand")
        assert (await tick(), town.house.exchange_orders()) == (last, [])

        town.house.redis.start()
        await eventually(lambda: ticks_since(last), within_secs=SOON, what="ticks again")
        await eventually(lambda: all_say("healthy"), within_secs=SOON, what="health again")
        assert (await health(monitor))["websocket_connected"]
        await town.bought_once(await town.signal(price))


async def test_no_order_is_sent_while_no_intent_can_be_written_and_orders_go_on_when_mariadb_is_back(
    tmp_path: Path, mariadb_server: MariaDb, mariadb_url: str
) -> None:
    """MariaDB down: orders cannot be recorded. Recovery: the database must come back."""
    async with shop(tmp_path, database_url=mariadb_url) as town, town.buying() as buyer:
        house = town.house
        price = (await town.gateway.snapshot(SAMSUNG)).price
        mariadb_server.stop()
        message = await town.signal(price)
        for order in (town.gateway.buy, town.gateway.sell):
            with pytest.raises(Unavailable):
                await order(ONE_SHARE, key="by-hand")

        async def tells() -> bool:
            found = await health(buyer)
            return found["status"] == "unhealthy" and SIGNALS in found["dependencies"]

        await eventually(tells, within_secs=SOON, what="health that tells of the outage")
        assert house.gateway.health()["dependencies"]["db"]["status"] == "down"
        assert house.exchange_orders() == []

        mariadb_server.restart()
        await town.bought_once(message)
        await eventually(lambda: house.gateway.health()["status"] == "healthy", within_secs=SOON, what="good health")
