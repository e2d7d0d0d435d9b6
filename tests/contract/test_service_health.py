"""/health of the real applications carries what service-contracts §1.2, §1.3 and §1.6 promise."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from fastapi import FastAPI

from buy_executor.app import create_app as buy_executor
from buy_executor.config import BuyExecutorSettings
from buy_scanner.app import create_app as buy_scanner
from buy_scanner.config import ScannerSettings
from data_collector.app import create_app as data_collector
from data_collector.config import CollectorSettings
from price_monitor.app import create_app as price_monitor
from price_monitor.config import MonitorSettings
from prime_jennie.domain.health import HealthStatus, ServiceStatus
from scout_job.app import create_app as scout_job
from scout_job.config import ScoutSettings
from sell_executor.app import create_app as sell_executor
from sell_executor.config import SellExecutorSettings
from tests.support import service_desk
from tests.support.eventually import eventually
from tests.support.service_desk import ServiceDesk, ready, started, tick

desk = service_desk.desk

APPS: dict[str, Callable[[dict[str, Any]], FastAPI]] = {
    "buy-scanner": lambda given: buy_scanner(ScannerSettings(**given)),
    "price-monitor": lambda given: price_monitor(MonitorSettings(**given)),
    "scout-job": lambda given: scout_job(ScoutSettings(**given)),
    "data-collector": lambda given: data_collector(CollectorSettings(**given)),
}
AT_A_DESK: dict[str, Callable[[dict[str, Any]], FastAPI]] = {
    "buy-scanner": APPS["buy-scanner"],
    "price-monitor": APPS["price-monitor"],
    "buy-executor": lambda given: buy_executor(BuyExecutorSettings(**given)),
    "sell-executor": lambda given: sell_executor(SellExecutorSettings(**given)),
}


@pytest.mark.parametrize("name", APPS)
async def test_health_is_a_health_status_with_its_dependencies(desk: ServiceDesk, name: str) -> None:
    desk.broker.indexes["0001"] = []
    async with started(APPS[name](desk.environment)) as client:
        await ready(client)
        found = HealthStatus.model_validate_json((await client.get("/health")).content)
    assert (found.service, found.status, found.timestamp) == (name, ServiceStatus.HEALTHY, desk.clock.now())
    assert found.dependencies.keys() == {"redis", "db", "kis_gateway"}


@pytest.mark.parametrize("name", APPS)
async def test_a_lost_gateway_is_unhealthy_and_named(desk: ServiceDesk, name: str) -> None:
    desk.broker.indexes["0001"] = []
    async with started(APPS[name](desk.environment)) as client:
        await ready(client)
        desk.gateway.down = True
        found = HealthStatus.model_validate_json((await client.get("/health")).content)
    assert (found.status, found.dependencies["kis_gateway"].status.value) == (ServiceStatus.UNHEALTHY, "down")


@pytest.mark.parametrize("name", AT_A_DESK)
async def test_a_service_is_alive_while_the_gateway_is_away_and_ready_when_it_is_back(
    desk: ServiceDesk, name: str
) -> None:
    desk.gateway.down = True
    async with started(AT_A_DESK[name](desk.environment)) as client:
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/readyz")).status_code == 503
        found = HealthStatus.model_validate_json((await client.get("/health")).content)
        assert (found.status, found.dependencies["desk"].message) == (ServiceStatus.DEGRADED, "starting")
        desk.gateway.down = False
        await ready(client)
        found = HealthStatus.model_validate_json((await client.get("/health")).content)
    assert found.dependencies.keys() >= {"redis", "db", "kis_gateway"}
    assert "desk" not in found.dependencies


@pytest.mark.parametrize("name", AT_A_DESK)
async def test_a_service_stops_while_it_waits_for_the_gateway_and_leaves_nothing_behind(
    desk: ServiceDesk, name: str
) -> None:
    desk.gateway.down = True
    loop = asyncio.get_running_loop()
    async with started(AT_A_DESK[name](desk.environment)):
        await eventually(lambda: acknowledged(desk, name), what="the configuration, after which the gateway is asked")
        began_at = loop.time()
    assert loop.time() - began_at < 3  # the desk fixture sees to the tasks


async def acknowledged(desk: ServiceDesk, name: str) -> bool:
    """Tell whether a service works by the first generation."""
    return await desk.acknowledged(name) == 1


async def test_buy_scanners_extras(desk: ServiceDesk) -> None:
    async with started(APPS["buy-scanner"](desk.environment)) as client:
        await ready(client)
        found = (await client.get("/health")).json()
    assert (found["watchlist_loaded"], found["stock_count"], found["market_regime"]) == (True, 1, "BULL")
    assert found["active_strategies"] == ["VOLUME_BREAKOUT"]  # what truly runs, not what exists


async def test_price_monitors_extras(desk: ServiceDesk) -> None:
    await desk.hold()
    async with started(APPS["price-monitor"](desk.environment)) as client:
        await ready(client)
        await eventually(lambda: f"{service_desk.STRATEGY}:price-monitor" in desk.clock.positions)
        assert (await client.get("/health")).json()["last_tick_at"] is None
        sent = tick("10:15:00", 100_000)
        await desk.play([sent], "price-monitor")
        found = (await client.get("/health")).json()
    assert (found["monitoring_count"], found["websocket_connected"]) == (1, True)
    assert datetime.fromisoformat(found["last_tick_at"]) == sent.at
