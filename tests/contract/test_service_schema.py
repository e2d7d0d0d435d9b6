"""Every service that uses the database is alive without its tables, says so, and begins once they are there."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from buy_executor.app import create_app as buy_executor
from buy_executor.config import BuyExecutorSettings
from buy_scanner.app import create_app as buy_scanner
from buy_scanner.config import ScannerSettings
from command_handler.app import create_app as command_handler
from command_handler.config import CommandSettings
from daily_briefing.app import create_app as daily_briefing
from daily_briefing.config import BriefingSettings
from dashboard_api.app import create_app as dashboard_api
from dashboard_api.config import DashboardSettings
from data_collector.app import create_app as data_collector
from data_collector.config import CollectorSettings
from macro_council.app import create_app as macro_council
from macro_council.config import CouncilSettings
from price_monitor.app import create_app as price_monitor
from price_monitor.config import MonitorSettings
from prime_jennie.infra.database.migrate import migrate
from prime_jennie.infra.database.schema import REVISION
from scout_job.app import create_app as scout_job
from scout_job.config import ScoutSettings
from sell_executor.app import create_app as sell_executor
from sell_executor.config import SellExecutorSettings
from tests.support import database, service_desk, web
from tests.support.database import stand_at
from tests.support.eventually import eventually
from tests.support.gateway import RunningGateway, running_house, until
from tests.support.service_desk import ServiceDesk, ready, started

desk = service_desk.desk
database_url = database.database_url
mariadb_server = database.mariadb_server
mariadb_url = database.mariadb_url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Name a file beside the desk's own, which has its tables."""
    return f"sqlite:///{tmp_path / 'without-tables.db'}"


APPS: dict[str, Callable[[dict[str, Any]], FastAPI]] = {
    "buy-scanner": lambda given: buy_scanner(ScannerSettings(**given)),
    "buy-executor": lambda given: buy_executor(BuyExecutorSettings(**given)),
    "sell-executor": lambda given: sell_executor(SellExecutorSettings(**given)),
    "price-monitor": lambda given: price_monitor(MonitorSettings(**given)),
    "scout-job": lambda given: scout_job(ScoutSettings(**given)),
    "data-collector": lambda given: data_collector(CollectorSettings(**given)),
    "macro-council": lambda given: macro_council(CouncilSettings(**given)),
    "daily-briefing": lambda given: daily_briefing(BriefingSettings(**given)),
    "command-handler": lambda given: command_handler(CommandSettings(**given)),
    "dashboard-api": lambda given: dashboard_api(DashboardSettings(**given)),
}


@pytest.mark.parametrize("name", APPS)
async def test_a_service_is_alive_without_tables_and_ready_once_they_are_there(
    desk: ServiceDesk, database_url: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.broker.indexes["0001"] = []
    monkeypatch.setattr("command_handler.app.GatewayClient", lambda *_args, **_kwargs: desk.gateway)
    async with started(APPS[name](desk.environment | {"database_url": database_url})) as client:

        async def reason() -> str:
            answer = await client.get("/readyz")
            assert answer.status_code == 503
            return str(answer.json().get("reason", ""))

        async def is_told() -> bool:
            return "the database has no tables yet" in await reason()

        await eventually(is_told)
        assert (await client.get("/livez")).status_code == 200
        told = (await client.get("/health")).json()["dependencies"]
        assert any("no tables yet" in dependency["message"] for dependency in told.values())
        await asyncio.to_thread(migrate, database_url)
        await ready(client)
        assert (await client.get("/readyz")).json() == {"ready": True}


def test_the_gateway_takes_no_lease_before_the_tables_are_its_own(tmp_path: Path) -> None:
    with running_house(tmp_path, start=False) as house:
        stand_at(house.db, "0001")
        house.gateway.start(ready=False)
        answer = ask(house.gateway)
        assert (answer["ready"], answer["reason"]) == (
            False,
            f"the database is at revision 0001, {REVISION} is expected",
        )
        assert house.gateway.post("/api/trading/buy", {}).status_code in (400, 503)
        leases = house.db.read_now(
            lambda session: session.execute(text("SELECT COUNT(*) FROM gateway_leases")).scalar()
        )
        assert leases == 0
        stand_at(house.db, REVISION)
        house.gateway.wait("/readyz")


def ask(gateway: RunningGateway) -> dict[str, Any]:
    """Ask /readyz until it tells a reason."""
    found: dict[str, Any] = {}

    def has_reason() -> bool:
        found.clear()
        found.update(web.get(f"{gateway.url}/readyz", timeout=5).json())
        return bool(found.get("reason"))

    until(has_reason, what="a reason")
    return found
